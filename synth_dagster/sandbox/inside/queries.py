"""Runs one SELECT in a DuckDB in memory that reaches nothing outside: no files, no extensions, no settings."""

import json
import os
import sys
from typing import Any

from synth_dagster.sandbox.inside.programs import OUT_OF_MEMORY
from synth_dagster.sandbox.inside.system import NotHere

SETTINGS = {
    "threads": 1,
    "async_threads": 0,
    "enable_external_access": False,
    "allow_community_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "temp_directory": "",
}


class NotATable(Exception):
    """What was handed over is no table for this engine; that is a failed query, not a broken sandbox."""


_TYPES = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "VARCHAR"}


def connected(packages: list[str], tables: dict[str, Any], memory_mb: int) -> Any:
    """An engine that holds the tables and nothing else, and cannot be opened up again."""
    sys.path.extend(packages)
    import duckdb

    engine = duckdb.connect(":memory:", config={**SETTINGS, "memory_limit": f"{memory_mb // 2}MB"})
    for name, table in tables.items():
        try:
            _create(engine, name, table["columns"], table["rows"])
        except (duckdb.Error, IndexError) as error:  # numbers beyond 64 bits, columns of one name, a short row
            raise NotATable(f"{type(error).__name__}: {error}") from error
    engine.execute("SELECT setseed(0.5)")
    engine.execute("SET TimeZone = 'UTC'")  # the same text for a time on every machine
    engine.execute("SET lock_configuration = true")
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  the walls would be of this thread only
        raise NotHere("DuckDB runs threads of its own, although it was told to use one")
    return engine


def run(engine: Any, statement: str, most_rows: int) -> int:
    """The exit code; the result is written as JSON, one row more than wanted where there are more."""
    import duckdb

    if not statement.isascii() and any("\ud800" <= sign <= "\udfff" for sign in statement):
        sys.stderr.write("StatementError: half a character (a lone surrogate) stands in it\n")
        return 1
    try:
        if [one.type for one in engine.extract_statements(statement)] != [duckdb.StatementType.SELECT]:
            sys.stderr.write("StatementError: one SELECT is expected\n")
            return 1
        found = engine.execute(statement)
        columns, kinds = [column[0] for column in found.description], [str(column[1]) for column in found.description]
        if any("TIME ZONE" in kind for kind in kinds):
            found = engine.execute(_with_zones_as_text(statement, kinds))
        rows = found.fetchmany(most_rows + 1)
    except (duckdb.OutOfMemoryException, MemoryError):
        return OUT_OF_MEMORY
    except Exception as error:  # noqa: BLE001  also what has no value in Python, such as a year of six digits
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(json.dumps({"columns": columns, "rows": rows}, default=str))
    sys.stdout.flush()
    return 0


def _with_zones_as_text(statement: str, kinds: list[str]) -> str:
    """The same with each time that has a zone as text: as a value the engine gives it only where pytz is installed."""
    import duckdb

    places = (f"#{place}::VARCHAR" if "TIME ZONE" in kind else f"#{place}" for place, kind in enumerate(kinds, 1))
    spelled = statement.encode()
    ends = (place for place, _ in duckdb.tokenize(statement) if spelled[place : place + 1] == b";")
    return f"SELECT {', '.join(places)} FROM ({spelled[: next(ends, None)].decode()}\n)"


def not_run(cause: NotATable) -> int:
    """The exit code of a query whose tables could not be made."""
    sys.stderr.write(f"{cause}\n")
    return 1


def _create(engine: Any, name: str, columns: list[str], rows: list[list[Any]]) -> None:
    kinds = [_kind(row[place] for row in rows) for place in range(len(columns))]
    spelled = ", ".join(f"{_quoted(column)} {kind}" for column, kind in zip(columns, kinds, strict=True))
    engine.execute(f"CREATE TABLE {_quoted(name)} ({spelled})")
    if rows:
        engine.executemany(f"INSERT INTO {_quoted(name)} VALUES ({', '.join('?' * len(columns))})", rows)


def _kind(values: Any) -> str:
    """The type that holds all values of a column; text where they are of several."""
    kinds = {_TYPES.get(type(value), "VARCHAR") for value in values if value is not None}
    if kinds == {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    return kinds.pop() if len(kinds) == 1 else "VARCHAR"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
