"""What a run would do and cost, before any call: per stage and batch what is new, stale and current, and what is asked.

The steps really run, over what the sources hold now, with teachers that send nothing (`teacher.rehearsal`). Where every
answer is known, because it is kept or the embedded teacher gives it, the plan is what will happen, to the call. Where
another model would be asked, the embedded teacher stands in, and numbers are corrected by the inputs whose answers are
all kept, such as those of a sample: by the ratio of their means, stage after stage. The interval is that of the ratios.

Nothing is written, neither to the lake nor to the cache. Gates do not stand in the way: the plan is for passing them.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from synth_dagster.errors import SynthError
from synth_dagster.lake.findings import held, held_input
from synth_dagster.lake.lake import Candidate
from synth_dagster.lake.meta import PlannedBatch
from synth_dagster.lake.remaking import is_to_remake
from synth_dagster.recipe import Stage, Step
from synth_dagster.recipe.makeup import differences
from synth_dagster.records import Document, Json, Record, to_table
from synth_dagster.runner.chain import Chain, Given
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.interrupts import run_to_end
from synth_dagster.runner.plan import batches_of
from synth_dagster.runner.stage import (
    adopt,
    adopts,
    by_native_key,
    current_records,
    read_planned,
    readable,
    seldom_collected,
)
from synth_dagster.teacher.rehearsal import Rehearsal, Sum

State: TypeAlias = Literal["new", "stale", "refused", "current"]

MOST_ITEMS = 3_000  # delivered items that are rehearsed; the rest of a larger delivery is estimated from them
PACED = 20  # versions of a stage that say how long a call takes


@dataclass(frozen=True, slots=True)
class Unit:
    """What one input of a step asked, and from which seed it comes: the record that the first stage read or made."""

    seed: bytes
    asked: Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOfBatch:
    """One stage of one batch: what is there, and what a run would ask."""

    batch: str
    stage: str
    state: State
    why: str = ""  # of a stale one: what of its steps and inputs changed
    records: int = 0  # of the version that is there, and would be replaced
    items: int = 0  # of the delivery
    inputs: int = 0
    asked: Sum = field(default_factory=Sum)
    units: Sequence[Unit] = ()
    is_rehearsed: bool = True
    seconds: float = 0.0  # of the rehearsal
    by_role: Mapping[str, int] = field(default_factory=dict)  # role -> calls
    least_s: float = 0.0  # that it takes at the rates that the roles state
    pace: float | None = None  # seconds a call, as earlier versions of this stage took


@dataclass(frozen=True, slots=True)
class Forecast:
    """All stages of all batches, in the order in which a run makes them."""

    parts: Sequence[StageOfBatch]
    retired: Sequence[str]
    stands_in: bool  # whether the embedded teacher stood in for another model
    blind: Sequence[StageOfBatch] = ()  # the same where the stand-in answers also what is kept, to compare the two
    batch_shares: Mapping[str, Decimal | None] = field(default_factory=dict)  # role -> its batch price, of the live one


def forecast(context: RunContext, rehearsal: Rehearsal, batches: Sequence[str] = ()) -> Forecast:
    """Plan a run of all batches, or of those named. Raises what keeps a source from being read, as a run would."""
    recipe, meta = context.recipe, context.lake.meta
    planned = [batch for source in recipe.sources for batch in batches_of(context, source)]
    known = {batch.batch for batch in planned}
    retired = sorted({batch.batch for batch in meta.planned(recipe.dataset)} - known)
    chosen = [batch for batch in planned if not batches or batch.batch in batches]
    rehearsed = _rehearsed([batch for batch in chosen if _has_work(context, batch)])
    parts = _all_parts(context, rehearsal, chosen, rehearsed)
    is_mixed = rehearsal.stands_in and any(not unit.asked.guessed for part in parts for unit in part.units)
    blind = _all_parts(context, rehearsal.blind(), chosen, rehearsed) if is_mixed else []
    return Forecast(parts, retired, rehearsal.stands_in, blind, dict(rehearsal.batch_shares))


def _all_parts(
    context: RunContext, rehearsal: Rehearsal, batches: Sequence[PlannedBatch], rehearsed: set[str]
) -> list[StageOfBatch]:
    parts: list[StageOfBatch] = []
    with seldom_collected():
        for batch in batches:
            story = _Batch(context, rehearsal, batch, is_rehearsed=batch.batch in rehearsed)
            parts.extend(run_to_end(story.run()))
    return parts


def _has_work(context: RunContext, batch: PlannedBatch) -> bool:
    return any(found.state != "current" for found in _states(context, batch).values())


def _rehearsed(batches: Sequence[PlannedBatch]) -> set[str]:
    """All batches of a delivery of usual size; of a larger one so many that lie evenly over it."""
    total = sum(batch.count for batch in batches)
    if total <= MOST_ITEMS:
        return {batch.batch for batch in batches}
    every = max(2, round(total / MOST_ITEMS))
    return {batch.batch for batch in batches[::every]}


@dataclass(frozen=True, slots=True)
class _There:
    """What is there of a stage's batch, and why it would be made anew."""

    state: State
    why: str = ""
    records: int = 0


def _states(context: RunContext, batch: PlannedBatch) -> dict[str, _There]:
    """The same by stage. What stands on something stale is stale."""
    found: dict[str, _There] = {}
    for stage in context.recipe.stages.values():
        above = found.get(stage.reads or "")
        found[stage.name] = _state(context, stage, batch, above.state if above else "current")
    return found


def _state(context: RunContext, stage: Stage, batch: PlannedBatch, above: State) -> _There:
    lake, dataset = context.lake, context.recipe.dataset
    there = lake.accepted(dataset, stage.name, batch.batch)
    made = lake.meta.candidates(dataset, stage.name, batch.batch)
    was_refused = bool(made) and made[-1].state == "refused" and above == "current"
    if was_refused and not _changes(context, stage, batch, made[-1]):
        return _There("refused", "its gate refused it as it is", there.current if there else 0)
    if there is None:
        return _There("new")
    changes = _changes(context, stage, batch, there, above)
    return _There("stale" if changes else "current", "; ".join(changes), there.current)


def _changes(
    context: RunContext, stage: Stage, batch: PlannedBatch, there: Candidate, above: State = "current"
) -> list[str]:
    """What a version was made by or from that a run would not use now, a phrase each."""
    changes = _changed_steps(context, stage, batch, there)
    if above != "current":
        return [*changes, f"{stage.reads} is made anew"]
    if is_to_remake(there):
        return [*changes, "an erasure took records that are to be made again"]
    return [*changes, *(["inputs changed"] if _reads_others(context, stage, batch, there) else [])]


def _changed_steps(context: RunContext, stage: Stage, batch: PlannedBatch, there: Candidate) -> list[str]:
    if there.code_version == context.code_version(stage.name, batch.batch):
        return []
    before = context.lake.meta.made_by(there.code_version)
    named = differences(before, context.makeup(stage.name, batch.batch)) if before is not None else []
    return named or ["steps or prompts changed"]


def _reads_others(context: RunContext, stage: Stage, batch: PlannedBatch, there: Candidate) -> bool:
    """Whether the inputs of a version are not those that a run would read."""
    dataset = context.recipe.dataset
    if stage.reads is None:
        inputs = {"delivery": batch.digest}
    else:
        above = context.lake.accepted(dataset, stage.reads, batch.batch)
        inputs = {stage.reads: above.data_version if above else ""}
        inputs |= held_input(held(context.lake, above)) if above else {}
    return dict(there.inputs) != inputs


class _Batch:
    """The way of one batch through the stages."""

    def __init__(self, context: RunContext, rehearsal: Rehearsal, batch: PlannedBatch, *, is_rehearsed: bool) -> None:
        self.context, self.rehearsal, self.batch, self.is_rehearsed = context, rehearsal, batch, is_rehearsed
        self.made: dict[str, list[Record]] = {}  # stage -> its current records, of the lake or of the rehearsal
        self.guessed: set[bytes] = set()  # records that stand on the word of a stand-in
        self.seeds: dict[bytes, bytes] = {}  # record -> the record that it goes back to

    async def run(self) -> list[StageOfBatch]:
        return [
            await self._stage(self.context.recipe.stage(name), there)
            for name, there in _states(self.context, self.batch).items()
        ]

    async def _stage(self, stage: Stage, there: _There) -> StageOfBatch:
        facts: dict[str, Any] = {"batch": self.batch.batch, "stage": stage.name, "items": self.batch.count}
        facts |= {"state": there.state, "why": there.why, "records": there.records}
        if there.state == "current" or not self.is_rehearsed:
            return StageOfBatch(is_rehearsed=there.state == "current", **facts)
        began, before = time.monotonic(), self.rehearsal.sent_by_role()
        chain = _Watched(
            self.context, self.rehearsal, stage.name, stage.record_kind, self.batch.batch, inputs=self._inputs(stage)
        )
        chain.guessed, chain.seeds = self.guessed, self.seeds
        with self.rehearsal.counting(guessed=bool(self.guessed)) as outside:
            await self._made(chain, stage)
        self.made[stage.name] = current_records(self.context, stage, to_table(chain.made, stage.record_kind))
        sent = {role: total - before[role] for role, total in self.rehearsal.sent_by_role().items()}
        return StageOfBatch(
            inputs=len(chain.inputs),
            asked=sum((unit.asked for unit in chain.units), outside),
            units=chain.units,
            seconds=time.monotonic() - began,
            pace=self._pace(stage.name),
            least_s=self.rehearsal.least_seconds(sent),
            by_role={role: one["calls"] for role, one in sent.items()},
            **facts,
        )

    async def _made(self, chain: "_Watched", stage: Stage) -> None:
        if stage.reads is None:
            chain.made, chain.rejects = read_planned(self.context, stage.name, self.batch)
        if adopts(self.context, stage, self.batch.batch):
            adopt(chain, self._documents() if stage.reads else {})
        else:
            await chain.run(stage.steps)
        chain.pass_on()

    def _documents(self) -> Mapping[Json, Document]:
        return by_native_key(self._current(next(iter(self.context.recipe.stages))))

    def _inputs(self, stage: Stage) -> list[Record]:
        return [] if stage.reads is None else self._current(stage.reads)

    def _current(self, stage: str) -> list[Record]:
        """The current records of a stage: as rehearsed, else as accepted."""
        if stage not in self.made:
            recipe, lake = self.context.recipe, self.context.lake
            there = lake.accepted(recipe.dataset, stage, self.batch.batch)
            if there is None:
                raise SynthError(f"'{stage}' of {self.batch.batch} went while it was planned. Plan again.")
            self.made[stage] = current_records(self.context, recipe.stage(stage), readable(lake, there))
        return self.made[stage]

    def _pace(self, stage: str) -> float | None:
        """Seconds a call in the newest versions of this stage that asked anybody."""
        made = self.context.lake.meta.candidates(self.context.recipe.dataset, stage)[-PACED:]
        took = [(one.details.get("seconds", 0.0), _calls_of(one)) for one in made if _calls_of(one)]
        return sum(seconds for seconds, _ in took) / sum(calls for _, calls in took) if took else None


def _calls_of(made: Candidate) -> int:
    return sum(numbers["calls"] for numbers in made.details.get("teacher", {}).values())


@dataclass
class _Watched(Chain):
    """A chain that notes what each input asked, and which records stand on guesses."""

    units: list[Unit] = field(default_factory=list)
    guessed: set[bytes] = field(default_factory=set)
    seeds: dict[bytes, bytes] = field(default_factory=dict)
    _shaky: set[bytes] = field(default_factory=set)  # inputs whose answers were guesses

    async def _one(self, step: Step, record: Record, verb: Callable[[], Awaitable[Any]]) -> Given:
        assert isinstance(self.teachers, Rehearsal)
        with self.teachers.counting(guessed=record.record_id in self.guessed) as asked:
            given = await super()._one(step, record, verb)
        if asked.guessed:
            self._shaky.add(record.record_id)
        if asked.answers:
            self.units.append(Unit(self._seed(record), asked))
        return given

    def _seed(self, record: Record) -> bytes:
        if record.record_id not in self.seeds:
            above = record.parents[0].record_id if record.parents else record.record_id
            self.seeds[record.record_id] = self.seeds.get(above, above)
        return self.seeds[record.record_id]

    def pass_on(self) -> None:
        """What was made of a guess, or by one, is a guess."""
        for record in self.made:
            self._seed(record)
            parents = {parent.record_id for parent in record.parents}
            if parents & self.guessed or parents & self._shaky:
                self.guessed.add(record.record_id)
