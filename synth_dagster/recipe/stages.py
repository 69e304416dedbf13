"""Reads the stages of a recipe: what there is and reads what (`stage_plans`), then the chain of each (`steps`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from synth_dagster.recipe.draft import Draft
from synth_dagster.recipe.model import Mix, Stage
from synth_dagster.recipe.stage_plans import corpus_of, count_kinds, in_order, plan_of, read_by
from synth_dagster.recipe.steps import Steps
from synth_dagster.recipe.tree import Plain


@dataclass
class Graph:
    """The stages that could be read. `complete`: every method is known, so a role that none asks for is unused."""

    stages: Mapping[str, Stage] = field(default_factory=dict)
    mix: Mix | None = None
    roles: frozenset[str] = frozenset()
    complete: bool = False


def read_stages(draft: Draft, value: Plain, seed: int, *, all_join: bool = False) -> Graph:
    """The graph that `stages:` says; every mistake in it is told to the draft.

    Where all sources join a stage with finished records, a stage may have no steps.
    """
    values = draft.mapping(value, ("stages",), "'stages'")
    if values is None:
        return Graph()
    plans = [plan_of(draft, name, body) for name, body in values.items()]
    count_kinds(draft, plans)
    rows = [plan for plan in plans if plan.kind != "mix"]
    first = corpus_of(rows)
    for number, plan in enumerate(rows):
        plan.reads = read_by(draft, plan, rows[:number], rows, is_first=plan is first)
    ordered = in_order(draft, rows)
    reader = Steps(draft, seed, {plan.name: plan.kind for plan in plans}, all_join=all_join)
    stages = {plan.name: stage for plan in ordered if (stage := reader.stage(plan))}
    mixes = [reader.mix(plan, rows) for plan in plans if plan.kind == "mix"]
    return Graph(stages, mixes[0] if mixes else None, frozenset(reader.roles), complete=not reader.unknown)
