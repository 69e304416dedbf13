"""What steps of a recipe read besides their own records: what comes after them, and the other batches.

A step that looks at texts for others (`services.Readers`) rests on those that will have a model read what it leaves: on
their settings, their prompts, their roles. A step that looks at the whole corpus (`services.Corpus`) needs all batches
of the stage above to be there, so the stages of a recipe are made in waves: all batches of the first, then of the next.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from synth_dagster.method import Method
from synth_dagster.services import Corpus, Readers, Teacher, asked_of

if TYPE_CHECKING:
    from synth_dagster.recipe.model import Stage, Step

ONE_BY_ONE = ("synthesize", "augment", "refine")  # verbs that are given one record; a pool is not read so


def looks_for_others(method: type[Method]) -> bool:
    """Whether a method's verb asks for the steps that will read what it leaves."""
    return Readers in _asked(method)


def looks_at_corpus(method: type[Method]) -> bool:
    """Whether a method's verb asks for the records of all batches."""
    return Corpus in _asked(method)


def reads_corpus(stage: "Stage") -> bool:
    """Whether a stage is made in view of all batches of the stage above."""
    return any(looks_at_corpus(type(step.method)) for step in stage.steps)


def waves_of(stages: "Mapping[str, Stage]") -> list[list[str]]:
    """The stages in the order in which they are made: each list for all batches before the next one for any."""
    waves: list[list[str]] = []
    place: dict[str, int] = {}
    for stage in stages.values():
        place[stage.name] = place.get(stage.reads or "", 0) + reads_corpus(stage)
        waves += [[] for _ in range(place[stage.name] + 1 - len(waves))]
        waves[place[stage.name]].append(stage.name)
    return waves


def readers_of(stages: "Mapping[str, Stage]", stage: str, step: "Step") -> "dict[str, Step]":
    """Stage/key -> step, for each step after this one that has a model read records of this stage's kind one by one.

    Stages of the same kind hand their records on, so the stages below them are looked through too.
    """
    own = stages[stage]
    after = own.steps[own.steps.index(step) + 1 :] if step in own.steps else ()
    found = {f"{stage}/{one.key}": one for one in after}
    for below in _below(stages, stage):
        found |= {f"{below.name}/{one.key}": one for one in below.steps}
    return {name: one for name, one in found.items() if _reads(type(one.method), own.record_kind)}


def read_for(stages: "Mapping[str, Stage]", stage: str) -> "dict[str, Step]":
    """The readers of all steps of a stage that look at its texts for others."""
    found: dict[str, Step] = {}
    for step in stages[stage].steps:
        if looks_for_others(type(step.method)):
            found |= readers_of(stages, stage, step)
    return found


def _below(stages: "Mapping[str, Stage]", name: str) -> "Iterator[Stage]":
    for stage in stages.values():
        if stage.reads == name:
            yield stage
            if stage.record_kind == stages[name].record_kind:
                yield from _below(stages, stage.name)


def _reads(method: type[Method], kind: str) -> bool:
    is_read = kind in {view.kind for view in method.consumes()}
    return is_read and method.verb() in ONE_BY_ONE and Teacher in _asked(method)


def _asked(method: type[Method]) -> list[object]:
    verb = getattr(method, method.verb(), None)
    return list(asked_of(verb).values()) if verb else []
