"""Reads the chain of steps of each stage, and whether it fits together.

A step reads what the stage has made so far if something of the kind that it consumes is there, else the records of the
stage above; what it makes must be what the stage holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from synth_dagster.errors import MethodError, no_such
from synth_dagster.method import ROW_KINDS, Method, MethodKind, Mixer, Selector
from synth_dagster.parts.similarity.chosen_vectors import EmbeddedText, VectorChoice
from synth_dagster.recipe.draft import Draft, known_methods
from synth_dagster.recipe.model import RECORD_KINDS, Mix, Stage, StageKind, Step, method_roles
from synth_dagster.recipe.reading import looks_at_corpus
from synth_dagster.recipe.settings import shown, shown_name
from synth_dagster.recipe.stage_plans import LISTS, PLACES, Place, Plan, row_stage
from synth_dagster.recipe.tree import Plain, Where
from synth_dagster.records import VIEWS, RecordKind

# where a method of each kind belongs, for who put it elsewhere
HOME: Mapping[MethodKind, str] = {
    "synthesize": "It is a step of a stage of instructions or preferences.",
    "augment": "It is a step of a stage of instructions or preferences.",
    "refine": "It is a step of a row stage.",
    "filter": "It belongs under 'filters' of the mix, or in a row stage.",
    "dedup": "It belongs under 'deduplicate' of the mix.",
    "select": "It belongs under 'select' of the mix.",
    "mix": "It belongs under 'mix' of the mix.",
    "measure": "It belongs under 'measure' of the mix.",
    "guard": "It belongs under 'guards' of a stage.",
    "train": "Training runs on demand; no recipe names it.",
}


@dataclass
class Steps:
    """Makes the steps of all stages and checks that each chain fits."""

    draft: Draft
    seed: int
    kinds: Mapping[str, StageKind | None]
    all_join: bool = False  # every source brings finished records
    roles: set[str] = field(default_factory=set)
    unknown: bool = False  # whether a method could not be found
    embedded: set[str] = field(default_factory=set)  # stages with a step that asks for vectors

    def stage(self, plan: Plan) -> Stage | None:
        """A row stage; None where its kind is not known, after a look at its steps all the same."""
        steps = self._chain(plan)
        if plan.kind is None:
            return None
        if steps is not None:
            self._check_chain(plan, plan.kind, steps)
        self._check_vectors_on_the_way(plan, steps or ())
        line = self.draft.tree.line(plan.where)
        guards = tuple(self._place(plan, "guards", RECORD_KINDS[plan.kind]))
        return Stage(plan.name, plan.kind, plan.reads, tuple(filter(None, steps or ())), line, guards)

    def mix(self, plan: Plan, rows: Sequence[Plan]) -> Mix:
        of = self._of(plan, rows)
        kept = RECORD_KINDS.get(kind) if (kind := self.kinds.get(of)) else None
        found = {place: self._place(plan, place, kept) for place in PLACES}
        one = {place: next(iter(found[place]), None) for place in ("deduplicate", "select", "mix")}
        line = self.draft.tree.line(plan.where)
        guards = tuple(found["guards"])
        filters, measures = tuple(found["filters"]), tuple(found["measure"])
        self._check_signals(plan, filters, one["select"], one["mix"])
        self._check_vectors(plan, of, found)
        return Mix(plan.name, of, filters, **one, measures=measures, line=line, guards=guards)

    def _check_signals(self, plan: Plan, filters: Sequence[Step], select: Step | None, mix: Step | None) -> None:
        """What a selection or a mixture goes by must be a signal of a filter of the mix."""
        if self.draft.problems:  # a filter that could not be read may be the one
            return
        keys = [step.key for step in filters]
        for place, step in (("select", select), ("mix", mix)):
            for signal in _signals_of(step):
                if signal.partition("__")[0] not in keys:
                    there = f"Its filters are {', '.join(keys)}." if keys else "It has no filters."
                    cure = f"Add the filter under 'filters', or name a signal of one that is there. {there}"
                    self.draft.say((*plan.where, place), f"No filter of the mix computes the signal '{signal}'.", cure)

    def _check_vectors(self, plan: Plan, of: str, found: Mapping[str, Sequence[Step]]) -> None:
        """Who goes by the vectors of a model needs a step that asks it, in the stage that the mix is of."""
        if of in self.embedded or self.unknown:
            return
        for place, steps in found.items():
            for step in filter(_goes_by_a_model, steps):
                self.draft.say((*plan.where, place), *_unembedded(step, of))

    def _check_vectors_on_the_way(self, plan: Plan, steps: Sequence[Step | None]) -> None:
        for number, step in enumerate(steps):
            if step and isinstance(step.method, EmbeddedText):
                self.embedded.add(plan.name)
            elif step and _goes_by_a_model(step):
                of = (plan.reads or plan.name) if looks_at_corpus(type(step.method)) else plan.name
                if of not in self.embedded:
                    self.draft.say((*plan.steps_at, number), *_unembedded(step, of))

    # ------------------------------------------------------------------------------------------------- a row stage

    def _chain(self, plan: Plan) -> list[Step | None] | None:
        """The steps, None for one that could not be read; None for no list of steps at all."""
        where = plan.steps_at
        said = plan.body.get("steps", [] if plan.kind == "corpus" and "from" not in plan.body else None)
        if not isinstance(said, list):
            if plan.body and plan.kind:
                self.draft.sequence(said, where, f"the steps of '{plan.name}'")
            return None
        steps = [self._step(item, (*where, number)) for number, item in enumerate(said)]
        steps = [step if step and self._fits(step, plan, (*where, n)) else None for n, step in enumerate(steps)]
        return _keyed(steps)

    def _fits(self, step: Step, plan: Plan, where: Where) -> bool:
        if step.method.kind in ROW_KINDS:
            return True
        takes = ", ".join(sorted(ROW_KINDS))
        self.draft.say(
            where,
            f"'{step.slug}' is a method of kind {step.method.kind}, and the stage '{plan.name}' takes {takes}.",
            HOME[step.method.kind],
        )
        return False

    def _check_chain(self, plan: Plan, kind: StageKind, steps: Sequence[Step | None]) -> None:
        """Follow the kinds of record through the chain."""
        holds = RECORD_KINDS[kind]
        above = self.kinds.get(plan.reads) if plan.reads else None
        given = RECORD_KINDS.get(above) if above else None
        reads_sources = kind == "corpus" and plan.reads is None
        if reads_sources or given == holds:
            here = True
        elif given is None:
            return  # what stands above is a problem of its own
        else:
            here = False
        if not steps and not reads_sources and not self.all_join:
            cause = f"The stage '{plan.name}' has no steps, so it makes no {holds}s."
            self.draft.say(plan.where, cause, "Add one that does; 'synth methods' lists them.")
        for number, step in enumerate(steps):
            misfit = step and _misfit(step, plan.name, holds, given, here=here)
            if step and misfit:
                self.draft.say((*plan.steps_at, number), misfit, self._home(type(step.method)))
            here = True  # a step that is wrong is judged once: what follows is judged as if it were right

    def _home(self, method: type[Method]) -> str:
        """Which stages of this recipe the method would fit."""
        made: list[RecordKind] = [kind for kind in VIEWS if _makes(method, kind)]
        reads: list[RecordKind] = [kind for kind in VIEWS if _reads_kind(method, kind)]
        wanted = made or reads
        names = [name for name, kind in self.kinds.items() if kind and RECORD_KINDS.get(kind) in wanted]
        place = (
            f"It fits in {' or '.join(shown(name) for name in names)}" if names else "No stage of this recipe fits it"
        )
        return f"{place}: it reads {_plural(reads)}" + (f" and makes {_plural(made)}." if made else ".")

    # --------------------------------------------------------------------------------------------------------- a mix

    def _of(self, plan: Plan, rows: Sequence[Plan]) -> str:
        said = plan.body.get("of")
        if said is not None:
            return row_stage(self.draft, said, (*plan.where, "of"), rows) or ""
        return rows[-1].name if rows else ""

    def _place(self, plan: Plan, place: Place, kept: RecordKind | None) -> list[Step]:
        if place not in plan.body:
            return []
        where = (*plan.where, place)
        value = plan.body[place]
        if place in LISTS:
            items = self.draft.sequence(value, where, f"'{place}' of '{plan.name}'")
            steps = [self._step(item, (*where, number)) for number, item in enumerate(items)]
            places = [(*where, number) for number in range(len(items))]
        else:
            steps, places = [self._single(value, where, place)], [where]
        right = [
            s if s and self._suits(s, plan, place, kept, at) else None for s, at in zip(steps, places, strict=True)
        ]
        return [step for step in _keyed(right) if step]

    def _single(self, value: Plain, where: Where, place: Place) -> Step | None:
        if not isinstance(value, list):
            return self._step(value, where)
        self.draft.say(
            where, f"'{place}' takes one method, not a list.", f"Write '{place}: name' or '{place}: {{name: ...}}'."
        )
        return None

    def _suits(self, step: Step, plan: Plan, place: Place, kept: RecordKind | None, where: Where) -> bool:
        method = type(step.method)
        if method.kind != PLACES[place]:
            cause = f"'{step.slug}' is a method of kind {method.kind}, and '{place}' takes {PLACES[place]}."
            self.draft.say(where, cause, HOME[method.kind])
            return False
        if kept and method.consumes() and not _reads_kind(method, kept):
            cause = f"'{step.slug}' reads {_reads_words(method)}, and '{plan.name}' is of {kept}s."
            is_of_stages = place == "guards" or method.kind in ROW_KINDS
            self.draft.say(where, cause, self._home(method) if is_of_stages else "Change 'of' of the mix.")
            return False
        return True

    # ------------------------------------------------------------------------------------------------------- one step

    def _step(self, item: Plain, where: Where) -> Step | None:
        named = self._slug_and_settings(item, where)
        if named is None:
            return None
        slug, settings, inside = named
        methods = known_methods()
        if slug not in methods:
            self.unknown = True
            self.draft.say(where, no_such("method", shown_name(slug), methods, "'synth methods' lists them all."))
            return None
        try:
            method = methods[slug]
        except MethodError as error:  # the recipes that do not name it are as good as they were
            self.unknown = True
            self.draft.say(where, str(error))
            return None
        self.roles.update(method_roles(method))
        if "seed" in method.model_fields and "seed" not in settings and self.seed:
            settings = {"seed": self.seed, **settings}
        made = self.draft.settings(method, settings, inside, f"'{slug}'")
        if made is None or not self._inputs_exist(made, inside):
            return None
        return Step(slug, slug, made, self.draft.tree.line(where))

    def _slug_and_settings(self, item: Plain, where: Where) -> tuple[str, dict[str, Any], Where] | None:
        if isinstance(item, str):
            return item, {}, where
        if isinstance(item, dict) and len(item) == 1:
            ((slug, settings),) = item.items()
            inside = (*where, slug)
            values = self.draft.mapping({} if settings is None else settings, inside, f"'{shown_name(slug)}'")
            return None if values is None else (slug, values, inside)
        if isinstance(item, dict) and item:
            names = ", ".join(shown_name(name) for name in item)
            cause = f"A step is one method with its settings under it, and this one has {len(item)} names: {names}."
            self.draft.say(where, cause, "Indent the settings deeper than the method, or begin each method with '- '.")
            return None
        self.draft.say(
            where, f"A step is the name of a method, and this is {shown(item)}.", "'synth methods' lists them."
        )
        return None

    def _inputs_exist(self, method: Method, where: Where) -> bool:
        faults = [(name, input_fault(self.draft.root, getattr(method, name))) for name in method.input_paths()]
        for name, fault in faults:
            if fault:
                self.draft.say((*where, name), f"'{name}' of '{method.slug}': {fault[0]}", fault[1])
        return not any(fault for _, fault in faults)


# ------------------------------------------------------------------------------------------------------ the sums below


def _keyed(steps: Sequence[Step | None]) -> list[Step | None]:
    """The steps with their keys: the slug, and slug#2 for its second use."""
    return list(_numbered(steps))


def _numbered(steps: Sequence[Step | None]) -> Iterator[Step | None]:
    uses: dict[str, int] = {}
    for step in steps:
        if step is None:
            yield None
            continue
        uses[step.slug] = uses.get(step.slug, 0) + 1
        number = uses[step.slug]
        yield step if number == 1 else replace(step, key=f"{step.slug}#{number}")


def _goes_by_a_model(step: Step) -> bool:
    return isinstance(step.method, VectorChoice) and step.method.vectors == "embedder"


def _unembedded(step: Step, stage: str) -> tuple[str, str]:
    """The mistake and its cure."""
    cause = f"'{step.slug}' goes by the vectors of a model, and nothing in the stage '{stage}' asks for them before."
    return cause, f"Add '- embed' as the last step of '{stage}', or write 'vectors: words'."


def _misfit(step: Step, stage: str, holds: RecordKind, given: RecordKind | None, *, here: bool) -> str | None:
    """Why a step does not fit at its place in a chain, or None. `here`: the stage has records of its own by then."""
    method = type(step.method)
    if method.produces() is not None and not _makes(method, holds):
        made = _plural([kind for kind in VIEWS if _makes(method, kind)])
        return f"'{step.slug}' makes {made}, and the stage '{stage}' holds {holds}s."
    if here and _reads_kind(method, holds):
        return None
    if method.kind == "filter" or (method.kind == "refine" and method.produces() is None):
        verb, more = ("judges", " to judge") if method.kind == "filter" else ("reads", "")
        rest = "." if here else " only after a step that makes them."
        return f"'{step.slug}' {verb} {_reads_words(method)}, and the stage '{stage}' has {holds}s{more}{rest}"
    if given and _reads_kind(method, given):
        return None
    there = f"the stage above gives {given}s" if given else "the sources give documents"
    return f"'{step.slug}' reads {_reads_words(method)}, and {there}" + ("." if here else " and nothing here made any.")


def _reads_kind(method: type[Method], kind: RecordKind) -> bool:
    return not method.consumes() or any(issubclass(VIEWS[kind], view) for view in method.consumes())


def _makes(method: type[Method], kind: RecordKind) -> bool:
    view = method.produces()
    return view is not None and issubclass(VIEWS[kind], view)


def _reads_words(method: type[Method]) -> str:
    return _plural([kind for kind in VIEWS if _reads_kind(method, kind)])


def _plural(kinds: Sequence[RecordKind]) -> str:
    return " or ".join(f"{kind}s" for kind in kinds) or "no record kind"


def input_fault(root: Path, value: str) -> tuple[str, str] | None:
    """What is wrong with a path of the project, if anything: cause and cure."""
    if not value:
        return None
    inside = "Use a path inside the project, written from its folder, such as recipes/held_out/."
    if "\0" in value or Path(value).is_absolute():
        return f"{shown(value)} is not a path of the project.", inside
    try:
        path = (root / value).resolve()
        if not path.is_relative_to(root.resolve()):
            return f"{shown(value)} leaves the project.", inside
        if not path.exists():
            return (
                f"there is no {shown(value)}.",
                "Create it, or correct the path; it is written from the project's folder.",
            )
    except (OSError, RuntimeError):
        return f"{shown(value)} is no path.", inside
    return None


def _signals_of(step: Step | None) -> Sequence[str]:
    """The signals that a selection or a mixture goes by."""
    if step is not None and isinstance(step.method, Selector):
        return step.method.signals_read()
    by = step.method.by if step is not None and isinstance(step.method, Mixer) else ""
    return (by,) if "__" in by else ()
