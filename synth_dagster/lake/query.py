"""What people may ask in their own SQL: one SELECT over the tables of a dataset, and nothing that leaves them.

The text is judged as DuckDB's own parser understands it, so no spelling, comment or quoting can hide a file or a second
statement. A connection made for such a question is also closed to the file system outside the lake.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from synth_dagster.errors import LakeError, UnknownName
from synth_dagster.lake.delta_log import Snapshot
from synth_dagster.parts.sql import literal, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})  # those that read nothing
OUTSIDE = frozenset({"getenv", "current_setting", "getvariable", "write_log", "nextval", "query", "query_table"})
NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE", "RECURSIVE_CTE_NODE"})
CURE = "Write one SELECT over the tables of the dataset, without files, settings or table functions."


def open_views(tables: Mapping[str, tuple[Path, Snapshot]]) -> "DuckDBPyConnection":
    """A DuckDB in memory with a view for each table, pinned to its snapshot."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("create schema shapes")
    for name, (path, shown) in tables.items():
        _create_view(connection, name, path, shown)
    return connection


def _create_view(connection: "DuckDBPyConnection", name: str, path: Path, shown: Snapshot) -> None:
    """The typed empty table comes first: it names the columns, also those that no file has yet."""
    connection.register("shape", shown.schema.empty_table())
    connection.execute(f"create table shapes.{quoted(name)} as select * from shape")
    connection.unregister("shape")
    files = f" union all by name select * from {_parquet(path, shown)}" if shown.files else ""
    columns = ", ".join(quoted(column) for column in shown.schema.names)
    connection.execute(f"create view {quoted(name)} as select {columns} from (from shapes.{quoted(name)}{files})")


def _parquet(path: Path, shown: Snapshot) -> str:
    files = ", ".join(literal(_exact(str(path / file.path))) for file in shown.files)
    types = ", ".join(f"{literal(name)}: VARCHAR" for name in shown.partition_by)
    return f"read_parquet([{files}], hive_partitioning = true, union_by_name = true, hive_types = {{{types}}})"


def _exact(path: str) -> str:
    """A path that DuckDB does not take for a pattern."""
    from glob import escape

    return escape(path) if set(path) & set("*?[") else path


def seal(connection: "DuckDBPyConnection", folders: Collection[Path]) -> None:
    """From here on the connection reads these folders, and no setting of it can be changed."""
    spellings = {spelling for folder in folders for spelling in (str(folder), _exact(str(folder)))}
    allowed = ", ".join(literal(f"{spelling}/") for spelling in sorted(spellings))
    connection.execute("set python_enable_replacements = false")  # else a variable of the program is a table too
    connection.execute(f"set allowed_directories = [{allowed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def select_only(sql: str, tables: Collection[str] | None = None) -> str:
    """The SQL itself, if it is one read-only SELECT over these tables (any plain names when None); else LakeError."""
    statements = _parsed(sql)
    if len(statements) != 1:
        raise LakeError(f"This is {len(statements)} statements. {CURE}")
    own = {entry["key"] for node in _dicts(statements[0]) for entry in (node.get("cte_map") or {}).get("map", [])}
    for node in _dicts(statements[0]):
        _judge(node, None if tables is None else {*tables, *own}, own)
    return sql


def where_only(where: str) -> str:
    """The condition itself, if it is one expression over the columns of a table; else LakeError."""
    if not where.strip():
        raise LakeError(f"The condition is empty. {CURE}")
    (node,) = (statement["node"] for statement in _parsed(f"select 1 from t where ({where}\n)"))
    whole = {
        name
        for name, value in node.items()
        if value and name in ("modifiers", "group_expressions", "having", "qualify")
    }
    if node["type"] != "SELECT_NODE" or whole:
        raise LakeError(f"A condition is one expression, such as lang = 'en'. {CURE}")
    for inner in _dicts(node["where_clause"]):
        if inner.get("class") == "SUBQUERY":
            raise LakeError(f"A condition may not hold a query. {CURE}")
        _judge(inner, set(), set())
    return where


def _judge(node: Mapping[str, Any], tables: Collection[str] | None, own: Collection[str]) -> None:
    kind = node.get("type") or ""
    function = str(node.get("function_name", "")).lower()
    if kind.endswith("_NODE") and kind not in NODES:
        raise LakeError(f"{kind.removesuffix('_NODE').replace('_', ' ')} is not a SELECT. {CURE}")
    if kind in ("SHOW_REF", "SHOW_SELECT"):
        raise LakeError(f"DESCRIBE, SHOW and SUMMARIZE are not a SELECT. {CURE}")
    if function in OUTSIDE:
        raise LakeError(f"The function {function}() reaches outside the tables. {CURE}")
    if kind == "TABLE_FUNCTION":
        _judge_table_function(node)
    if kind == "BASE_TABLE":
        _judge_table(node, tables, own)


def _judge_table_function(node: Mapping[str, Any]) -> None:
    name = str((node.get("function") or {}).get("function_name", "")).lower()
    if name not in TABLE_FUNCTIONS:
        raise LakeError(f"The table function {name}() reaches outside the tables. {CURE}")


def _judge_table(node: Mapping[str, Any], tables: Collection[str] | None, own: Collection[str]) -> None:
    name, elsewhere = node["table_name"], node.get("schema_name") or node.get("catalog_name")
    if elsewhere or (tables is None and not (name.isidentifier() or name in own)):
        raise LakeError(f"'{name}' is not a table of the dataset. {CURE}")
    if tables is not None and name not in tables:
        raise UnknownName("table", name, tables)


def _parsed(sql: str) -> list[dict[str, Any]]:
    import duckdb

    with duckdb.connect() as connection:
        row = connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()
    try:
        tree = json.loads(row[0]) if row else {"error": True, "error_message": "nothing came"}
    except RecursionError:
        raise LakeError(f"This SQL is nested too deep. {CURE}") from None
    if tree["error"]:
        raise LakeError(f"This SQL cannot be used: {tree['error_message']}. {CURE}")
    return tree["statements"]


def _dicts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a parsed statement, without recursion: a deep expression must not end in a RecursionError."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def reason(error: Exception) -> str:
    """What DuckDB says, with the names that it would have known, and without the piece of SQL that it draws."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join([*lines[:1], *(line for line in lines[1:] if line.startswith("Candidate bindings"))])


def columns_of(schema: pa.Schema, columns: Collection[str] | None) -> list[str]:
    """The columns asked for, in that order; all of them when None."""
    for name in columns or ():
        if name not in schema.names:
            raise UnknownName("column", name, schema.names)
    return list(columns) if columns is not None else list(schema.names)
