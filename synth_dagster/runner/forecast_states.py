"""What is there of each stage of each batch, and what of its steps and inputs a run would find changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from synth_dagster.lake.findings import held, held_input
from synth_dagster.lake.lake import Candidate
from synth_dagster.lake.meta_values import PlannedBatch
from synth_dagster.lake.remaking import is_to_remake
from synth_dagster.recipe import Stage
from synth_dagster.recipe.makeup import differences
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.corpus import CorpusView
from synth_dagster.runner.current import adopts

State: TypeAlias = Literal["new", "stale", "refused", "current"]


@dataclass(frozen=True, slots=True)
class There:
    """What is there of a stage's batch, and why it would be made anew."""

    state: State
    why: str = ""
    records: int = 0


States: TypeAlias = Mapping[str, Mapping[str, There]]  # batch -> stage -> what is there


def states_of(
    context: RunContext, batches: Sequence[PlannedBatch], others: Sequence[PlannedBatch]
) -> dict[str, dict[str, There]]:
    """What is there of all stages of these batches. What stands on something stale is stale.

    A stage that looks at the whole corpus stands on every batch of the stage above, also on `others`, of which only
    what is accepted counts.
    """
    found: dict[str, dict[str, There]] = {batch.batch: {} for batch in batches}
    for stages in context.recipe.waves:
        for name in stages:
            stage = context.recipe.stage(name)
            view = CorpusView.of(context, name)
            corpus = _InView(view.input, _moves(view, found, others)) if view else _InView()
            for batch in batches:
                above = found[batch.batch].get(stage.reads or "")
                seen = _InView() if adopts(context, stage, batch.batch) else corpus
                found[batch.batch][name] = _state(context, stage, batch, above.state if above else "current", seen)
    return found


@dataclass(frozen=True, slots=True)
class _InView:
    """The corpus that a stage looks at: what a version says of it, and whether a run would find another one."""

    input: Mapping[str, str] = field(default_factory=dict)
    moves: bool = False


def _moves(view: CorpusView, found: States, others: Sequence[PlannedBatch]) -> bool:
    is_made = any(there[view.stage].state in ("new", "stale") for there in found.values())
    return is_made or bool(view.versions.keys() - found.keys() - {batch.batch for batch in others})


def _state(context: RunContext, stage: Stage, batch: PlannedBatch, above: State, corpus: _InView) -> There:
    lake, dataset = context.lake, context.recipe.dataset
    there = lake.accepted(dataset, stage.name, batch.batch)
    made = lake.meta.candidates(dataset, stage.name, batch.batch)
    was_refused = bool(made) and made[-1].state == "refused" and above == "current"
    if was_refused and not _changes(context, stage, batch, made[-1], above, corpus):
        return There("refused", "its gate refused it as it is", there.current if there else 0)
    if there is None:
        return There("new")
    changes = _changes(context, stage, batch, there, above, corpus)
    return There("stale" if changes else "current", "; ".join(changes), there.current)


def _changes(
    context: RunContext, stage: Stage, batch: PlannedBatch, there: Candidate, above: State, corpus: _InView
) -> list[str]:
    """What a version was made by or from that a run would not use now, a phrase each."""
    changes = _changed_steps(context, stage, batch, there)
    if above != "current":
        return [*changes, f"{stage.reads} is made anew"]
    if corpus.moves:
        return [*changes, f"other batches of {stage.reads} change"]
    if is_to_remake(there):
        return [*changes, "an erasure took records that are to be made again"]
    return [*changes, *(["inputs changed"] if _reads_others(context, stage, batch, there, corpus) else [])]


def _changed_steps(context: RunContext, stage: Stage, batch: PlannedBatch, there: Candidate) -> list[str]:
    if there.code_version == context.code_version(stage.name, batch.batch):
        return []
    before = context.lake.meta.made_by(there.code_version)
    named = differences(before, context.makeup(stage.name, batch.batch)) if before is not None else []
    return named or ["steps or prompts changed"]


def _reads_others(context: RunContext, stage: Stage, batch: PlannedBatch, there: Candidate, corpus: _InView) -> bool:
    """Whether the inputs of a version are not those that a run would read."""
    dataset = context.recipe.dataset
    if stage.reads is None:
        inputs = {"delivery": batch.digest}
    else:
        above = context.lake.accepted(dataset, stage.reads, batch.batch)
        inputs = {stage.reads: above.data_version if above else ""}
        inputs |= held_input(held(context.lake, above)) if above else {}
    return dict(there.inputs) != inputs | dict(corpus.input)
