"""What a run would do and cost, before any call: per stage and batch what is new, stale and current, and what is asked.

The steps really run, over what the sources hold now, with teachers that send nothing (`teacher.rehearsal`). Where every
answer is known, because it is kept or the embedded teacher gives it, the plan is what will happen, to the call. Where
another model would be asked, the embedded teacher stands in, and numbers are corrected by the inputs whose answers are
all kept, such as those of a sample: by the ratio of their means, stage after stage. The interval is that of the ratios.

Nothing is written, neither to the lake nor to the cache. Gates do not stand in the way: the plan is for passing them.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from synth_dagster.errors import SynthError
from synth_dagster.lake.lake import Candidate
from synth_dagster.lake.meta_values import PlannedBatch
from synth_dagster.recipe import Stage, Step
from synth_dagster.recipe.reading import reads_corpus
from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Json, Record
from synth_dagster.runner.chain import Chain, Given
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.corpus import Records
from synth_dagster.runner.current import adopts
from synth_dagster.runner.deliveries import read_planned
from synth_dagster.runner.forecast_states import State, There, states_of
from synth_dagster.runner.interrupts import run_to_end
from synth_dagster.runner.plan import batches_of
from synth_dagster.runner.stage import adopt, by_native_key, current_records, readable, seldom_collected
from synth_dagster.runner.vectors import NoVectors, embedding_of
from synth_dagster.runner.yields import Yield, answered_by_rules, told_twice
from synth_dagster.teacher.rehearsal import Rehearsal, Sum

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
    came: Yield | None = None  # of the rehearsal, where every answer is known
    by_rules: bool = False  # whether the embedded teacher answers the stage
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
    others = [batch for batch in planned if batch not in chosen]
    states = states_of(context, chosen, others)
    busy = [batch for batch in chosen if any(one.state != "current" for one in states[batch.batch].values())]
    rehearsed = _rehearsed(busy)
    stories = [(batch, states[batch.batch], batch.batch in rehearsed) for batch in chosen]
    parts = _all_parts(context, rehearsal, stories, others)
    is_mixed = rehearsal.stands_in and any(not unit.asked.guessed for part in parts for unit in part.units)
    blind = _all_parts(context, rehearsal.blind(), stories, others) if is_mixed else []
    return Forecast(parts, retired, rehearsal.stands_in, blind, dict(rehearsal.batch_shares))


def _all_parts(
    context: RunContext,
    rehearsal: Rehearsal,
    batches: Sequence[tuple[PlannedBatch, Mapping[str, There], bool]],
    others: Sequence[PlannedBatch],
) -> list[StageOfBatch]:
    stories = [
        _Batch(context, rehearsal, batch, states, is_rehearsed=is_rehearsed) for batch, states, is_rehearsed in batches
    ]
    corpora = _Corpora(context, rehearsal, stories, others)
    parts: list[StageOfBatch] = []
    with seldom_collected():
        for stages in context.recipe.waves:
            for story in stories:
                parts.extend(run_to_end(story.run(stages, corpora)))
    return parts


def _rehearsed(batches: Sequence[PlannedBatch]) -> set[str]:
    """All batches of a delivery of usual size; of a larger one so many that lie evenly over it."""
    total = sum(batch.count for batch in batches)
    if total <= MOST_ITEMS:
        return {batch.batch for batch in batches}
    every = max(2, round(total / MOST_ITEMS))
    return {batch.batch for batch in batches[::every]}


class _Batch:
    """The way of one batch through the stages."""

    def __init__(
        self,
        context: RunContext,
        rehearsal: Rehearsal,
        batch: PlannedBatch,
        states: Mapping[str, There],
        *,
        is_rehearsed: bool,
    ) -> None:
        self.context, self.rehearsal, self.batch, self.is_rehearsed = context, rehearsal, batch, is_rehearsed
        self.states = states
        self.made: dict[str, list[Record]] = {}  # stage -> its current records, of the lake or of the rehearsal
        self.guessed: set[bytes] = set()  # records that stand on the word of a stand-in
        self.seeds: dict[bytes, bytes] = {}  # record -> the record that it goes back to

    async def run(self, stages: Sequence[str], corpora: "_Corpora") -> list[StageOfBatch]:
        return [await self._stage(self.context.recipe.stage(name), self.states[name], corpora) for name in stages]

    async def _stage(self, stage: Stage, there: There, corpora: "_Corpora") -> StageOfBatch:
        facts: dict[str, Any] = {"batch": self.batch.batch, "stage": stage.name, "items": self.batch.count}
        facts |= {"state": there.state, "why": there.why, "records": there.records}
        if there.state == "current" or not self.is_rehearsed:
            return StageOfBatch(is_rehearsed=there.state == "current", **facts)
        began, before = time.monotonic(), self.rehearsal.sent_by_role()
        chain = _Watched(
            *(self.context, self.rehearsal, stage.name, stage.record_kind, self.batch.batch),
            inputs=self._inputs(stage),
            corpus=corpora.of(stage),
        )
        chain.guessed, chain.seeds = self.guessed, self.seeds
        with self.rehearsal.counting(guessed=bool(self.guessed)) as outside:
            await self._made(chain, stage)
        self.made[stage.name] = current_records(self.context, stage, to_table(chain.made, stage.record_kind))
        sent = {role: total - before[role] for role, total in self.rehearsal.sent_by_role().items()}
        asked = sum((unit.asked for unit in chain.units), outside)
        roles = self.context.makeup(stage.name, self.batch.batch).get("teachers")
        return StageOfBatch(
            inputs=len(chain.inputs),
            asked=asked,
            came=None if asked.guessed or self.guessed else _came(chain),
            by_rules=answered_by_rules(roles if isinstance(roles, dict) else {}),
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

    def known(self, stage: str) -> list[Record]:
        """The current records of a stage as a run would see them; none where only the run would make them."""
        if stage in self.made:
            return self.made[stage]
        is_shown = self.states[stage].state in ("current", "refused")
        return accepted_records(self.context, stage, self.batch.batch) if is_shown else []

    def _current(self, stage: str) -> list[Record]:
        """The current records of a stage: as rehearsed, else as accepted."""
        if stage not in self.made:
            if self.context.lake.accepted(self.context.recipe.dataset, stage, self.batch.batch) is None:
                raise SynthError(f"'{stage}' of {self.batch.batch} went while it was planned. Plan again.")
            self.made[stage] = accepted_records(self.context, stage, self.batch.batch)
        return self.made[stage]

    def _pace(self, stage: str) -> float | None:
        """Seconds a call in the newest versions of this stage that asked anybody."""
        made = self.context.lake.meta.candidates(self.context.recipe.dataset, stage)[-PACED:]
        took = [(one.details.get("seconds", 0.0), _calls_of(one)) for one in made if _calls_of(one)]
        return sum(seconds for seconds, _ in took) / sum(calls for _, calls in took) if took else None


def _came(chain: Chain) -> Yield:
    """What the chain kept and lost."""
    lost = Counter(str(one.reason) for one in chain.made if one.status == "eliminated")
    lost += Counter(f"{step}:{reject.reason}" for step, reject in chain.rejects)
    lost -= told_twice(chain.made, chain.rejects)
    kept = sum(one.status == "current" for one in chain.made)
    return Yield(kept, lost.total(), sum(reject.kind == "unusable" for _, reject in chain.rejects), lost)


def _calls_of(made: Candidate) -> int:
    return sum(numbers["calls"] for numbers in made.details.get("teacher", {}).values())


def accepted_records(context: RunContext, stage: str, batch: str) -> list[Record]:
    """The current records of a batch that is accepted; none where none is."""
    there = context.lake.accepted(context.recipe.dataset, stage, batch)
    return [] if there is None else current_records(context, context.recipe.stage(stage), readable(context.lake, there))


class _Corpora:
    """What stages that look at the whole corpus see of it: what was rehearsed before, and what is accepted."""

    def __init__(
        self, context: RunContext, rehearsal: Rehearsal, stories: Sequence[_Batch], others: Sequence[PlannedBatch]
    ) -> None:
        self._context, self._rehearsal, self._stories, self._others = context, rehearsal, stories, others
        self._seen: dict[str, Records] = {}

    def of(self, stage: Stage) -> Records | None:
        if not reads_corpus(stage) or stage.reads is None:
            return None
        if stage.name not in self._seen:
            batches = {one.batch: accepted_records(self._context, stage.reads, one.batch) for one in self._others}
            batches |= {story.batch.batch: story.known(stage.reads) for story in self._stories}
            embeds = embedding_of(self._context.recipe, stage.reads)
            vectors = self._rehearsal.looked_up(embeds.shown) if embeds else NoVectors()
            self._seen[stage.name] = Records(batches, vectors, found={})
        return self._seen[stage.name]


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
