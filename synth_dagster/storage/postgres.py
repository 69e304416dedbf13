"""A schema of a Postgres server that several machines share, as its URL names it, and connections to it."""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, quote, urlencode

from synth_dagster.errors import SynthError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

DEFAULT_SCHEMA = "synth_dagster"
SCHEMA = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")
BUSY_SECONDS = 60.0  # how long a writer waits for the others
PATIENCE_SECONDS = 15.0  # how long a server that answered before may be gone, as when it is restarted
SESSION = {  # of ours only, where the URL does not say otherwise
    "application_name": "synth_dagster",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


TABLES = """select schemaname, tablename from pg_catalog.pg_tables
    where schemaname = any(current_schemas(false)) order by schemaname, tablename"""


@dataclass(frozen=True, slots=True)
class Used:
    """What a database is used for, in the words of its errors: `metadata database`, the variable, the error's type."""

    what: str
    variable: str
    error: type[SynthError]


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema of a database. `settings` are what libpq understands of its URL; they may hold a password."""

    schema: str
    used: Used
    settings: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """How errors call it, without a password."""
        settings = self.settings
        host = settings.get("host") or os.environ.get("PGHOST") or "localhost"
        port = settings.get("port") or os.environ.get("PGPORT") or "5432"
        database = settings.get("dbname") or os.environ.get("PGDATABASE") or settings.get("user") or ""
        return f"postgresql://{host}:{port}/{database} (schema {self.schema})"

    def connected(self, *, patient: bool, row_factory: Any = None) -> "Connection":
        """A new connection. `patient` waits for a server that is being restarted."""
        import psycopg
        from psycopg.rows import tuple_row

        # unprepared: another process may add a column while this one runs, and `select *` would then be refused
        ours = {"autocommit": True, "prepare_threshold": None, "row_factory": row_factory or tuple_row}
        until = time.monotonic() + (PATIENCE_SECONDS if patient else 0)
        while True:
            try:
                return psycopg.connect(**cast("Any", {**self.settings, **ours}))
            except psycopg.OperationalError as error:
                if time.monotonic() >= until:
                    raise self.used.error(
                        f"The {self.used.what} {self.name} cannot be reached: {reason(error)}. Start it, or correct "
                        f"{self.used.variable} and the user and password that go with it."
                    ) from error
            time.sleep(0.2)

    def tables(self) -> list[str]:
        """The tables that its sessions see without naming a schema."""
        with self.connected(patient=False) as connection:
            rows = connection.execute(TABLES).fetchall()
        return [f'"{schema}"."{name}"' for schema, name in rows]

    def tables_with(self, column: str) -> list[str]:
        """Those of these tables that have such a column."""
        return [table for table in self.tables() if column in self.columns(table)]

    def empty_pages(self, tables: Iterable[str]) -> None:
        """A deleted row stays in its file until the table is written anew."""
        with self.connected(patient=True) as connection:
            for table in tables:
                connection.execute(cast("Any", f"vacuum full {table}"))

    def update(self, sql: str, *values: object) -> None:
        """Change rows of these tables; `%s` stands for a value."""
        with self.connected(patient=True) as connection:
            connection.execute(cast("Any", sql), values)

    def columns(self, table: str) -> list[str]:
        """The columns of one of these tables."""
        with self.connected(patient=True) as connection:
            found = connection.execute(cast("Any", f"select * from {table} limit 0"))
            return [column.name for column in found.description or ()]

    def rows(self, table: str, at_once: int = 500) -> Iterator[list[tuple[Any, ...]]]:
        """Every row of one of these tables, some at a time, as they are at one moment."""
        with (
            self.connected(patient=True) as connection,
            connection.transaction(),
            connection.cursor(name="synth_rows") as cursor,
        ):
            cursor.execute(cast("Any", f"select * from {table}"))
            while rows := cursor.fetchmany(at_once):
                yield rows

    def sentence(self, error: "psycopg.Error") -> str | None:
        """A bad day of the server in one sentence; None for a mistake of this program."""
        from psycopg import DataError, OperationalError, errors

        the, again = f"The {self.used.what} {self.name}", "Nothing was changed. Run the command again"
        match error:
            case errors.DiskFull():
                return f"The disk of the {self.used.what} {self.name} is full. Make room there. {again}."
            case errors.LockNotAvailable():
                return f"{the} was held by another process for {BUSY_SECONDS:g} s. {again} later."
            case errors.InsufficientPrivilege():
                return (
                    f"{the} refuses: {reason(error)}. Let its owner run "
                    f"'create schema {self.schema} authorization USER', or name a user who may."
                )
            case errors.ReadOnlySqlTransaction():
                return f"{the} takes no writes, as a standby does. Name the primary."
            case OperationalError():
                return f"{the} was lost in the middle of its work: {reason(error)}. {again}."
            case DataError():
                return f"{the} cannot keep a value: {reason(error)}."
        return None

    def not_utf8(self) -> SynthError:
        """For a database that cannot keep every text."""
        return self.used.error(
            f"{self.name} is not in UTF8 and cannot keep every text. Make a database with "
            "'createdb --encoding UTF8 --template template0 NAME' and name that."
        )


def schema_at(url: str, used: Used, *, own: bool = True) -> Schema:
    """The schema that a URL names; another program's (not our `own`) are those that its own search path names.

    Raises the error of `used` for a bad URL, or where psycopg is missing.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise used.error(
            f"The {used.what} on Postgres needs a package that is not installed. "
            "Run: pip install 'synth-dagster[postgres]'."
        ) from error
    address, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    schema = options.pop("schema", DEFAULT_SCHEMA)
    if not SCHEMA.match(schema) or schema.startswith("pg_"):
        raise used.error(f"'{schema}' is no name for a schema: a letter, then small letters, digits and underscores.")
    try:
        given = conninfo_to_dict(f"{address}?{urlencode(options, quote_via=quote)}" if options else address)
    except ProgrammingError:  # its words would repeat a password
        raise used.error(
            f"The URL of the {used.what} cannot be read. Write postgresql://USER@HOST:PORT/DATABASE?schema=NAME, "
            "with special characters of a password in percent form, or leave the password to PGPASSWORD."
        ) from None
    settings = SESSION | {name: str(value) for name, value in given.items()}
    path = f"-c search_path={schema} " if own else ""
    ours = f"{path}-c lock_timeout={BUSY_SECONDS:.0f}s"
    # a holder of the lock that was suspended, or whose network is gone, must not stop the others for good
    ours += f" -c idle_in_transaction_session_timeout={BUSY_SECONDS:.0f}s"
    return Schema(schema, used, settings | {"options": f"{settings.get('options', '')} {ours}".strip()})


def reason(error: "psycopg.Error") -> str:
    """The server's own words, without a value: details may hold some."""
    return (error.diag.message_primary or str(error).strip().splitlines()[0]).rstrip(".")
