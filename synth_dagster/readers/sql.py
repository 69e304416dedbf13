"""Rows of a query: over tables in files of the project, read by DuckDB, or over any database that SQLAlchemy reaches.

The rows are read in the order of the column that names them, which is put around the query: a later run enters at any
row with a comparison, and an insertion moves nothing. A password never stands in a recipe: the database's address is in
an environment variable, and the recipe names the variable.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import Field, field_validator

from synth_dagster.errors import SynthError
from synth_dagster.parts.sql import literal, quoted
from synth_dagster.readers.base import Delivery, Flaw, Item, Unreadable, locator_of, place_of, unreadable
from synth_dagster.readers.folder import found_files
from synth_dagster.readers.formats.parquet import as_json
from synth_dagster.readers.formats.rows import item_of, name_of
from synth_dagster.readers.formats.settings import RowReader
from synth_dagster.readers.places import Places
from synth_dagster.records import canonical_json

AT_A_TIME = 1_000  # rows
MEMORY = "1GB"  # of DuckDB; a larger sort goes to disk
FILES = frozenset(
    {"read_parquet", "parquet_scan", "read_csv", "read_csv_auto", "read_json", "read_json_auto", "read_ndjson"}
)
HARMLESS = frozenset({"unnest", "range", "generate_series"})
OUTSIDE = frozenset({"getenv", "current_setting", "getvariable", "write_log", "nextval", "query", "query_table"})
NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE", "RECURSIVE_CTE_NODE"})
CURE = "Write one SELECT, over read_parquet('inbox/...'), read_csv or read_json of files of the project."


class Sql(RowReader):
    """Reads the rows of one SELECT in the order of their id."""

    query: str = Field(min_length=1, description="One SELECT, without ORDER BY: rows come in the order of id_field.")
    url_env: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The NAME of the variable with the database's address; files of the project if left out.",
        json_schema_extra={"form": "the name of a variable, or null"},
    )
    id_field: str | None = Field("id", min_length=1, description="The column that names a row, and orders the rows.")

    @field_validator("id_field")
    @classmethod
    def _is_needed(cls, name: str | None) -> str | None:
        if name is None:
            raise ValueError("A query needs a column that names each row: its rows have no other order.")
        return name

    @property
    def id_column(self) -> str:
        return str(self.id_field)

    def items(self, places: Places, *, start: str | None = None, optional: bool = False) -> Delivery:
        place = place_of(start) if start else {}
        rows = (_from_database if self.url_env else _from_files)(self, places, place)
        return _items(rows, self, place)


def _items(rows: Iterator[dict[str, Any]], settings: Sql, place: Mapping[str, Any]) -> Delivery:
    """Each row as an item. Rows of one id stand together: the second is refused, and is entered by its count."""
    before, count = object(), 0
    for row in rows:
        value = {name: as_json(held) for name, held in row.items() if not isinstance(held, bytes | memoryview)}
        if settings.id_column not in row:  # SQLite takes the name of a missing column for a text
            raise SynthError(f"The query gives no column '{settings.id_field}'. Select it, or set id_field to another.")
        name = value.get(settings.id_column)
        before, count = name, count + 1 if name == before else 1
        if count >= (place.get("nth", 1) if name == place.get("id") else 1):
            yield _item(value, settings, count)


def _item(value: dict[str, Any], settings: Sql, count: int) -> Item | Unreadable:
    found = value.get(settings.id_column)
    locator = locator_of(id=found, nth=count)
    try:
        name = name_of(value, settings.id_field)
        if name is None:
            raise Flaw(
                "missing_field", f"Rows have no '{settings.id_field}'. Give them one, or select only those with."
            )
        if count > 1:
            raise Flaw("duplicate_key", f"The id {name!r} stands there before. Select each row once.")
        return item_of(value, settings, name, locator)
    except Flaw as wrong:
        key = str(found) if count == 1 else f"{found}~{count}"
        raw = canonical_json(value)
        return unreadable(key, wrong.reason, wrong.detail, location=str(found), locator=locator, raw=raw)


def _ordered(query: str, name: str, first: str, place: Mapping[str, Any]) -> str:
    """The query in the order of its ids, from the place's id on."""
    where = f"{name} >= {first}" if _first(place) else f"{name} is not null"
    return f"select * from (\n{query}\n) rows_of_query where {where} order by {name}"


def _first(place: Mapping[str, Any]) -> list[Any]:
    return [place["id"]] if place.get("id") is not None else []


def _nameless(query: str, name: str) -> str:
    """How many rows have no id. Databases order them differently, so they are one reject before all others."""
    return f"select count(*) from (\n{query}\n) rows_of_query where {name} is null"


# ------------------------------------------------------------------------------------------------ files of the project


def _from_files(settings: Sql, places: Places, place: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    import duckdb

    query, folders = _placed(settings.query, places)
    name = quoted(settings.id_column)
    with tempfile.TemporaryDirectory() as spill, duckdb.connect() as connection:
        _seal(connection, folders, spill)
        try:
            if place.get("id") is None and connection.execute(_nameless(query, name)).fetchall() != [(0,)]:
                yield {settings.id_column: None}
            found = connection.execute(_ordered(query, name, "?", place), _first(place))
            names = [column[0] for column in found.description or ()]
            while rows := found.fetchmany(AT_A_TIME):
                yield from (dict(zip(names, row, strict=True)) for row in rows)
        except duckdb.Error as error:
            raise SynthError(f"DuckDB cannot read the query: {_first_line(error)} Correct 'query'.") from error


def _seal(connection: Any, folders: list[str], spill: str) -> None:
    """From here on the connection reads these folders only, and no setting of it can be changed."""
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"set memory_limit = '{MEMORY}'")
    connection.execute(f"set temp_directory = {literal(spill)}")
    connection.execute("set python_enable_replacements = false")
    connection.execute(f"set allowed_directories = [{', '.join(literal(f'{one}/') for one in folders)}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _placed(sql: str, places: Places) -> tuple[str, list[str]]:
    """The query with each file under its whole name, and the folders they may be in. Raises SynthError."""
    import duckdb

    with duckdb.connect() as connection:
        tree = json.loads(connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchall()[0][0])
        if tree["error"]:
            raise SynthError(f"The query cannot be used: {tree['error_message']}. {CURE}")
        if len(tree["statements"]) != 1:
            raise SynthError(f"The query is {len(tree['statements'])} statements. {CURE}")
        own = {entry["key"] for node in _nodes(tree) for entry in (node.get("cte_map") or {}).get("map", [])}
        for node in list(_nodes(tree)):
            _judge(node, own, places)
        placed = connection.execute("select json_deserialize_sql(?::json)", [json.dumps(tree)]).fetchall()[0][0]
    homes = {places.home_of(path)[0].resolve() for path in ("inbox/", ".")}
    return placed.rstrip("; \n"), sorted(map(str, homes))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _judge(node: dict[str, Any], own: set[str], places: Places) -> None:
    kind = str(node.get("type") or "")
    function = str(node.get("function_name", "")).lower()
    if (kind.endswith("_NODE") and kind not in NODES) or kind in ("SHOW_REF", "SHOW_SELECT"):
        raise SynthError(f"The query is no SELECT. {CURE}")
    if function in OUTSIDE:
        raise SynthError(f"The function {function}() reaches outside the files. {CURE}")
    if kind == "BASE_TABLE" and node["table_name"] not in own:
        raise SynthError(f"'{node['table_name'][:60]}' is no table here. {CURE}")
    if kind == "TABLE_FUNCTION":
        name = str((node.get("function") or {}).get("function_name", "")).lower()
        if name in FILES:
            _place_files(node["function"], places)
        elif name not in HARMLESS:
            raise SynthError(f"The table function {name}() is not allowed. {CURE}")


def _place_files(function: dict[str, Any], places: Places) -> None:
    """Put the whole names of the files in the place of a path; what a path may mean is what it means for files."""
    argument = function["arguments"][0]["expression"] if function.get("arguments") else {}
    path = (argument.get("literal") or {}).get("text")
    if argument.get("type") != "VALUE_CONSTANT" or not isinstance(path, str):
        raise SynthError(f"{function['function_name']}() takes one path in quotes here. {CURE}")
    home, _, prefix = places.home_of(path)
    found = found_files(places, path)
    for file in found:
        if file.problem and file.problem[0] != "unknown_format":
            raise SynthError(f"{file.key} cannot be read: {file.problem[1]}")
    whole = [str(home.resolve() / file.name.removeprefix(prefix)) for file in found]
    function["arguments"][0]["expression"] = _list_of(whole)


def _list_of(values: list[str]) -> dict[str, Any]:
    """A list of texts as DuckDB's parser writes it."""
    import duckdb

    sql = f"select [{', '.join(map(literal, values))}]"
    with duckdb.connect() as connection:
        tree = json.loads(connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchall()[0][0])
    return tree["statements"][0]["node"]["select_list"][0]


# ---------------------------------------------------------------------------------------------------------- a database


def _from_database(settings: Sql, places: Places, place: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if ";" in settings.query.rstrip().rstrip(";"):
        raise SynthError("The query holds a ';'. Write one SELECT without it.")
    query = settings.query.rstrip().rstrip(";").replace(":", "\\:")  # else a word after it is a parameter
    with _connected(settings.url_env or "", places) as (connection, text, errors):
        name = connection.dialect.identifier_preparer.quote(settings.id_column)
        try:
            if place.get("id") is None and connection.execute(text(_nameless(query, name))).scalar_one():
                yield {settings.id_column: None}
            values = dict(zip(("first",), _first(place), strict=False))
            found = connection.execute(text(_ordered(query, name, ":first", place)), values).yield_per(AT_A_TIME)
            for row in found.mappings():
                yield dict(row)
        except errors as error:
            said = _first_line(getattr(error, "orig", None) or error)
            raise SynthError(f"The database cannot read the query: {said} Correct 'query', or the rights.") from error


@contextmanager
def _connected(variable: str, places: Places) -> Iterator[tuple[Any, Any, Any]]:
    """A connection that only reads, where the database has such; SQLAlchemy's `text`, and what it raises."""
    try:
        import sqlalchemy as sa
        import sqlalchemy.exc as sa_errors
    except ImportError:
        raise SynthError(
            "A query of a database needs SQLAlchemy. Install it: pip install 'synth-dagster[sql]', and the database's "
            "own driver."
        ) from None
    url = places.variable(variable)
    if not url:
        raise SynthError(f"The variable {variable} is not set. Set it to the database's address, dialect://host/name.")
    try:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        connection = engine.connect()
    except (sa_errors.SQLAlchemyError, ImportError) as error:
        raise SynthError(  # the words could hold the address, and that a password
            f"The database that {variable} names cannot be opened ({type(error).__name__}). Check the address "
            "(dialect+driver://user:password@host/name), that its driver is installed, and that it answers."
        ) from None
    with connection:
        yield _reading(connection), sa.text, sa_errors.SQLAlchemyError


def _reading(connection: Any) -> Any:
    dialect = connection.dialect.name
    if dialect == "sqlite":
        connection.exec_driver_sql("pragma query_only = on")
    given = {"postgresql_readonly": True} if dialect == "postgresql" else {}
    if connection.in_transaction():
        connection.rollback()
    return connection.execution_options(stream_results=True, **given)


def _first_line(error: object) -> str:
    return str(error).strip().split("\n", 1)[0][:300]
