"""The engine of filters: signals and verdicts of a whole batch at once, in DuckDB over Arrow.

A filter says in SQL what to compute (`signals`), in vectorised Python what SQL is too slow for (`measure`), and which
values mean a drop (`rules`). Nothing here loops over records.

Besides the flat columns of its own kind, a signal may name those of the other kinds, which are NULL then, and
`record_kind`, so that one filter can judge several kinds. A signal whose name begins with `_` is a working value: later
signals may name it, and it is neither kept nor seen by rules. What is kept is a number, a yes or no, or a short label:
never a piece of the text.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.types as is_a

from synth_dagster.errors import MethodError
from synth_dagster.method import Filter
from synth_dagster.parts.sql import literal, quoted
from synth_dagster.record_tables import BESIDE, FLAT
from synth_dagster.records import RecordKind

NO_VALUE = "no_value"

# The types of flat columns that are no text.
_FLAT_NUMBERS = {"chosen_score": pa.float64(), "rejected_score": pa.float64()}

# Why a macro and no Python function: it runs inside the query. Macros take no lambdas, so these are comprehensions.
_MACROS = {
    "characters(l)": "coalesce(list_sum([length(x) for x in l]), 0)::bigint",
    "share(part, whole)": "part::double / nullif(whole, 0)",
    "visible(t)": r"regexp_replace(coalesce(t, ''), '[\s\p{Z}\p{C}]+', '', 'g')",
    "blanks()": "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(12288)",
    "matches(t, pattern)": "(length(t) - length(replace(t, pattern, ''))) // length(pattern)",
}

# Errors of these kinds quote the query; those of other kinds may quote a value, which is record text.
_QUOTE_THE_QUERY = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException)


def column_name(slug: str, signal: str) -> str:
    """What a filter's signal is called in the table of quality signals."""
    return f"{slug}__{signal}"


def flatten(table: pa.Table, kind: RecordKind, *, beside: bool = False) -> pa.Table:
    """The words of records as plain columns, `record_id` first, in the order of the table; with `beside` a last column
    has the words that stand in no other."""
    wanted = {**FLAT[kind], **({"beside": BESIDE[kind]} if beside else {})}
    columns = ", ".join(f"{sql} as {quoted(name)}" for name, sql in wanted.items())
    with _database(records=table) as database:
        flat = database.sql(f"select record_id, {columns} from records order by {_ORDER}").to_arrow_table()
    schema = _flat_schema(kind)
    return flat.cast(schema.append(pa.field("beside", pa.string())) if beside else schema)


def compute_signals(method: Filter, flat: pa.Table, *, services: Mapping[str, object] | None = None) -> pa.Table:
    """`record_id` and the filter's signals: those of `measure` first, then the SQL ones, in the order of `flat`."""
    measured = _measured(method, flat, services or {})
    signals = method.signals()
    kept = [name for name in (*measured, *signals) if not name.startswith("_")]
    if not signals:  # nothing to ask the engine
        return _plain_types(_with_columns(flat.select(["record_id"]), {name: measured[name] for name in kept}), method)
    source = _with_columns(_with_every_flat_column(flat), measured)
    with _database(flat=source) as database:
        try:
            found = database.sql(_query(signals, kept)).to_arrow_table()
        except duckdb.Error as error:
            raise _blame(database, method, signals, error) from None  # the cause may quote record text
    return _plain_types(found, method)


def judge(method: Filter, signals: pa.Table) -> pa.Table:
    """`record_id` and `reason`, null for a record to keep. The first rule that fails, in declaration order, names it.

    A rule that has no value drops as `<reason>:no_value`: what could not be computed is never kept by accident.
    """
    rules = method.rules()
    with _database(signals=signals) as database:
        try:
            return database.sql(
                f"select record_id, {_verdict(rules)} as reason from signals order by {_ORDER}"
            ).to_arrow_table()
        except duckdb.Error as error:
            raise _blame_rule(database, method, rules, error) from None  # the cause may quote record text


def _verdict(rules: Mapping[str, str]) -> str:
    cases = " ".join(
        f"when ({rule}) is null then {literal(f'{reason}:{NO_VALUE}')} when ({rule}) then {literal(reason)}"
        for reason, rule in rules.items()
    )
    return f"(case {cases} else null end)::varchar" if cases else "null::varchar"


# ---------------------------------------------------------------------------------------------------- measured columns


def _measured(method: Filter, flat: pa.Table, services: Mapping[str, object]) -> dict[str, pa.Array | pa.ChunkedArray]:
    measure: Callable[..., Mapping[str, pa.Array | pa.ChunkedArray]] = method.measure
    columns = dict(measure(flat, **services))
    for name, column in columns.items():
        if len(column) != flat.num_rows:
            raise MethodError(
                f"{_name(method)}: measure() gave {len(column)} values of '{name}' for {flat.num_rows} records. "
                "It must give one for each, in order."
            )
        if name in flat.column_names:
            raise MethodError(f"{_name(method)}: the signal '{name}' hides a column of the records. Rename it.")
    return columns


def _with_columns(table: pa.Table, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    for name, column in columns.items():
        table = table.append_column(name, column)
    return table


def _with_every_flat_column(flat: pa.Table) -> pa.Table:
    kind = _kind_of(flat)
    for name in dict.fromkeys(name for columns in FLAT.values() for name in columns):
        if name not in flat.column_names:
            flat = flat.append_column(name, pa.nulls(flat.num_rows, _FLAT_NUMBERS.get(name, pa.string())))
    return flat.append_column("record_kind", pa.array([kind], pa.string()).take(pa.array(np.zeros(len(flat), int))))


def _kind_of(flat: pa.Table) -> RecordKind:
    """The kind with the most columns among those whose columns are all there: a preference has an instruction's too."""
    fitting: dict[RecordKind, int] = {
        kind: len(columns) for kind, columns in FLAT.items() if columns.keys() <= set(flat.column_names)
    }
    if not fitting:
        raise MethodError(f"No kind of record has the columns {flat.column_names}. Make them with flatten().")
    return max(fitting, key=fitting.__getitem__)


def _flat_schema(kind: RecordKind) -> pa.Schema:
    columns = [(name, _FLAT_NUMBERS.get(name, pa.string())) for name in FLAT[kind]]
    return pa.schema([("record_id", pa.binary()), *columns])


# ----------------------------------------------------------------------------------------------------------------- SQL

_ORDER = "row_number_of_input"


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One for the process: to start one costs more than most queries do."""
    engine = duckdb.connect(config={"enable_external_access": "false", "python_enable_replacements": "false"})
    for head, body in _MACROS.items():
        engine.execute(f"create macro {head} as {body}")
    return engine


@contextmanager
def _database(**tables: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database that sees these tables, no file and no variable of Python."""
    database = _engine().cursor()  # what is registered on a cursor, only that cursor sees
    try:
        for name, table in tables.items():
            database.register(name, table.append_column(_ORDER, pa.array(np.arange(table.num_rows))))
        yield database
    finally:
        database.close()


def _query(signals: Mapping[str, str], kept: Sequence[str]) -> str:
    """One step a signal, so that each may name the earlier ones."""
    steps = ["step_0 as (select * from flat)"]
    for number, (name, sql) in enumerate(signals.items(), start=1):
        steps.append(f"step_{number} as (select *, ({sql}) as {quoted(name)} from step_{number - 1})")
    columns = ", ".join(["record_id", *map(quoted, kept)])
    return f"with {', '.join(steps)} select {columns} from step_{len(signals)} order by {_ORDER}"


def _blame(
    database: duckdb.DuckDBPyConnection, method: Filter, signals: Mapping[str, str], error: duckdb.Error
) -> MethodError:
    """The error of the first signal that fails when only it and those before it are computed."""
    names = list(signals)
    for number, name in enumerate(names, start=1):
        try:
            database.sql(_query({n: signals[n] for n in names[:number]}, names[:number])).to_arrow_table()
        except duckdb.Error as first:
            return MethodError(f"{_name(method)}: the signal '{name}' cannot be computed: {_said(first)}")
    return MethodError(f"{_name(method)}: the signals cannot be computed: {_said(error)}")


def _blame_rule(
    database: duckdb.DuckDBPyConnection, method: Filter, rules: Mapping[str, str], error: duckdb.Error
) -> MethodError:
    for reason, rule in rules.items():
        try:
            database.sql(f"select {_verdict({reason: rule})} from signals").to_arrow_table()
        except duckdb.Error as first:
            return MethodError(f"{_name(method)}: the rule '{reason}' cannot be evaluated: {_said(first)}")
    return MethodError(f"{_name(method)}: the rules cannot be evaluated: {_said(error)}")


def _said(error: duckdb.Error) -> str:
    if isinstance(error, _QUOTE_THE_QUERY):
        return str(error).split("\n", 1)[0] + ". Correct its SQL."
    return f"{type(error).__name__} for some value. Make its SQL hold for any text, with try_cast or coalesce."


def _plain_types(table: pa.Table, method: Filter) -> pa.Table:
    """Numbers as int64 or double, for DuckDB sums whole numbers into decimals; and no lists, which would be text."""
    fields = [pa.field(field.name, _plain_type(field, method)) for field in table.schema]
    return table.cast(pa.schema(fields))


def _plain_type(field: pa.Field, method: Filter) -> pa.DataType:
    if is_a.is_nested(field.type):
        raise MethodError(
            f"{_name(method)}: the signal '{field.name}' is a {field.type}. A signal is a number, a yes or no, or a "
            f"label; call it '_{field.name}' if it is only a step to another signal."
        )
    if is_a.is_decimal(field.type):
        return pa.int64() if field.type.scale == 0 else pa.float64()
    if is_a.is_integer(field.type) or is_a.is_null(field.type):
        return pa.int64()
    return pa.float64() if is_a.is_floating(field.type) else field.type


def _name(method: Filter) -> str:
    return f"The filter '{method.slug or type(method).__name__}'"
