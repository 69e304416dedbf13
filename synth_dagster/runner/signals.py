"""Computes the signals of a batch: what the mix's rules read, once per record. It never decides.

The table only grows: a new filter adds its columns, and only they are computed; the others are taken over as long as
the records and the filter's expressions are the same.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.lake.lake import Candidate
from synth_dagster.method import Filter
from synth_dagster.recipe import Step
from synth_dagster.runner.ancestors import LakeAncestors
from synth_dagster.runner.context import SIGNALS, Outcome, RunContext
from synth_dagster.runner.services import services_for
from synth_dagster.runner.stage import accepted
from synth_dagster.scale.signals import column_name, compute_signals, flatten


def run_signals(context: RunContext, batch: str) -> Outcome:
    """Make the signals of a batch as a candidate, unless they are current."""
    lake, dataset = context.lake, context.recipe.dataset
    with lake.lease(f"batch/{dataset}/{SIGNALS}/{batch}", kind="exclusive"):
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
    kind = recipe.stage(version.stage).record_kind
    rows = lake.candidate_table(version)
    rows = rows.filter(pc.field("status") == "current").sort_by("record_id")
    flat = flatten(rows, kind)
    marks = fingerprints(context)
    behind = LakeAncestors(lake, recipe, version, rows)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "record_id": rows["record_id"],
        "stage": pa.array([version.stage] * rows.num_rows, pa.string()),
        "source": rows["source"],
        "batch": rows["batch"],
    }
    reused = _reusable(before, version, marks)
    old = lake.candidate_table(before).sort_by("record_id") if before and reused else None
    for key, method in filter_steps(context).items():
        if old is not None and key in reused:
            prefix = column_name(key, "")
            columns |= {name: old[name] for name in old.column_names if name.startswith(prefix)}
            continue
        computed = compute_signals(method, flat, services=services_for(method, None, context.root, ancestors=behind))
        names = [name for name in computed.column_names if name != "record_id"]
        columns |= {column_name(key, name): computed[name] for name in names}
    return lake.write_candidate(
        recipe.dataset,
        SIGNALS,
        batch,
        _stamped(columns, context.run_id, rows.num_rows),
        rejects=None,
        run_id=context.run_id,
        session_id=context.session_id,
        code_version=wanted[0],
        inputs=wanted[1],
        recipe_hash=recipe.hash,
        details={"signals": marks, "reused": sorted(reused), "of": version.stage},
    )


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
