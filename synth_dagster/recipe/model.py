"""What a recipe says, as typed values: sources, stages with their steps, the mix, and what may be spent and expected.

A stage's fingerprint is what its records depend on besides their inputs: the methods with their settings, the bytes of
the files that those settings name, and who the teachers are. Two recipes that say the same have the same fingerprints,
however they are written; the recipe's own hash is of its text.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.licences.consent import OptOuts
from synth_dagster.licences.fit import Purpose
from synth_dagster.licences.registry import Licences, table_date, terms_of_providers
from synth_dagster.licences.signals import reading
from synth_dagster.method import Filter, Method
from synth_dagster.recipe.publication import NOTHING_SAID, PublicationSettings
from synth_dagster.recipe.reading import read_for, waves_of
from synth_dagster.recipe.wording import said_by
from synth_dagster.records import Json, RecordKind, canonical_json
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

NAME = r"^[a-z][a-z0-9_]*$"


class Settings(BaseModel):
    """A part of a recipe: each setting has its bounds and its meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Chunk(Settings):
    """How documents are cut into passages."""

    max_words: int = Field(220, ge=20, le=100_000, description="The longest passage; a block of code stays whole.")
    min_words: int = Field(20, ge=0, le=100_000, description="A shorter passage joins its neighbour.")

    @model_validator(mode="after")
    def _in_order(self) -> "Chunk":
        if self.min_words > self.max_words:
            raise ValueError(f"min_words ({self.min_words}) is above max_words ({self.max_words}). Lower it.")
        return self


class SourceSettings(Settings):
    """What every source says, whichever reader it has."""

    name: str = Field(
        pattern=NAME,
        max_length=60,
        description="The source's name, part of the names of its batches.",
        json_schema_extra={"form": "small letters a-z, digits and _, beginning with a letter, at most 60"},
    )
    reader: str = Field(description="How it is read: the name of a reader.")
    license: str = Field(
        pattern=r"^[A-Za-z0-9(][A-Za-z0-9.+:() -]*$",
        max_length=300,
        description="Its licence as SPDX writes it, such as CC-BY-4.0; LicenseRef-Name for terms of your own.",
        json_schema_extra={"form": "an SPDX expression"},
    )
    consent: str = Field(
        "", max_length=300, description="On what ground the text may be used, if that is not the licence."
    )
    signals: str | None = Field(
        None,
        description="A folder of the project with what its web sites say to those who would train on them: robots.txt, "
        "ai.txt, tdmrep.json and terms of service by day and host, such as 2026-03-01/example.org/robots.txt.",
        json_schema_extra={"form": "a folder of the project, or null"},
    )
    lang: str | None = Field(
        None,
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="Its language, where it has one for all of its documents.",
        json_schema_extra={"form": "a BCP 47 tag such as en or pt-BR, or null"},
    )
    optional: bool = Field(False, description="Whether the recipe also runs where the source is not there.")
    human_share: float = Field(
        1.0, ge=0, le=1, description="Share of its words that people wrote; 0 where a model wrote them."
    )
    joins: str | None = Field(
        None, description="The stage that its conversations join as they are; the corpus if left out."
    )
    chunk: Chunk | None = Field(None, description="How documents are cut into passages; not cut if left out.")
    shard: int = Field(500, ge=1, le=1_000_000, description="About how many documents make a batch.")


def _usd(over: str) -> Any:
    return Field(
        None, ge=0, allow_inf_nan=False, description=f"Money in US dollars {over}; null is no such cap on money."
    )


def _tokens(over: str) -> Any:
    return Field(None, ge=0, description=f"Tokens in and out {over}; null is no such cap on tokens.")


class BudgetSettings(Settings):
    """Hard caps on what teachers may use; answers from the cache are free. Months are those of UTC."""

    usd_per_run: float | None = _usd("in one run")
    tokens_per_run: int | None = Field(
        5_000_000, ge=0, description="Tokens in and out in one run; null is no cap on tokens."
    )
    calls_per_run: int | None = Field(None, ge=0, description="Requests in one run; null is no cap on requests.")
    usd_per_recipe: float | None = _usd("of this recipe over all its runs")
    tokens_per_recipe: int | None = _tokens("of this recipe over all its runs")
    usd_per_month: float | None = _usd("of this recipe in a calendar month")
    tokens_per_month: int | None = _tokens("of this recipe in a calendar month")

    def lowered(
        self, *, usd: float | None = None, tokens: int | None = None, calls: int | None = None
    ) -> "BudgetSettings":
        """These caps, some of them lower for one run. Raises SynthError for one that is higher or below 0."""
        asked = {"usd_per_run": usd, "tokens_per_run": tokens, "calls_per_run": calls}
        for name, value in asked.items():
            cap = getattr(self, name)
            if value is not None and not (value >= 0 and (cap is None or value <= cap)):
                most = "" if cap is None else f" and at most {cap:,}, the cap of the recipe"
                raise SynthError(
                    f"A run was launched with {name} {value:,}, which must be at least 0{most}. "
                    "Launch it with less, or raise the cap under 'budget:' in the recipe."
                )
        return self.model_copy(update={name: value for name, value in asked.items() if value is not None})


class Expectations(Settings):
    """What must hold of a stage's records for its gate to open."""

    min_keep_rate: float = Field(
        0.05,
        ge=0,
        le=1,
        description="The least share of a stage's records that its steps, or the mix's rules, may keep.",
    )
    max_reject_rate: float = Field(
        0.2,
        ge=0,
        le=1,
        description="The largest share of a source's lines or a teacher's answers that may be unusable.",
    )


class Freshness(Settings):
    """How old the corpus and the mix may become."""

    warn_after_days: float | None = Field(
        8, ge=0.001, le=36_500, description="Days without a new version until Dagster warns; null for no warning."
    )  # a week and a day, so that a release that is made on Mondays is never late on a Monday
    fail_after_days: float | None = Field(
        15,
        ge=0.001,
        le=36_500,
        description="Days until it counts as failed; null for neither, where nothing new is expected.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Freshness":
        warn, fail = self.warn_after_days, self.fail_after_days
        if warn is not None and fail is not None and warn >= fail:
            raise ValueError(f"warn_after_days ({warn}) is not below fail_after_days ({fail}). Lower it.")
        return self


class UseSettings(Settings):
    """What the dataset is meant for. Records whose licences do not fit are dropped from releases."""

    purpose: Purpose | None = Field(
        None,
        description="What releases are used for; null drops nothing. commercial keeps what allows every use, "
        "unspecified also what says nothing, non_commercial also what forbids sale, research all.",
    )
    published: bool = Field(
        False, description="Whether releases leave your house: then no-derivatives and share-alike bind them too."
    )
    opt_outs: OptOuts = Field(
        "record",
        description="Whether records are dropped whose sites opt out of training, or whose terms of service forbid "
        "this use; see a source's signals.",
    )
    provider_terms: Literal["count", "ignore"] = Field(
        "count", description="Whether what a provider says about its models' answers counts as a licence of theirs."
    )

    @property
    def is_stated(self) -> bool:
        """Whether anything can be dropped for its licence."""
        return self.purpose is not None or self.published or self.opt_outs == "obey"


class ApprovalSettings(Settings):
    """Who has to say yes before a release goes out. A release is judged by what stood here when it was made."""

    needed_for: Literal["public", "export"] = Field(
        "public", description="What needs an approval: exports marked public (--public), or every export."
    )
    four_eyes: bool = Field(
        False, description="Whether the one who approves must be another than the one who built the release."
    )
    approvers: tuple[str, ...] = Field(
        (), description="The names of those who may approve; anybody may if there are none."
    )


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
            return _hashed([asked.kind, asked.reads, ADOPTED, ADOPTION_VERSION])
        made = [asked.kind, asked.reads, terms, _work(asked.steps, root), step_answerers(asked.steps, teachers)]
        readers = read_for(self.stages, stage).values()
        made += [_work(readers, root), step_answerers(readers, teachers)] if readers else []
        return _hashed(made if source or not adopted else [*made, ADOPTED, ADOPTION_VERSION, adopted])

    def signals_fingerprint(self, root: Path, *, teachers: Mapping[str, Mapping[str, Json]] | None = None) -> str:
        """What the signals depend on: their expressions and the engine, never a threshold."""
        made = {step.key: self.step_signals_fingerprint(step, root) for step in self.mix.filters}
        return _hashed([made, step_answerers(self.mix.filters, teachers)])

    def step_signals_fingerprint(self, step: Step, root: Path) -> str:
        """What one filter's signals depend on: its expressions, its files, the kind of record, and the engine."""
        method = step.method
        expressions = method.signals_fingerprint() if isinstance(method, Filter) else method.fingerprint()
        return _hashed([self.stage(self.mix.of).record_kind, expressions, step_files(step, root), version("duckdb")])

    def mix_fingerprint(self, root: Path) -> str:
        """What the verdicts depend on besides the signals: rules, deduplication, selection, mixture, in their order."""
        rules = [dict(step.method.rules()) for step in self.mix.filters if isinstance(step.method, Filter)]
        chosen = [bool(step) for step in (self.mix.deduplicate, self.mix.select, self.mix.mix)]
        made = [self.mix.of, chosen, _work(self.mix.deciding, root), [list(rule.items()) for rule in rules]]
        made = [*made, self.guards_fingerprint(self.mix.name, root)] if self.mix.guards else made
        stated = [self._licence_rules()] if self.use.is_stated else []
        stated += [self.publication.as_said()] if self.publication.is_stated else []
        return _hashed([*made, *stated])

    def guards(self, stage: str) -> tuple[Step, ...]:
        """The guards at the gate of a row stage or of the mix."""
        if stage == self.mix.name:
            return self.mix.guards
        return self.stages[stage].guards if stage in self.stages else ()

    def guards_fingerprint(self, stage: str, root: Path) -> str:
        """What an inspection at the gate of a stage depends on besides its records; empty where nobody guards it."""
        guards = self.guards(stage)
        return _hashed(_work(guards, root)) if guards else ""

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


def input_digest(path: Path, root: Path) -> str:
    """Hash of a file's bytes, or of the names and bytes of a folder's files; never of where the project stands."""
    try:
        files = [path] if path.is_file() else visible_files(path)
        return _hashed([[file.relative_to(path).as_posix(), _file_digest(file)] for file in files])
    except OSError as error:
        shown = path.relative_to(root).as_posix()
        raise SynthError(
            f"'{shown}' of the recipe cannot be read: {error.strerror}. Put it back, or change the recipe."
        ) from error


def visible_files(folder: Path) -> list[Path]:
    """The files under a folder in order of their names; hidden ones and what is in hidden folders do not count."""
    if not folder.is_dir():
        raise FileNotFoundError(2, "no such file or folder", str(folder))
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _file_digest(file: Path) -> str:
    facts = file.stat()
    return _digest_at(file, facts.st_size, facts.st_mtime_ns, facts.st_ino)


@lru_cache(maxsize=4096)
def _digest_at(file: Path, size: int, changed: int, inode: int) -> str:
    """A benchmark may be large, and fingerprints are asked for often: an unchanged file is read once."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hashed(value: Json) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]
