"""What a recipe says, as typed values: sources, stages with their steps, the mix, and what may be spent and expected.

A stage's fingerprint is what its records depend on besides their inputs: the methods with their settings, the bytes of
the files that those settings name, and who the teachers are. Two recipes that say the same have the same fingerprints,
however they are written; the recipe's own hash is of its text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from synth_dagster.errors import UnknownName
from synth_dagster.licences.registry import Licences, table_date, terms_of_providers
from synth_dagster.licences.signals import reading
from synth_dagster.method import Filter, Method
from synth_dagster.recipe.input_files import input_digest
from synth_dagster.recipe.publication import NOTHING_SAID, PublicationSettings
from synth_dagster.recipe.reading import read_for, waves_of
from synth_dagster.recipe.sections import ApprovalSettings, BudgetSettings, Chunk, Expectations, Freshness, UseSettings
from synth_dagster.recipe.wording import said_by
from synth_dagster.records import Json, RecordKind, canonical_json, fingerprint_of
from synth_dagster.services import Embedder, Teacher, asked_of, role_of

if TYPE_CHECKING:
    from synth_dagster.readers.base import Reader
    from synth_dagster.teacher.roles import RoleSettings

StageKind: TypeAlias = Literal["corpus", "instructions", "preferences", "mix"]

RECORD_KINDS: Mapping[StageKind, RecordKind] = {
    "corpus": "document",
    "instructions": "instruction",
    "preferences": "preference",
}

DEFAULT_STAGES: Mapping[str, StageKind] = {
    "seed_corpus": "corpus",
    "generated_instructions": "instructions",
    "preference_pairs": "preferences",
    "filtered_mix": "mix",
}

ADOPTED = "adopted"  # what takes a delivered conversation over into a stage, in the place of a method
ADOPTION_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Step:
    """One use of a method. The key is its slug, with #2 for the second use in a stage."""

    slug: str
    key: str
    method: Method
    line: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A row stage: a chain of steps over the records of the stage that it reads, batch by batch."""

    name: str
    kind: StageKind
    reads: str | None
    steps: tuple[Step, ...]
    line: int
    guards: tuple[Step, ...] = ()

    @property
    def record_kind(self) -> RecordKind:
        return RECORD_KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Mix:
    """What becomes of a stage's records: which are dropped, merged, chosen, and how they are weighed."""

    name: str
    of: str
    filters: tuple[Step, ...]
    deduplicate: Step | None
    select: Step | None
    mix: Step | None
    measures: tuple[Step, ...]
    line: int
    guards: tuple[Step, ...] = ()

    @property
    def deciding(self) -> tuple[Step, ...]:
        """The steps that decide about records, in the order in which they do."""
        return (*self.filters, *(step for step in (self.deduplicate, self.select, self.mix) if step))


@dataclass(frozen=True, slots=True)
class Source:
    """Where documents come from, and under which terms."""

    name: str
    reader: "Reader"
    reader_name: str
    license: str
    consent: str
    signals: str | None
    lang: str | None
    optional: bool
    human_share: float
    joins: str | None
    chunk: Chunk | None
    shard: int
    line: int

    def terms(self, root: Path) -> Json:
        """What a document of this source depends on besides its text: how it is cut, and what is stamped on it."""
        said = input_digest(root / self.signals, root) if self.signals else None
        chunk = self.chunk.model_dump(mode="json") if self.chunk else None
        usual = [self.name, self.reader_name, chunk, self.license, self.consent, self.lang]
        usual = usual if (self.human_share, self.joins) == (1.0, None) else [*usual, self.human_share, self.joins]
        return [*usual, said, reading()] if said else usual


@dataclass(frozen=True)
class Recipe:
    """One dataset: one file."""

    dataset: str
    sources: tuple[Source, ...]
    teachers: Mapping[str, "RoleSettings"]
    stages: Mapping[str, Stage]  # the row stages, each after the one that it reads
    mix: Mix
    budget: BudgetSettings
    expect: Expectations
    fresh: Freshness
    use: UseSettings
    approval: ApprovalSettings
    own_licences: Mapping[str, str]  # licence -> its terms in words, before those of the table
    seed: int
    path: Path
    text: str
    hash: str
    budget_lines: Mapping[str, int] = field(default_factory=dict)  # cap -> where it stands
    publication: PublicationSettings = NOTHING_SAID
    also_asks: tuple[str, ...] = ()  # roles that something besides the steps asks

    def stage(self, name: str) -> Stage:
        try:
            return self.stages[name]
        except KeyError:
            raise UnknownName(f"stage of {self.dataset}", name, self.stages) from None

    def source(self, name: str) -> Source:
        for source in self.sources:
            if source.name == name:
                return source
        raise UnknownName(f"source of {self.dataset}", name, [source.name for source in self.sources])

    def adopting(self, source: str) -> tuple[str, ...]:
        """The stages that take a source's conversations over instead of making records: the last is the one it joins.

        A source that joins the corpus, or that the recipe no longer has, has none.
        """
        joined = next((one.joins for one in self.sources if one.name == source), None)
        way: list[str] = []
        while joined and (stage := self.stage(joined)).reads:
            way.insert(0, joined)
            joined = stage.reads
        return tuple(way)

    @property
    def waves(self) -> list[list[str]]:
        """Its row stages in the order in which they are made: each list for all batches before the next for any."""
        return waves_of(self.stages)

    def licences(self) -> Licences:
        """The terms of licences as this recipe counts them."""
        stated = {settings.terms for settings in self.teachers.values() if settings.terms}
        ignored = terms_of_providers() | stated if self.use.provider_terms == "ignore" else frozenset[str]()
        return Licences(self.own_licences, ignored)

    def roles(self, stage: str | None = None) -> tuple[str, ...]:
        """The teacher roles that a row stage asks, or the whole recipe."""
        if stage:
            return roles_of((*self.stage(stage).steps, *read_for(self.stages, stage).values()))
        return tuple(sorted({*roles_of(self.steps()), *self.also_asks}))

    def steps(self) -> tuple[Step, ...]:
        """Every step of the recipe, in the order of the graph."""
        return (
            *(step for stage in self.stages.values() for step in (*stage.steps, *stage.guards)),
            *self.mix.deciding,
            *self.mix.measures,
            *self.mix.guards,
        )

    def fingerprint(
        self,
        stage: str,
        *,
        teachers: Mapping[str, Mapping[str, Json]] | None = None,
        root: Path,
        source: str | None = None,
    ) -> str:
        """What the records of a row stage depend on besides their inputs: those of one source, where named."""
        asked = self.stage(stage)
        sources = [self.source(source)] if source and asked.reads is None else self.sources
        terms = sorted(canonical_json(one.terms(root)) for one in sources) if asked.reads is None else []
        adopted = sorted(one.name for one in self.sources if stage in self.adopting(one.name))
        if source in adopted:
            return fingerprint_of([asked.kind, asked.reads, ADOPTED, ADOPTION_VERSION])
        made = [asked.kind, asked.reads, terms, _work(asked.steps, root), step_answerers(asked.steps, teachers)]
        readers = read_for(self.stages, stage).values()
        made += [_work(readers, root), step_answerers(readers, teachers)] if readers else []
        return fingerprint_of(made if source or not adopted else [*made, ADOPTED, ADOPTION_VERSION, adopted])

    def signals_fingerprint(self, root: Path, *, teachers: Mapping[str, Mapping[str, Json]] | None = None) -> str:
        """What the signals depend on: their expressions and the engine, never a threshold."""
        made = {step.key: self.step_signals_fingerprint(step, root) for step in self.mix.filters}
        return fingerprint_of([made, step_answerers(self.mix.filters, teachers)])

    def step_signals_fingerprint(self, step: Step, root: Path) -> str:
        """What one filter's signals depend on: its expressions, its files, the kind of record, and the engine."""
        method = step.method
        expressions = method.signals_fingerprint() if isinstance(method, Filter) else method.fingerprint()
        return fingerprint_of(
            [self.stage(self.mix.of).record_kind, expressions, step_files(step, root), version("duckdb")]
        )

    def mix_fingerprint(self, root: Path) -> str:
        """What the verdicts depend on besides the signals: rules, deduplication, selection, mixture, in their order."""
        rules = [dict(step.method.rules()) for step in self.mix.filters if isinstance(step.method, Filter)]
        chosen = [bool(step) for step in (self.mix.deduplicate, self.mix.select, self.mix.mix)]
        made = [self.mix.of, chosen, _work(self.mix.deciding, root), [list(rule.items()) for rule in rules]]
        made = [*made, self.guards_fingerprint(self.mix.name, root)] if self.mix.guards else made
        stated = [self._licence_rules()] if self.use.is_stated else []
        stated += [self.publication.as_said()] if self.publication.is_stated else []
        return fingerprint_of([*made, *stated])

    def guards(self, stage: str) -> tuple[Step, ...]:
        """The guards at the gate of a row stage or of the mix."""
        if stage == self.mix.name:
            return self.mix.guards
        return self.stages[stage].guards if stage in self.stages else ()

    def guards_fingerprint(self, stage: str, root: Path) -> str:
        """What an inspection at the gate of a stage depends on besides its records; empty where nobody guards it."""
        guards = self.guards(stage)
        return fingerprint_of(_work(guards, root)) if guards else ""

    def _licence_rules(self) -> Json:
        ignored = sorted(self.licences().ignored)
        return [self.use.model_dump(mode="json"), dict(self.own_licences), ignored, table_date()]

    def describe_lines(self, stage: str) -> tuple[Path, int]:
        """Where a stage stands: the recipe's file and the line."""
        return self.path, self.mix.line if stage == self.mix.name else self.stage(stage).line


# ------------------------------------------------------------------------------------------------------ the sums below


def roles_of(steps: Iterable[Step]) -> tuple[str, ...]:
    """The teacher roles that steps ask, in alphabetical order."""
    return tuple(sorted({role for step in steps for role in method_roles(type(step.method))}))


def method_roles(method: type[Method]) -> tuple[str, ...]:
    """The roles that a method's verb names in its signature: `judge: Teacher` is judge, `teacher` the writer."""
    verb = getattr(method, method.verb(), None)
    if verb is None:
        return ()
    roles = (_role(name, service) for name, service in asked_of(verb).items())
    return tuple(role for role in roles if role is not None)


def _role(parameter: str, service: object) -> str | None:
    if service is Teacher:
        return role_of(parameter)
    return "embedder" if service is Embedder else None


def _work(steps: Iterable[Step], root: Path) -> Json:
    return [_step_work(step, root) for step in steps]


def _step_work(step: Step, root: Path) -> list[Json]:
    work: list[Json] = [step.method.fingerprint(), list(step_files(step, root))]
    said = said_by(type(step.method))
    return [*work, said] if said else work


def step_answerers(steps: Iterable[Step], teachers: Mapping[str, Mapping[str, Json]] | None) -> Json:
    """The roles that steps ask, and what can change their answers."""
    given = teachers or {}
    return {role: dict(given[role]) for role in roles_of(steps) if role in given}


def step_files(step: Step, root: Path) -> tuple[str, ...]:
    """Hashes of the files that a step's settings name."""
    values = [getattr(step.method, name) for name in step.method.input_paths()]
    return tuple(input_digest(root / value, root) for value in values if value)
