"""Runs one row stage over one batch: read what is above, run the chain, write a candidate.

Whoever runs a batch holds its lease. A second run of the same batch waits, then finds it current.
"""

import gc
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.lake.findings import held
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.sessions import Usage
from synth_dagster.lake.tombstones import Tombstones
from synth_dagster.parts.privacy.watched import coded
from synth_dagster.prompt import Prompt
from synth_dagster.recipe import ADOPTED, Stage
from synth_dagster.recipe.reading import read_for
from synth_dagster.recipe.wording import prompts_of
from synth_dagster.record_tables import REJECT, from_table, to_table
from synth_dagster.records import Document, Json, Record, Reject, digest
from synth_dagster.runner.adopt import adopted
from synth_dagster.runner.chain import Chain
from synth_dagster.runner.context import OpenTeachers, Outcome, RunContext, source_of
from synth_dagster.runner.corpus import CorpusView
from synth_dagster.runner.current import accepted, adopts, current, identity_in_view
from synth_dagster.runner.deliveries import ERASED, READ, read_batch
from synth_dagster.runner.interrupts import run_to_end
from synth_dagster.runner.provider_batches import StageLedger, asks_in_batches, resumed
from synth_dagster.runner.services import needs_teacher
from synth_dagster.runner.stamp import counted
from synth_dagster.runner.yields import told_twice
from synth_dagster.services import Corpus


def run_stage(context: RunContext, stage: str, batch: str) -> Outcome:
    """Make a stage's batch as a candidate, unless it is current. Raises SynthError; then nothing was written."""
    lake, dataset = context.lake, context.recipe.dataset
    with lake.lease(f"batch/{dataset}/{stage}/{batch}", kind="exclusive"):
        lake.let_erasures_end()
        view = CorpusView.of(context, stage)
        wanted = identity_in_view(context, stage, batch, view)
        there = current(context, stage, batch, wanted)
        if there is not None:
            return Outcome(there, made=False)
        return Outcome(_make(context, context.recipe.stage(stage), batch, wanted, view), made=True)


def _make(
    context: RunContext, stage: Stage, batch: str, wanted: tuple[str, dict[str, str]], view: CorpusView | None
) -> Candidate:
    started = time.monotonic()
    with seldom_collected(), view.opened(context) if view else nullcontext() as corpus:
        chain, usage = run_to_end(_run_chain(context, stage, batch, corpus))
    if tombstones := Tombstones(context.lake.meta.database):
        drop_erased(tombstones, chain)
    code_version, inputs = wanted
    context.lake.meta.remember_code_version(code_version, context.makeup(stage.name, batch))
    return context.lake.write_candidate(
        context.recipe.dataset,
        stage.name,
        batch,
        _as_table(chain.made, stage, context.run_id),
        rejects=_as_rejects(chain, context.run_id),
        run_id=context.run_id,
        session_id=context.session_id,
        code_version=code_version,
        inputs=inputs,
        recipe_hash=context.recipe.hash,
        details=_details(chain, stage)
        | {"teacher": usage, "seconds": round(time.monotonic() - started, 3)}
        | ({} if context.limit is None else {"limit": context.limit}),
    )


ALLOCATIONS = 100_000  # Python's own threshold is 700


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the garbage collector look less often while records are made: they are many, live long and form no cycles.

    Walking them again and again took a third of the platform's CPU time over 10,000 documents (`benchmarks.overhead`).
    """
    before = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _prompts(context: RunContext, stage: Stage) -> Iterator[Prompt]:
    """All that the steps of a stage may send, and what those that they try for others may be sent."""
    for step in stage.steps:
        yield from prompts_of(step.method).values()
    for step in read_for(context.recipe.stages, stage.name).values():
        for prompt in prompts_of(step.method).values():
            yield from (coded(prompt), coded(prompt, form=True))


async def _run_chain(
    context: RunContext, stage: Stage, batch: str, corpus: Corpus | None
) -> tuple[Chain, dict[str, Json]]:
    methods = [] if adopts(context, stage, batch) else [step.method for step in stage.steps]
    for prompt in _prompts(context, stage) if methods else ():
        context.lake.meta.remember_prompt(prompt.hash, prompt.system, prompt.user)
    if not needs_teacher(methods):
        return await _chained(context, stage, batch, None, corpus), {}
    ledger = batch_ledger(context, stage.name, batch)
    if ledger is not None:
        context = replace(context, in_flight=sys.maxsize)  # all records ask what they can before the answers come
    with resumed(ledger):
        async with context.teachers.open(
            context.recipe,
            run_id=context.run_id,
            session_id=context.session_id,
            spending=context.spending,
            batches=ledger,
            retry_rejects=context.retry_rejects,
            holds=context.lake.keeps_leases,
        ) as teachers:
            try:
                chain = await _chained(context, stage, batch, teachers, corpus)
                teachers.check_whole()
            finally:
                usage = _account(context, stage.name, batch, teachers)
            return chain, usage


def batch_ledger(context: RunContext, stage: str, batch: str) -> StageLedger | None:
    """Where the stage's provider batches are written down, if the recipe asks for any and the run is no try-out."""
    if context.live or context.limit is not None or not asks_in_batches(context.recipe):
        return None
    return StageLedger(context.lake, context.recipe.dataset, stage, batch, context.session_id, context.run_id)


async def _chained(
    context: RunContext, stage: Stage, batch: str, teachers: OpenTeachers | None, corpus: Corpus | None
) -> Chain:
    inputs = _inputs(context, stage, batch)
    chain = Chain(context, teachers, stage.name, stage.record_kind, batch, inputs=inputs, corpus=corpus)
    if stage.reads is None:
        chain.made, chain.rejects = read_batch(context, stage.name, batch)
    if adopts(context, stage, batch):
        is_first = all(isinstance(record, Document) for record in chain.inputs)
        adopt(chain, {} if is_first else _documents(context, batch))
    else:
        await chain.run(stage.steps)
    return chain


def adopt(chain: Chain, documents: Mapping[Json, Document]) -> None:
    """The chain of a stage that takes the batch over as it was delivered; documents of the corpus by native key."""
    for one in adopted(chain.stage, chain.kind, chain.batch, chain.inputs, documents):
        if isinstance(one, Reject):
            chain.rejects.append((ADOPTED, one))
        else:
            chain.made.append(one)


def _documents(context: RunContext, batch: str) -> dict[Json, Document]:
    """The current documents of a batch's corpus by native key."""
    corpus = next(stage.name for stage in context.recipe.stages.values() if stage.reads is None)
    version = accepted(context, corpus, batch)
    return by_native_key(from_table(readable(context.lake, version), "document"))


def by_native_key(records: Iterable[Record]) -> dict[Json, Document]:
    """The current documents among records by the key that their source gave them."""
    return {
        one.attributes["native_key"]: one for one in records if isinstance(one, Document) and one.status == "current"
    }


def _inputs(context: RunContext, stage: Stage, batch: str) -> list[Record]:
    if stage.reads is None:
        return []
    above = context.recipe.stage(stage.reads)
    return current_records(context, above, readable(context.lake, accepted(context, above.name, batch)))


def readable(lake: Lake, version: Candidate) -> pa.Table:
    """The rows of a version without those that are held in quarantine."""
    rows, away = lake.candidate_table(version), held(lake, version)
    if not away:
        return rows
    return rows.filter(pc.invert(pc.is_in(rows["record_id"], value_set=pa.array(list(away), pa.binary()))))  # type: ignore[attr-defined]


def current_records(context: RunContext, stage: Stage, rows: pa.Table) -> list[Record]:
    """What the stage below reads of a stage's rows, in the order in which it reads."""
    records = from_table(rows, stage.record_kind, stage=stage.name)
    return sorted((record for record in records if record.status == "current"), key=_reading_order)[: context.limit]


def _reading_order(record: Record) -> tuple[str, int, bytes]:
    """Documents as they stand in their source, so that progress and samples read naturally; others by id."""
    attributes = record.attributes
    chunk = attributes.get("chunk", 0)
    return str(attributes.get("native_key", "")), chunk if isinstance(chunk, int) else 0, record.record_id


def _account(context: RunContext, stage: str, batch: str, teachers: OpenTeachers) -> dict[str, Json]:
    """Write down what the teachers cost, also when the stage failed; returned for the candidate's details."""
    by_role: dict[str, Json] = {}
    for role, used in teachers.usage_by_role().items():
        usage = Usage(used.calls, used.cached, used.tokens_in, used.tokens_out, used.usd)
        place = (context.session_id, context.run_id, context.recipe.dataset, stage, batch, role)
        context.lake.sessions.add_usage(*place, usage)
        by_role[role] = asdict(usage)
    return by_role


def drop_erased(tombstones: Tombstones, chain: Chain) -> None:
    """Take out what a method has made again in the bytes of a record that was erased, with what is made from it."""
    gone = {one.record_id for one in chain.made if tombstones.has_record(one.record_id)}
    before = -1
    while len(gone) != before:
        before = len(gone)
        gone |= {one.record_id for one in chain.made if any(parent.record_id in gone for parent in one.parents)}
    chain.rejects += [(READ, ERASED)] * len(gone)
    chain.made = [one for one in chain.made if one.record_id not in gone]


# -------------------------------------------------------------------------------------------------- writing a candidate


def _as_table(records: Sequence[Record], stage: Stage, run_id: str) -> pa.Table:
    table = to_table(records, stage.record_kind)
    stamps = {"run_id": run_id, "created_at": datetime.now(UTC)}
    for name, value in stamps.items():
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        table = table.set_column(place, field, pa.array([value] * table.num_rows, field.type))
    return table


def _as_rejects(chain: Chain, run_id: str) -> pa.Table:
    now = datetime.now(UTC)
    rows = [
        {
            "reject_id": digest("reject", chain.stage, step, chain.batch, number, reject.location, reject.reason),
            "stage": chain.stage,
            "step": step,
            "source": source_of(chain.batch),
            "batch": chain.batch,
            "record_id": reject.record_id,
            "kind": reject.kind,
            "location": reject.location,
            "reason": reject.reason,
            "detail": reject.detail,
            "raw": reject.raw,
            "call_id": reject.call_id,
            "calls": list(reject.calls),
            "run_id": run_id,
            "created_at": now,
        }
        for number, (step, reject) in enumerate(chain.rejects)
    ]
    return pa.Table.from_pylist(rows, schema=REJECT)


def _details(chain: Chain, stage: Stage) -> dict[str, Json]:
    """Counts for the gate, the UI and `synth status`; no record text."""
    return {
        "inputs": len(chain.inputs),
        "status": dict(counted(record.status for record in chain.made)),
        "reasons": dict(counted(record.reason for record in chain.made if record.status == "eliminated")),
        "rejects": dict(counted(f"{step}:{reject.reason}" for step, reject in chain.rejects)),
        "told_twice": dict(told_twice(chain.made, chain.rejects)),
        "unusable": sum(reject.kind == "unusable" for _, reject in chain.rejects),
        "methods": dict(counted(record.method for record in chain.made if record.status == "current")),
        "steps": [ADOPTED] if adopts(chain.context, stage, chain.batch) else [step.key for step in stage.steps],
    }
