"""What there is to do, as the lake says it: deliveries that no version is made of, and batches that are not whole.

Sensors and schedules ask this at every tick. They keep no list of their own that could be lost with a daemon: the plan
and the tables decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from synth_dagster.errors import SynthError
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import PlannedBatch
from synth_dagster.lake.remaking import is_to_remake
from synth_dagster.recipe import Recipe, Stage
from synth_dagster.records import digest
from synth_dagster.runner.context import SIGNALS, RunContext
from synth_dagster.runner.current import identity, is_settled
from synth_dagster.runner.signals import is_current as signals_are_current

STANDING = ("awaiting", "refused")  # made of a delivery, whatever its gate says


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch whose delivery is not in. The key is another one whenever the batch should be made once more."""

    batch: str
    key: str


def arrived(context: RunContext) -> list[Arrival]:
    """The planned batches whose delivery no version was made of, by source, in the order of the delivery.

    The key names the delivery and the version that it would replace: a delivery that comes, goes and comes back as it
    was is a new one each time. Versions of other steps count as made: an edited recipe is for people to run.
    """
    lake, dataset, stage = context.lake, context.recipe.dataset, corpus_of(context.recipe)
    planned = lake.meta.planned(dataset)
    if not planned:
        return []
    newest = {candidate.batch: candidate for candidate in lake.meta.candidates(dataset, stage)}
    shown = lake.accepted_all(dataset, stage)
    return [
        Arrival(batch.batch, digest("arrival", batch.batch, batch.digest, _number(newest.get(batch.batch))).hex())
        for batch in planned
        if not _is_in(batch, newest.get(batch.batch), shown.get(batch.batch))
    ]


def _is_in(batch: PlannedBatch, newest: Candidate | None, shown: Candidate | None) -> bool:
    standing = newest if newest is not None and newest.state in STANDING else None
    return any(made is not None and made.inputs.get("delivery") == batch.digest for made in (standing, shown))


def _number(candidate: Candidate | None) -> int:
    return candidate.number if candidate else 0


def unfinished(context: RunContext) -> list[str]:
    """The planned batches that a run would bring further; not those that stand before a gate which refused them."""
    return [
        batch.batch for batch in context.lake.meta.planned(context.recipe.dataset) if has_work(context, batch.batch)
    ]


def is_whole(context: RunContext, batch: str) -> bool:
    """Whether every stage of a batch is current and accepted; a missing input above means that it is not."""
    return wave_of_work(context, batch) is None


def tables_of_wave(recipe: Recipe, number: int) -> list[str]:
    """What is made of a batch in a wave: its stages, and the signals with the stage that the mix is of."""
    stages = recipe.waves[number]
    return [*stages, *([SIGNALS] if recipe.mix.of in stages else [])]


def wave_of_work(context: RunContext, batch: str) -> int | None:
    """The first wave of the recipe in which a batch is not whole: all batches are made in it before the next."""
    waves = enumerate(context.recipe.waves)
    return next((number for number, stages in waves if not _wave_is_whole(context, stages, batch)), None)


def _wave_is_whole(context: RunContext, stages: Sequence[str], batch: str) -> bool:
    try:
        rows = all(is_settled(context, stage, batch) for stage in stages)
        return rows and (context.recipe.mix.of not in stages or signals_are_current(context, batch))
    except SynthError:
        return False


def has_work(context: RunContext, batch: str) -> bool:
    """Whether a stage of a batch can be made that was not refused just like this before."""
    return wave_to_make(context, batch) is not None


def wave_to_make(context: RunContext, batch: str) -> int | None:
    """The first wave of the recipe in which there is such a stage, or signals that can be computed."""
    stopped: set[str] = set()
    for number, stages in enumerate(context.recipe.waves):
        for stage in map(context.recipe.stage, stages):
            if stage.reads in stopped or is_refused(context, stage.name, batch):
                stopped.add(stage.name)
            elif not _is_settled(context, stage.name, batch):
                return number
        of = context.recipe.mix.of
        if of in stages and of not in stopped and not signals_are_current(context, batch):
            return None if _signals_refused(context, batch) else number
    return None


def corpus_is_decided(lake: Lake, recipe: Recipe, stage: str) -> bool:
    """Whether each planned batch of a stage is accepted or refused as it is delivered now, or stopped further above.

    A stage that looks at all of them waits for this where it is made by itself: in view of half of a corpus it would
    have tasks made that nobody wants of the whole.
    """
    way: list[Stage] = []
    above: str | None = stage
    while above is not None:
        way.insert(0, recipe.stage(above))
        above = way[0].reads
    newest = {one.name: {c.batch: c for c in lake.meta.candidates(recipe.dataset, one.name)} for one in way}
    shown = {one.name: lake.accepted_all(recipe.dataset, one.name) for one in way}
    return all(_is_decided(plan, way, newest, shown) for plan in lake.meta.planned(recipe.dataset))


_Versions: TypeAlias = Mapping[str, Mapping[str, Candidate]]  # stage -> batch -> version


def _is_decided(plan: PlannedBatch, way: Sequence[Stage], newest: _Versions, shown: _Versions) -> bool:
    for stage in way:
        made = newest[stage.name].get(plan.batch)
        if made is None or made.state == "awaiting" or is_to_remake(made):
            return False
        above = shown[stage.reads].get(plan.batch) if stage.reads else None
        of = plan.digest if stage.reads is None else above.data_version if above else None
        if made.inputs.get(stage.reads or "delivery") != of:
            return False
        if made.state == "refused":
            return True
    return True


def is_refused(context: RunContext, stage: str, batch: str) -> bool:
    """Whether the newest version of a batch failed its checks, and steps and inputs are still those it was made by."""
    newest = _newest(context, stage, batch)
    if newest is None or newest.state != "refused":
        return False
    try:
        return (newest.code_version, dict(newest.inputs)) == identity(context, stage, batch)
    except SynthError:
        return False


def _is_settled(context: RunContext, stage: str, batch: str) -> bool:
    try:
        return is_settled(context, stage, batch)
    except SynthError:
        return False


def _signals_refused(context: RunContext, batch: str) -> bool:
    newest = _newest(context, SIGNALS, batch)
    above = context.lake.accepted(context.recipe.dataset, context.recipe.mix.of, batch)
    if newest is None or above is None or newest.state != "refused":
        return False
    inputs: Mapping[str, str] = {context.recipe.mix.of: above.data_version}
    return (newest.code_version, newest.inputs) == (context.recipe.signals_fingerprint(context.root), inputs)


def _newest(context: RunContext, stage: str, batch: str) -> Candidate | None:
    made = context.lake.meta.candidates(context.recipe.dataset, stage, batch)
    return made[-1] if made else None


def corpus_of(recipe: Recipe) -> str:
    """The stage that reads the sources."""
    return next(stage.name for stage in recipe.stages.values() if stage.reads is None)
