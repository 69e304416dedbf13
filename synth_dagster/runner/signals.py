"""Computes the signals of a batch: what the mix's rules read, once per record. It never decides.

The table only grows: a new filter adds its columns, and only they are computed; the others are taken over as long as
the records and the filter's expressions are the same. A batch of many records is computed by the engine's workers, who
read its file themselves; it is the same function that a small batch is computed by.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.catalog import methods
from synth_dagster.lake.lake import Candidate
from synth_dagster.method import Filter
from synth_dagster.recipe import Step
from synth_dagster.records import Json, RecordKind
from synth_dagster.runner.ancestors import LakeAncestors
from synth_dagster.runner.context import SIGNALS, Outcome, RunContext
from synth_dagster.runner.current import accepted
from synth_dagster.runner.services import asks_for, services_for
from synth_dagster.runner.vectors import known_vectors
from synth_dagster.scale.engine import SCRATCH, Told, Work, read, scratch
from synth_dagster.scale.parts import parts_of
from synth_dagster.scale.signals import column_name, compute_signals, flatten
from synth_dagster.services import Ancestors, Models, Vectors
from synth_dagster.storage import Store

FEW = 20_000  # records: as many as one worker is given, and as few as are not worth the way to it


def run_signals(context: RunContext, batch: str) -> Outcome:
    """Make the signals of a batch as a candidate, unless they are current."""
    lake, dataset = context.lake, context.recipe.dataset
    with lake.lease(f"batch/{dataset}/{SIGNALS}/{batch}", kind="exclusive"):
        lake.let_erasures_end()
        of = context.recipe.mix.of
        version = accepted(context, of, batch)
        wanted = (context.recipe.signals_fingerprint(context.root), {of: version.data_version})
        before = lake.accepted(dataset, SIGNALS, batch)
        for there in (lake.awaiting(dataset, SIGNALS, batch), before):
            if there and (there.code_version, dict(there.inputs)) == wanted:
                return Outcome(there, made=False)
        return Outcome(_make(context, batch, version, before, wanted), made=True)


def is_current(context: RunContext, batch: str) -> bool:
    """Whether the accepted signals of a batch are of its accepted records and the recipe's expressions."""
    lake, dataset, of = context.lake, context.recipe.dataset, context.recipe.mix.of
    there, version = lake.accepted(dataset, SIGNALS, batch), accepted(context, of, batch)
    if there is None or lake.awaiting(dataset, SIGNALS, batch) is not None:
        return False
    wanted = (context.recipe.signals_fingerprint(context.root), {of: version.data_version})
    gate = lake.meta.gate(there.candidate_id)
    return (there.code_version, dict(there.inputs)) == wanted and gate is not None and gate.passed


def filter_steps(context: RunContext) -> Mapping[str, Filter]:
    """The filters of the mix by step key."""
    return {step.key: _filter(step) for step in context.recipe.mix.filters}


def _filter(step: Step) -> Filter:
    assert isinstance(step.method, Filter), f"{step.slug} stands among filters"
    return step.method


def fingerprints(context: RunContext) -> dict[str, str]:
    """Filter -> hash of all that its signals depend on, the bytes under its path settings too."""
    recipe, root = context.recipe, context.root
    return {step.key: recipe.step_signals_fingerprint(step, root) for step in recipe.mix.filters}


def _make(
    context: RunContext, batch: str, version: Candidate, before: Candidate | None, wanted: tuple[str, dict[str, str]]
) -> Candidate:
    lake, recipe = context.lake, context.recipe
    marks = fingerprints(context)
    reused = _reusable(before, version, marks)
    computed = _computed(context, version, [step for step in recipe.mix.filters if step.key not in reused])
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "record_id": computed["record_id"],
        "stage": pa.array([version.stage] * computed.num_rows, pa.string()),
        "source": computed["source"],
        "batch": pa.array([version.batch] * computed.num_rows, pa.string()),
    }
    old = lake.candidate_table(before).sort_by("record_id") if before and reused else None
    for key in filter_steps(context):
        columns |= _of_filter(key, old if old is not None and key in reused else computed)
    return lake.write_candidate(
        recipe.dataset,
        SIGNALS,
        batch,
        _stamped(columns, context.run_id, computed.num_rows),
        rejects=None,
        run_id=context.run_id,
        session_id=context.session_id,
        code_version=wanted[0],
        inputs=wanted[1],
        recipe_hash=recipe.hash,
        details={"signals": marks, "reused": sorted(reused), "of": version.stage},
    )


def _of_filter(key: str, table: pa.Table) -> dict[str, pa.ChunkedArray]:
    prefix = column_name(key, "")
    return {name: table[name] for name in table.column_names if name.startswith(prefix)}


def _computed(context: RunContext, version: Candidate, steps: Sequence[Step]) -> pa.Table:
    """`record_id`, `source` and the signals of these filters, a row per current record, sorted by id."""
    many = version.rows > FEW
    travelling = [step for step in steps if many and not _asks_the_lake(step)]
    staying = [step for step in steps if step not in travelling]
    if not travelling:
        return _here(context, version, staying)
    table = _by_workers(context, version, travelling)
    if staying:  # what a record was made from, and where models are kept, is known to the lake; workers know files
        for name, column in _columns_beside(_here(context, version, staying)):
            table = table.append_column(name, column)
    return table


def _asks_the_lake(step: Step) -> bool:
    return any(asks_for(step.method, service) for service in (Ancestors, Models, Vectors))


def _columns_beside(table: pa.Table) -> list[tuple[str, pa.ChunkedArray]]:
    return [(name, table[name]) for name in table.column_names if name not in {"record_id", "source"}]


def _here(context: RunContext, version: Candidate, steps: Sequence[Step]) -> pa.Table:
    rows = context.lake.candidate_table(version)
    rows = rows.filter(pc.field("status") == "current").sort_by("record_id")
    behind = LakeAncestors(context.lake, context.recipe, version, rows)
    kind, filters = context.recipe.stage(version.stage).record_kind, {step.key: _filter(step) for step in steps}
    with known_vectors(context, version.stage, [version]) as vectors:
        return _signals(rows, kind, filters, context.root, behind, context.shelf, vectors)


def _by_workers(context: RunContext, version: Candidate, steps: Sequence[Step]) -> pa.Table:
    recipe, lake = context.recipe, context.lake
    arguments: dict[str, Json] = {
        "kind": recipe.stage(version.stage).record_kind,
        "root": str(context.root),
        "filters": {step.key: {"slug": step.slug, "settings": step.method.model_dump(mode="json")} for step in steps},
    }
    work = Work(f"{__name__}:{signals_of.__name__}", arguments)
    name = f"{recipe.dataset}-{SIGNALS}-{version.candidate_id}"
    with lake.lease(SCRATCH), scratch(lake.store, name) as folder:  # an erasure empties it when nobody is there
        inputs = parts_of(lake.store, [lake.file_of(version)], most_rows=FEW)
        parts = context.engine.map_batches(lake.store, inputs, work, folder=folder, told=_told(context, version.batch))
        return read(lake.store, parts).sort_by("record_id")


def _told(context: RunContext, batch: str) -> Told:
    def told(phase: str, done: int, total: int) -> None:
        context.progress.update(SIGNALS, batch, done=done, total=total, usage={})

    return told


def signals_of(table: pa.Table, arguments: Mapping[str, Any]) -> pa.Table:
    """What a worker computes of records: `record_id`, `source` and the signals of filters, each of one record alone."""
    filters: dict[str, Filter] = {}
    for key, given in arguments["filters"].items():
        method = methods()[given["slug"]].model_validate(given["settings"])
        assert isinstance(method, Filter), f"{given['slug']} stands among filters"
        filters[key] = method
    rows = table.filter(pc.field("status") == "current")
    return _signals(rows, arguments["kind"], filters, Path(arguments["root"]))


def _signals(
    rows: pa.Table,
    kind: RecordKind,
    filters: Mapping[str, Filter],
    root: Path,
    behind: Ancestors | None = None,
    shelf: Store | None = None,
    vectors: Vectors | None = None,
) -> pa.Table:
    flat = flatten(rows, kind)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"record_id": rows["record_id"], "source": rows["source"]}
    for key, method in filters.items():
        services = services_for(method, None, root, ancestors=behind, shelf=shelf, vectors=vectors)
        computed = compute_signals(method, flat, services=services)
        names = [name for name in computed.column_names if name != "record_id"]
        columns |= {column_name(key, name): computed[name] for name in names}
    return pa.table(columns)


def _reusable(before: Candidate | None, version: Candidate, marks: Mapping[str, str]) -> set[str]:
    """The filters whose columns of the version before are still true."""
    if before is None or dict(before.inputs) != {version.stage: version.data_version}:
        return set()
    known = before.details.get("signals", {})
    return {key for key, mark in marks.items() if isinstance(known, Mapping) and known.get(key) == mark}


def _stamped(columns: Mapping[str, pa.Array | pa.ChunkedArray], run_id: str, rows: int) -> pa.Table:
    stamps = {
        "run_id": pa.array([run_id] * rows, pa.string()),
        "created_at": pa.array([datetime.now(UTC)] * rows, pa.timestamp("us", tz="UTC")),
    }
    return pa.table({**columns, **stamps})
