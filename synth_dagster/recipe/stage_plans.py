"""What stages a recipe has: their names and kinds as written, which reads which, and their order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from synth_dagster.errors import no_such
from synth_dagster.method import MethodKind
from synth_dagster.recipe.draft import NAME_RULE, Draft, is_name
from synth_dagster.recipe.model import DEFAULT_STAGES, StageKind
from synth_dagster.recipe.settings import shown, shown_name
from synth_dagster.recipe.tree import Plain, Where

RESERVED = (
    *("quality_signals", "release_report", "verdicts", "rejects", "findings"),
    *("quarantine", "previews", "derived"),
)
ROW_SETTINGS = ("kind", "from", "steps", "guards")

Place = Literal["filters", "deduplicate", "select", "mix", "measure", "guards"]
LISTS = ("filters", "measure", "guards")
PLACES: Mapping[Place, MethodKind] = {
    "filters": "filter",
    "deduplicate": "dedup",
    "select": "select",
    "mix": "mix",
    "measure": "measure",
    "guards": "guard",
}
MIX_SETTINGS = ("kind", "of", *PLACES)


@dataclass
class Plan:
    """A stage as written: its name, kind and place. The kind is None where it cannot be told."""

    name: str
    where: Where
    kind: StageKind | None
    body: Mapping[str, Any]
    steps_at: Where
    reads: str | None = None


# --------------------------------------------------------------------------------------------------- names and kinds


def plan_of(draft: Draft, name: str, body: Plain) -> Plan:
    """A stage as written; what is wrong with it is told to the draft."""
    where: Where = ("stages", name)
    _check_name(draft, name, where)
    kind = _kind(draft, name, body, where)
    if isinstance(body, list) and kind != "mix":
        return Plan(name, where, kind, {"steps": body}, steps_at=where)
    known = MIX_SETTINGS if kind == "mix" else ROW_SETTINGS if kind else ()
    return Plan(name, where, kind, _body(draft, name, body, where, known), steps_at=(*where, "steps"))


def _body(draft: Draft, name: str, body: Plain, where: Where, known: Collection[str]) -> Mapping[str, Any]:
    if body is None:
        draft.say(
            where, f"The stage '{shown_name(name)}' says nothing.", "Write [] for no steps, or leave the stage out."
        )
        return {}
    return draft.mapping(body, where, f"stage '{shown_name(name)}'", known) or {}


def _check_name(draft: Draft, name: str, where: Where) -> None:
    if not is_name(name):
        draft.say(where, f"'{shown_name(name)}' is no name of a stage.", NAME_RULE)
    elif name in RESERVED:
        draft.say(where, f"'{name}' is a table of its own beside the stages.", "Give the stage another name.")


def _kind(draft: Draft, name: str, body: Plain, where: Where) -> StageKind | None:
    said = body.get("kind") if isinstance(body, dict) else None
    default = DEFAULT_STAGES.get(name)
    if said is None:
        if default is None:
            cure = f"Say so: {{kind: one of {', '.join(get_args(StageKind))}, from: ..., steps: [...]}}."
            meant = no_such("stage", shown_name(name), DEFAULT_STAGES).split(". ", 1)[-1]
            draft.say(where, f"What kind of stage '{shown_name(name)}' is, is not said. {meant}", cure)
        return default
    if said not in get_args(StageKind):
        draft.say((*where, "kind"), no_such("kind of stage", shown_name(str(said)), get_args(StageKind)))
        return default
    if default and said != default:
        draft.say(
            (*where, "kind"), f"'{name}' is always of kind {default}, not {said}.", "Give the stage another name."
        )
        return default
    return said


def count_kinds(draft: Draft, plans: Sequence[Plan]) -> None:
    """A recipe has one corpus that reads the sources, and one mix."""
    if any(plan.kind is None for plan in plans):
        return  # the one that is missing may be the one that is not understood
    first = corpus_of(plans)
    if first is None:
        draft.say(("stages",), "The recipe has no corpus.", "Add a stage; the least is 'seed_corpus: []'.")
    for plan in plans:
        if first and plan.kind == "corpus" and plan is not first and "from" not in plan.body:
            cause = f"One corpus reads the sources, and '{first.name}' is it."
            draft.say(plan.where, cause, "Let this one read a stage, as in 'from: seed_corpus', or remove it.")
    mixes = [plan for plan in plans if plan.kind == "mix"]
    for plan in mixes[1:]:
        draft.say(plan.where, f"A recipe has one mix, and '{mixes[0].name}' is it.", "Remove one of the two.")
    if not mixes:
        draft.say(("stages",), "The recipe has no mix.", "Add a stage; the least is 'filtered_mix: {}'.")


def corpus_of(plans: Sequence[Plan]) -> Plan | None:
    """The corpus that reads the sources: the first that names no stage to read."""
    corpora = [plan for plan in plans if plan.kind == "corpus"]
    return next((plan for plan in corpora if "from" not in plan.body), corpora[0] if corpora else None)


# ----------------------------------------------------------------------------------------------------- what reads what


def read_by(draft: Draft, plan: Plan, above: Sequence[Plan], rows: Sequence[Plan], *, is_first: bool) -> str | None:
    """The stage that a row stage reads: the one that it names, else the one above it."""
    said = plan.body.get("from")
    where = (*plan.where, "from")
    if is_first:
        if said is not None:
            draft.say(where, f"'{plan.name}' is a corpus: it reads the sources, no stage.", "Remove 'from'.")
        return None
    if said is None:
        if plan.kind == "corpus":
            return None  # told with the kinds
        if not above and plan.kind:
            draft.say(plan.where, f"'{plan.name}' has no stage above it to read.", "Put a corpus above it.")
        return above[-1].name if above else None
    return row_stage(draft, said, where, rows)


def row_stage(draft: Draft, said: Plain, where: Where, rows: Sequence[Plan]) -> str | None:
    """The row stage that is named, if there is one of that name."""
    names = [plan.name for plan in rows]
    if isinstance(said, str) and said in names:
        return said
    name = shown_name(said) if isinstance(said, str) else shown(said)
    draft.say(where, no_such("row stage", name, names), "It must be a stage of this recipe that is not the mix.")
    return None


def in_order(draft: Draft, rows: Sequence[Plan]) -> list[Plan]:
    """The stages with each after the one that it reads, else as written; a cycle is told once."""
    done: dict[str, Plan] = {}
    waiting = list(rows)
    names = {plan.name for plan in rows}
    while waiting:
        ready = next(
            (plan for plan in waiting if plan.reads is None or plan.reads in done or plan.reads not in names), None
        )
        if ready is None:
            _tell_cycle(draft, waiting)
            return [*done.values(), *waiting]
        done[ready.name] = ready
        waiting.remove(ready)
    return [*done.values()]


def _tell_cycle(draft: Draft, waiting: Sequence[Plan]) -> None:
    plans = {plan.name: plan for plan in waiting}
    walk = [waiting[0].name]
    while (following := plans[walk[-1]].reads) and following not in walk:
        walk.append(following)
    cycle = [*walk[walk.index(following or walk[0]) :], following or walk[0]]
    draft.say(
        (*plans[cycle[0]].where, "from"),
        f"These stages read each other in a circle: {' <- '.join(cycle)}.",
        "Let one of them read a stage outside the circle.",
    )
