"""What two releases of a dataset have in common and what not: records, verdicts and their reasons, and measurements.

Everything is read from what the releases left in the lake: their verdicts, their rows, the signals that judged them.
Counts come from DuckDB over narrow columns, so releases of millions of records are compared without their texts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as is_a

from synth_dagster.errors import LakeError, SynthError
from synth_dagster.governance.handover import LATEST, the_release
from synth_dagster.governance.taken import Taken, taken_from
from synth_dagster.governance.trace import NOT_SIGNALS
from synth_dagster.governance.versions import pinned_by
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.parts.sql import literal, quoted
from synth_dagster.runner.verdicts import VERDICTS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHARES = ("source", "license", "lang", "method", "model_id", "synthetic_depth")
NOT_THERE = "not judged"
SIDES = ("before", "after")
AT_ONCE = 10_000

Pair = tuple[float | None, float | None]

_VERDICT = f"case when {{side}}.verdict is null then '{NOT_THERE}' when {{side}}.verdict = 'kept' then 'kept' \
else 'dropped by ' || coalesce({{side}}.reason, 'nobody knows what') end"
_CHANGES = f"""select coalesce(after.record_id, before.record_id) as record_id,
    coalesce(after.stage, before.stage) as stage, coalesce(after.batch, before.batch) as batch,
    coalesce(after.source, before.source) as source,
    {_VERDICT.format(side="before")} as was, {_VERDICT.format(side="after")} as now
    from judged_before as before full join judged_after as after using (record_id)"""
_NUMBERS = """select count(*) as judged, count(*) filter (verdict = 'kept') as kept,
    coalesce(sum(tokens) filter (verdict = 'kept'), 0)::bigint as tokens,  -- else it is a decimal
    avg(tokens) filter (verdict = 'kept') as tokens_per_record,
    quantile_cont(tokens, 0.1) filter (verdict = 'kept') as tokens_p10,
    quantile_cont(tokens, 0.5) filter (verdict = 'kept') as tokens_p50,
    quantile_cont(tokens, 0.9) filter (verdict = 'kept') as tokens_p90, avg(score) filter (verdict = 'kept') as score
    from {judged}"""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of how many records, with a few of them."""

    was: str
    now: str
    records: int
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """Two releases beside each other; in every pair the earlier one stands first."""

    dataset: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    same_bytes: bool
    same_rules: bool
    records: Mapping[str, int]  # kept in both, added, removed
    erased: Mapping[str, Sequence[Taken]]  # before and after: what erasures took out of each, counted nowhere else here
    changes: Sequence[Change]
    batches: Mapping[str, Sequence[str]]  # added, removed, changed
    numbers: Mapping[str, Pair]
    shares: Mapping[str, Mapping[str, tuple[int, int]]]  # column -> value -> kept records
    signals: Mapping[str, Pair]  # means over the kept records
    unread: Sequence[str]  # batches whose signals are in the lake no longer

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def diff(lake: Lake, dataset: str, before: str, after: str, *, examples: int = 3) -> ReleaseDiff:
    """Compare two releases, withdrawn ones too. Raises UnknownName for one that never was."""
    releases = tuple(_named(lake, dataset, name) for name in (before, after))
    with _opened(lake, releases) as connection:
        changes = _changes(connection, examples)
        numbers = [_numbers(connection, side) for side in SIDES]
        shares = {column: _shares(connection, column) for column in SHARES}
        signals, unread = _signals(lake, connection, releases)
        both = _count(connection, f"select count(*) from ({_CHANGES}) where was = 'kept' and now = 'kept'")
    old, new = releases
    counted = {name: sum(c.records for c in changes if getattr(c, at) == "kept") for name, at in _GAINED.items()}
    return ReleaseDiff(
        dataset,
        _about(old),
        _about(new),
        old.data_version == new.data_version,
        old.manifest.get("mix") == new.manifest.get("mix"),
        {"kept_in_both": both} | counted,
        {side: taken_from(lake, release) for side, release in zip(SIDES, releases, strict=True)},
        changes,
        _batches(old, new),
        {name: (numbers[0][name], numbers[1][name]) for name in numbers[0]},
        shares,
        signals,
        unread,
    )


_GAINED = {"added": "now", "removed": "was"}


def changed_records(lake: Lake, dataset: str, before: str, after: str) -> Iterator[dict[str, Any]]:
    """Every record whose verdict is another, by id."""
    releases = tuple(_named(lake, dataset, name) for name in (before, after))
    with _opened(lake, releases) as connection:
        found = connection.sql(f"select * from ({_CHANGES}) where was <> now order by record_id")
        for part in found.to_arrow_reader(AT_ONCE):
            yield from part.to_pylist()


def _named(lake: Lake, dataset: str, name: str) -> Release:
    return the_release(lake, dataset, name) if name == LATEST else lake.meta.release(dataset, name)


def _opened(lake: Lake, releases: Sequence[Release]) -> "DuckDBPyConnection":
    """A connection with what each release judged and what it kept, as views."""
    dataset = releases[0].dataset
    tables = {release.manifest["table"] for release in releases}
    missing = sorted({VERDICTS, *tables} - set(lake.stages(dataset)))
    if missing:
        raise SynthError(f"The lake of '{dataset}' has no table {missing[0]}, so its releases cannot be compared.")
    connection = lake.connect(dataset, stages=[VERDICTS, *sorted(tables)])
    for side, release in zip(SIDES, releases, strict=True):
        of = f"where release = {literal(release.release)}"
        connection.execute(f"create temp view judged_{side} as select * from {VERDICTS} {of}")
        table = quoted(release.manifest["table"])
        columns = ", ".join(["record_id", *SHARES])
        connection.execute(f"create temp view kept_{side} as select {columns} from {table} {of}")
    return connection


def _changes(connection: "DuckDBPyConnection", examples: int) -> list[Change]:
    rows = connection.execute(
        f"""select was, now, count(*) as records, list_sort(min(record_id, {int(examples)})) from ({_CHANGES})
            where was <> now group by was, now order by records desc, was, now"""
    )
    return [Change(was, now, records, [one.hex() for one in some]) for was, now, records, some in rows.fetchall()]


def _numbers(connection: "DuckDBPyConnection", side: str) -> dict[str, float | None]:
    (row,) = connection.sql(_NUMBERS.format(judged=f"judged_{side}")).to_arrow_table().to_pylist()
    return row | {"keep_rate": row["kept"] / row["judged"] if row["judged"] else None}


def _shares(connection: "DuckDBPyConnection", column: str) -> dict[str, tuple[int, int]]:
    """How many kept records each value has, before and after; the most frequent first."""
    counted = (
        "select coalesce(cast({column} as varchar), 'none') as value, count(*) as records from kept_{side} group by 1"
    )
    sides = [f"({counted.format(column=quoted(column), side=side)}) as {side}" for side in SIDES]
    rows = connection.execute(
        f"""select value, coalesce(before.records, 0), coalesce(after.records, 0)
            from {sides[0]} full join {sides[1]} using (value) order by 2 + 3 desc, 3 desc, value"""
    )
    return {value: (was, now) for value, was, now in rows.fetchall()}


def _count(connection: "DuckDBPyConnection", sql: str) -> int:
    ((count,),) = connection.execute(sql).fetchall()  # all of it: an unfinished result keeps the connection
    return int(count)


def _batches(old: Release, new: Release) -> dict[str, list[str]]:
    """Which deliveries a release read that the other did not, or in another version."""
    was, now = ({b: pins.get("data_version") for b, pins in r.manifest["batches"].items()} for r in (old, new))
    changed = sorted(batch for batch in was.keys() & now.keys() if was[batch] != now[batch])
    return {"added": sorted(now.keys() - was.keys()), "removed": sorted(was.keys() - now.keys()), "changed": changed}


def _about(release: Release) -> dict[str, Any]:
    return {
        "release": release.release,
        "state": release.state,
        "demo": release.demo,
        "recipe": release.manifest.get("recipe"),
        "data_version": release.data_version,
        "created_at": release.created_at,
    }


# ------------------------------------------------------------------------------------------------------------- signals


def _signals(
    lake: Lake, connection: "DuckDBPyConnection", releases: Sequence[Release]
) -> tuple[dict[str, Pair], list[str]]:
    """The mean of every number that was measured, over the records that each release kept."""
    means, unread = [], set[str]()
    for side, release in zip(SIDES, releases, strict=True):
        sums: dict[str, list[float]] = {}
        for version in pinned_by(lake, release.manifest, "signals"):
            try:
                table = lake.candidate_table(version)
            except LakeError:
                unread.add(version.batch)
                continue
            for name, total, count in _sums(connection, table, side):
                known = sums.setdefault(name, [0.0, 0.0])
                sums[name] = [known[0] + total, known[1] + count]
        means.append({name: total / count for name, (total, count) in sums.items() if count})
    names = sorted({*means[0], *means[1]})
    return {name: (means[0].get(name), means[1].get(name)) for name in names}, sorted(unread)


def _sums(connection: "DuckDBPyConnection", table: pa.Table, side: str) -> list[tuple[str, float, int]]:
    """Sum and count of each numeric column, of the kept records of one batch."""
    names = [f.name for f in table.schema if f.name not in NOT_SIGNALS and _is_number(f.type)]
    if not names:
        return []
    asked = ", ".join(f"coalesce(sum({quoted(n)}::double), 0), count({quoted(n)})" for n in names)
    connection.register("signals", table.select(["record_id", *names]))
    (row,) = connection.execute(f"select {asked} from signals semi join kept_{side} using (record_id)").fetchall()
    connection.unregister("signals")
    return [(name, row[2 * place], row[2 * place + 1]) for place, name in enumerate(names)]


def _is_number(kind: pa.DataType) -> bool:
    return is_a.is_boolean(kind) or is_a.is_integer(kind) or is_a.is_floating(kind)
