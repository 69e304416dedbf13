"""What the metadata store asks of a database: short transactions by many threads and processes, one schema at a time.

Two databases give it: a SQLite file on this machine (`sqlite.py`), and a schema of a Postgres server that several
machines share (`postgres.py`). One SQL text serves both: `?` stands for a value, `on conflict` for the second writer,
`returning` for what was given a number, and `{number}` in a migration for a column that counts by itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol

from synth_dagster.errors import LakeError

BUSY_SECONDS = 60.0  # how long a writer waits for the others


class Row(Protocol):
    """A row, by the names of its columns."""

    def __getitem__(self, name: str, /) -> Any: ...
    def keys(self) -> Iterable[str]: ...


class Result(Protocol):
    """What a statement gives back."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Row | None: ...
    def fetchall(self) -> Sequence[Row]: ...


class Transaction(Protocol):
    """What happens in it happens whole or not at all, and what it has read stays true until it ends."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Result: ...


class Database(ABC):
    """One database. Opening it brings it to the newest schema, or refuses it when it is newer than this program."""

    name: str  # how errors call it, without a password
    clock: ClassVar[str]  # SQL for now in seconds, by the clock that all who use the database share
    number: ClassVar[str]  # SQL for a primary key that counts by itself

    @abstractmethod
    def rows(self, sql: str, values: Sequence[Any] = ()) -> Sequence[Row]:
        """All rows of one query."""

    def row(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        """The first row of one query, or None."""
        return next(iter(self.rows(sql, values)), None)

    def write(self, sql: str, values: Sequence[Any] = ()) -> int:
        """One statement in its own transaction; how many rows it changed."""
        with self.transaction() as transaction:
            return transaction.execute(sql, values).rowcount

    @abstractmethod
    def transaction(self, *, durable: bool = False) -> AbstractContextManager[Transaction]:
        """A transaction that holds the only write lock from its start, so that what it reads stays true.

        A killed process loses nothing that is committed. `durable` says the same of a power cut, where it costs more.
        """

    @abstractmethod
    def close(self) -> None:
        """Close what this thread does not need any more; the next call opens it again."""

    @abstractmethod
    def _version(self, transaction: Transaction | None = None) -> int:
        """The number of migrations that the database has seen."""

    @abstractmethod
    def _set_version(self, transaction: Transaction, version: int) -> None: ...

    def _migrate(self, migrations: Sequence[str]) -> None:
        """Run what is missing. Migration n brings a database from schema version n to n + 1."""
        found = self._version()
        if found > len(migrations):
            raise LakeError(
                f"{self.name} has schema version {found} and this synth_dagster knows {len(migrations)}. "
                "It was written by a newer synth_dagster: upgrade this one, or open another lake."
            )
        for number in range(found, len(migrations)):
            with self.transaction() as transaction:
                if self._version(transaction) == number:  # no other process was faster
                    for statement in statements(migrations[number]):
                        transaction.execute(statement.replace("{number}", self.number))
                    self._set_version(transaction, number + 1)


def open_database(where: str | Path, migrations: Sequence[str]) -> Database:
    """The database at a Postgres URL or in a file. Raises LakeError when it is not there or may not be used."""
    scheme, mark, _ = str(where).partition("://")
    if not mark:
        from synth_dagster.lake.sqlite import SqliteDatabase

        return SqliteDatabase(Path(where).expanduser().absolute(), migrations)
    if scheme not in ("postgresql", "postgres"):
        raise LakeError(
            f"Metadata cannot be kept in a {scheme}:// address. Give a file of this machine, or "
            "postgresql://USER@HOST:PORT/DATABASE?schema=NAME."
        )
    from synth_dagster.lake.postgres import PostgresDatabase

    return PostgresDatabase(str(where), migrations)


def statements(sql: str) -> list[str]:
    """The statements of a script, each with a semicolon at the end of a line."""
    return [statement for statement in sql.split(";\n") if statement.strip()]
