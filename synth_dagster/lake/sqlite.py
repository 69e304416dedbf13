"""A small SQLite file that many threads and processes write: one short transaction a call, migrated when it is opened.

WAL lets readers go on while one writes; the busy timeout makes writers queue. A connection belongs to one thread of one
process. `user_version` is the number of migrations that a file has seen.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synth_dagster.errors import LakeError

Migration = Callable[[sqlite3.Connection], None]
BUSY_SECONDS = 60.0


class Database:
    """One SQLite file. Opening it brings it to the newest schema, or refuses it when it is newer than this program."""

    def __init__(self, path: Path, migrations: Sequence[Migration]) -> None:
        self.path = path
        self._local = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._migrate(migrations)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of one query."""
        return self._connection().execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of one query, or None."""
        return self._connection().execute(sql, values).fetchone()

    def write(self, sql: str, values: Sequence[Any] = ()) -> int:
        """One statement in its own transaction; how many rows it changed."""
        with self.transaction() as connection:
            return connection.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start, so that what it reads stays true until it ends."""
        connection = self._connection()
        try:
            connection.execute("begin immediate")
            yield connection
            connection.execute("commit")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("rollback")
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise LakeError(
                    f"The disk under {self.path.parent} is full: {self.path.name} cannot grow. Nothing was changed. "
                    "Make room and run the command again."
                ) from error
            raise

    def close(self) -> None:
        """Close this thread's connection; the next call opens another."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> sqlite3.Connection:
        owner = os.getpid()  # a forked child must not use its parent's connection
        if getattr(self._local, "connection", None) is None or self._local.owner != owner:
            self._local.connection, self._local.owner = _connect(self.path), owner
        return self._local.connection

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        found = self._version()
        if found > len(migrations):
            raise LakeError(
                f"{self.path.name} has schema version {found} and this synth_dagster knows {len(migrations)}. "
                "It was written by a newer synth_dagster: upgrade this one, or open another lake."
            )
        for number in range(found, len(migrations)):
            with self.transaction() as connection:
                if connection.execute("pragma user_version").fetchone()[0] == number:  # no other process was faster
                    migrations[number](connection)
                    connection.execute(f"pragma user_version = {number + 1}")

    def _version(self) -> int:
        found = self.row("pragma user_version")
        return int(found[0]) if found else 0


def script(sql: str) -> Migration:
    """A migration that is plain SQL: statements with a semicolon at the end of a line."""

    def run(connection: sqlite3.Connection) -> None:
        for statement in sql.split(";\n"):
            if statement.strip():
                connection.execute(statement)

    return run


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise LakeError(
            f"{path} cannot be opened: {error}. Check that the folder exists and may be written."
        ) from error
    connection.row_factory = sqlite3.Row
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma synchronous = normal")
    _write_ahead(connection)
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL. The switch itself does not wait for the busy timeout, so we do."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
