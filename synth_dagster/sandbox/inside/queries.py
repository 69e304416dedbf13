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
    engine.execute("SET lock_configuration = true")
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  the walls would be of this thread only
        raise NotHere("DuckDB runs threads of its own, although it was told to use one")
    return engine


def run(engine: Any, statement: str, most_rows: int) -> int:
    """The exit code; the result is written as JSON, one row more than wanted where there are more."""
    import duckdb

    try:
        kinds = [one.type for one in engine.extract_statements(statement)]
        if kinds != [duckdb.StatementType.SELECT]:
            sys.stderr.write("StatementError: one SELECT is expected\n")
            return 1
        found = engine.execute(statement)
        columns = [column[0] for column in found.description]
        rows = found.fetchmany(most_rows + 1)
    except (duckdb.OutOfMemoryException, MemoryError):
        return OUT_OF_MEMORY
    except duckdb.Error as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(json.dumps({"columns": columns, "rows": rows}, default=str))
    sys.stdout.flush()
    return 0


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
