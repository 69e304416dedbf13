"""A try-out: every stage on a few records, in a lake of its own, to look at before a whole run is paid for.

Nothing is gated and nothing is published: what is shown is what a batch would begin with. Guards look, and what they
hold back goes no further. The same steps run as in a run proper, so their answers are in the teacher's cache when that
comes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.compute as pc

from synth_dagster.errors import SynthError
from synth_dagster.lake.findings import held
from synth_dagster.lake.lake import Candidate
from synth_dagster.lake.meta_values import PlannedBatch
from synth_dagster.parts.mixing.allocation import allocate
from synth_dagster.parts.shards import digest_of
from synth_dagster.readers.base import Item, Unreadable
from synth_dagster.recipe import Source
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.deliveries import passages
from synth_dagster.runner.guards import inspect
from synth_dagster.runner.plan import source_items
from synth_dagster.runner.release import make_release, publish
from synth_dagster.runner.signals import run_signals
from synth_dagster.runner.stage import run_stage
from synth_dagster.runner.stamp import counted
from synth_dagster.runner.verdicts import VERDICTS

RELEASE = "try-out"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A record that nothing more was made of, with what it was made from, stage by stage."""

    records: Mapping[str, Row]  # stage -> record
    fate: str  # kept, or why it went no further


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try-out."""

    lines: Sequence[Line]
    counts: Mapping[str, int]  # stage -> current records
    rejects: Mapping[str, int]  # stage:step:reason -> how often
    causes: Sequence[str]  # why a source gave nothing to some stage


def try_out(context: RunContext, limit: int) -> Tried:
    """Run every stage on about `limit` passages, shared out over the sources. The context's lake is thrown away after.

    Raises SynthError as a run does; a source that gives nothing is a cause and does not stop the others.
    """
    whole = _plan(context, limit)
    causes: list[str] = []
    for stages in context.recipe.waves:
        for batch, share in [*whole.items()]:
            why = _through(context, stages, batch, share)
            if why is not None:
                causes.append(why)
                del whole[batch]
    for batch in whole:
        context.lake.accept(run_signals(context, batch).candidate)
    if whole:
        publish(context, make_release(context, RELEASE, allow_missing=True).candidate)
    elif not causes:
        raise SynthError(f"The sources of '{context.recipe.dataset}' hold nothing to read. Add a file or a source.")
    return _tried(context, causes)


def _plan(context: RunContext, limit: int) -> dict[str, int]:
    """Batch -> passages: one batch a source, of the items at its beginning. No source is read to its end.

    Sources share the limit equally, and what a small one cannot give the others do.
    """
    found = {source.name: _first_items(context, source, limit) for source in context.recipe.sources}
    sizes = {name: float(passages_there) for name, (items, passages_there) in found.items() if items}
    shares = allocate(limit, dict.fromkeys(sizes, 1.0), sizes)
    return {_planned(context, name, found[name][0]): max(1, round(share)) for name, share in sorted(shares.items())}


def _first_items(context: RunContext, source: Source, limit: int) -> tuple[list[Item | Unreadable], int]:
    """The items that give so many passages, and how many those are; an unreadable one counts, so that an end comes."""
    items: list[Item | Unreadable] = []
    there = 0
    for item in source_items(context, source):
        items.append(item)
        there += len(passages(context.recipe.dataset, "", source, "", item)) if isinstance(item, Item) else 1
        if there >= limit:
            break
    return items, there


def _planned(context: RunContext, source: str, items: Sequence[Item | Unreadable]) -> str:
    dataset, batch = context.recipe.dataset, f"{source}:{RELEASE}"
    plan = PlannedBatch(dataset, batch, source, digest_of(items), count=len(items), start=items[0].locator)
    context.lake.meta.plan(dataset, source, [plan])
    return batch


def _through(context: RunContext, stages: Sequence[str], batch: str, limit: int) -> str | None:
    """Make and show a batch of so many passages in these stages; why it ended before the last, or None."""
    first = replace(context, limit=limit)
    for stage in stages:
        made = run_stage(context if context.recipe.stage(stage).reads else first, stage, batch).candidate
        _inspect(context, made)
        context.lake.accept(made)
        if made.current == 0:
            return f"'{stage}' made nothing of {batch.partition(':')[0]}"
    return None


def _inspect(context: RunContext, made: Candidate) -> None:
    """What guards find is kept: stages below, and the mix, leave out what is held back. It closes no gate here."""
    recipe, lake = context.recipe, context.lake
    if recipe.guards(made.stage):
        rows = lake.candidate_table(made).filter(pc.field("status") == "current")
        inspect(recipe, lake, made, rows, recipe.stage(made.stage).record_kind, context.root, context.run_id)
        guards = recipe.guards_fingerprint(made.stage, context.root)
        lake.meta.record_gate(made.candidate_id, passed=True, suite=RELEASE, checks=[], guards=guards)


# --------------------------------------------------------------------------------------------------- what came of it


def _tried(context: RunContext, causes: Sequence[str]) -> Tried:
    lake, dataset = context.lake, context.recipe.dataset
    made = [stage for stage in context.recipe.stages if stage in lake.stages(dataset)]
    records = {stage: lake.read(dataset, stage).to_pylist() for stage in made}
    rejects = lake.read(dataset, "rejects").to_pylist() if "rejects" in lake.table_names(dataset) else []
    return Tried(
        lines=list(_lines(records, _fates(context, rejects))),
        counts={stage: sum(row["status"] == "current" for row in rows) for stage, rows in records.items()},
        rejects=counted(f"{row['stage']}:{row['step']}:{row['reason']}" for row in rejects),
        causes=causes,
    )


def _fates(context: RunContext, rejects: Sequence[Row]) -> dict[bytes, str]:
    """Record -> what became of it: its verdict, or why nothing could be made of it."""
    fates = {row["record_id"]: f"{row['stage']}: {row['reason']}" for row in rejects if row["record_id"]}
    for stage in context.recipe.stages:
        for version in context.lake.accepted_all(context.recipe.dataset, stage).values():
            fates |= {record: f"{stage}: held, {why}" for record, why in held(context.lake, version).items()}
    if VERDICTS in context.lake.stages(context.recipe.dataset):
        verdicts = context.lake.read(context.recipe.dataset, VERDICTS, columns=["record_id", "verdict", "reason"])
        fates |= {row["record_id"]: row["reason"] or row["verdict"] for row in verdicts.to_pylist()}
    return fates


def _lines(records: Mapping[str, Sequence[Row]], fates: Mapping[bytes, str]) -> Iterator[Line]:
    """A line for each record that is nobody's parent, in the order in which the sources are read."""
    by_id = {(stage, row["record_id"]): row for stage, rows in records.items() for row in rows}
    parents = {(parent["stage"], parent["record_id"]) for row in by_id.values() for parent in row["parents"]}
    order = list(records)
    lines = []
    for (stage, record_id), row in by_id.items():
        if (stage, record_id) not in parents and row["status"] != "superseded":
            lines.append(_line(by_id, stage, row, fates))
    lines.sort(key=lambda line: [_place(line.records.get(stage)) for stage in order])
    yield from lines


def _line(by_id: Mapping[tuple[str, bytes], Row], stage: str, row: Row, fates: Mapping[bytes, str]) -> Line:
    chain = {stage: row}
    ahead = list(row["parents"])
    while ahead:
        parent = ahead.pop(0)
        found = by_id.get((parent["stage"], parent["record_id"]))
        if found is not None:
            chain.setdefault(parent["stage"], found)
            ahead += found["parents"]
    fate = fates.get(row["record_id"])
    return Line(chain, fate or (row["reason"] if row["status"] == "eliminated" else None) or "nothing was made of it")


def _place(row: Row | None) -> tuple[str, str, int, bytes]:
    """Where a record stands in its source; what is made of several is last told apart by its id."""
    if row is None:
        return "", "", 0, b""
    attributes = json.loads(row["attributes"])
    return row["source"], str(attributes.get("native_key", "")), int(attributes.get("chunk", 0)), row["record_id"]
