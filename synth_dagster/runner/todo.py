"""What there is to do, as the lake says it: deliveries that no version is made of, and batches that are not whole.

Sensors and schedules ask this at every tick. They keep no list of their own that could be lost with a daemon: the plan
and the tables decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from synth_dagster.errors import SynthError
from synth_dagster.lake.lake import Candidate
from synth_dagster.lake.meta import PlannedBatch
from synth_dagster.recipe import Recipe
from synth_dagster.records import digest
from synth_dagster.runner.context import SIGNALS, RunContext
from synth_dagster.runner.signals import is_current as signals_are_current
from synth_dagster.runner.stage import identity, is_settled

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
    try:
        rows = all(is_settled(context, stage, batch) for stage in context.recipe.stages)
        return rows and signals_are_current(context, batch)
    except SynthError:
        return False


def has_work(context: RunContext, batch: str) -> bool:
    """Whether a stage of a batch can be made that was not refused just like this before."""
    stopped: set[str] = set()
    for stage in context.recipe.stages.values():
        if stage.reads in stopped or is_refused(context, stage.name, batch):
            stopped.add(stage.name)
        elif not _is_settled(context, stage.name, batch):
            return True
    if context.recipe.mix.of in stopped:
        return False
    return not signals_are_current(context, batch) and not _signals_refused(context, batch)


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
