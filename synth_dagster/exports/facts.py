"""What is known of a release, once, for everything that is written about it: never record text.

What nobody stored is not here, and is named under `unknown`, so that no card claims it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from synth_dagster.records import Json

MOST_HOSTS = 1_000  # of a source: a crawl has millions, and a page of facts does not


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """A source as its first records show it: `records` were read, `kept` ones of the release come from it."""

    name: str
    reader: str
    records: int
    kept: int
    tokens: int  # of the kept ones
    human_tokens: int  # of those, in records that no model wrote
    licenses: Mapping[str, int]
    consents: Mapping[str, int]
    languages: Mapping[str, int]
    hosts: Mapping[str, int]  # those of most records, at most `MOST_HOSTS`
    sites: int  # all hosts
    first_read: str  # days, as 2026-03-01
    last_read: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """The version of a batch that a release rests on, and how it was made. `made_from` are ids of others of these."""

    stage: str
    batch: str
    data_version: str
    made_from: Sequence[str]
    code_version: str
    recipe: str
    run: str
    made_at: str
    records: int
    rejected: int

    @property
    def id(self) -> str:
        return f"{self.stage}/{self.batch}@{self.data_version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """One step of a stage: a method with its version and settings, and the hashes of its prompts."""

    stage: str
    code_version: str
    key: str
    method: str
    version: str
    settings: Mapping[str, Json]
    prompts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerFacts:
    """A method with its model and prompt, and how many current records of a stage it made."""

    stage: str
    method: str
    version: str
    model: str | None
    prompt: str | None
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalFacts:
    """What was looked for of personal data: in which stages and by what, and what became of it, by kind."""

    stages: Sequence[str] = ()
    by: Sequence[str] = ()
    replaced: Mapping[str, int] = field(default_factory=dict)  # pieces
    kept: Mapping[str, int] = field(default_factory=dict)  # records of the release in which guards found it

    def line(self) -> str:
        """A sentence or two, also where nobody has looked."""
        if not self.by:
            return "No step and no guard looked for personal data."
        told = f"Looked for in {', '.join(self.stages)} by {', '.join(self.by)}"
        return (
            f"{told}. Replaced: {counted(self.replaced)}. Found by guards in records of the release: "
            f"{counted(self.kept)}. Other kinds, such as names, were not looked for."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All of it."""

    dataset: str
    release: str
    kind: str
    demo: bool
    made_at: str  # a moment in UTC
    data_version: str
    run: str
    kept: int
    judged: int
    dropped: Mapping[str, int]
    tokens: int
    token_counter: str
    sources: Sequence[SourceFacts]
    licenses: Mapping[str, int]
    languages: Mapping[str, int]
    depths: Mapping[str, int]
    human_share: float | None
    models: Mapping[str, int]  # of the records of the row stages, by the model that wrote them or a rejected answer
    prompts: Sequence[str]
    makers: Sequence[MakerFacts]
    steps: Sequence[StepFacts]
    versions: Sequence[VersionFacts]
    checks: Sequence[Mapping[str, Json]]
    benchmarks: Sequence[Mapping[str, Json]] = ()  # what it was compared with to keep out: `runner/references.py`
    personal: PersonalFacts = PersonalFacts()
    retained: Mapping[str, Sequence[int]] = field(default_factory=dict)  # language -> how many were judged, and kept
    publication: Mapping[str, Json] = field(default_factory=dict)  # what the recipe states for a published dataset
    missing: Mapping[str, str]
    recipe: str
    rules: str
    use: Mapping[str, Json]
    code: Mapping[str, Json]
    creator: str | None
    url: str | None
    unknown: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def name(self) -> str:
        return f"{self.dataset}_{self.release}"

    @property
    def urn(self) -> str:
        """A name for the release where nobody has said at which address it stands."""
        return f"urn:synth_dagster:{self.dataset}:{self.release}"

    @property
    def licence(self) -> str:
        """Everything that binds, as SPDX writes it; empty where no record names a licence."""
        return licence_of(self.licenses)

    @property
    def collected(self) -> str:
        """The days on which the sources were read."""
        first, last = min(one.first_read for one in self.sources), max(one.last_read for one in self.sources)
        return first if first == last else f"{first}/{last}"

    @property
    def contact(self) -> str:
        """Whom to write to, as the recipe says; empty where it does not."""
        return str(self.publication.get("contact") or "")

    @property
    def removal(self) -> str:
        """How to have data removed, as the recipe says; empty where it does not."""
        return str(self.publication.get("removal") or "")

    @property
    def content(self) -> str:
        """What the records are, in a few words."""
        return {
            "document": "passages of the sources, cut and cleaned",
            "instruction": "instructions and answers that models wrote from the sources",
            "preference": "pairs of answers to instructions, written and ranked by models",
        }[self.kind]

    def story(self) -> str:
        """One sentence."""
        note = " Demonstration only: the embedded teacher made it; it is not for training." if self.demo else ""
        return f"{self.dataset}, release {self.release}: {self.kept:,} records, {self.content}.{note}"

    def compared(self) -> list[str]:
        """With which benchmarks the records were compared, and what that dropped; a sentence each."""
        return [
            f"Compared with {one['items']:,} items of {one['against']} by {one['method']} {one['version']}; "
            f"{_dropped_by(self.dropped, str(one['step'])):,} records were dropped for it."
            for one in self.benchmarks
        ]

    def bias(self) -> list[str]:
        """Which languages the rules kept more or less of, where there are several; a sentence at most."""
        told = [f"{name} {kept:,} of {judged:,}" for name, (judged, kept) in self.retained.items()]
        return [f"Kept of each language, of the records that were judged: {', '.join(told)}."] if len(told) > 1 else []


def _dropped_by(dropped: Mapping[str, int], step: str) -> int:
    return sum(count for reason, count in dropped.items() if reason.partition(":")[0] == step)


def licence_of(licenses: Iterable[str]) -> str:
    """Licences that all bind, as one expression in SPDX's grammar; empty where none is named."""
    from synth_dagster.licences.registry import joined, spdx

    named = joined(spdx(name) for name in licenses if name)
    return spdx(named) if named else ""


def counted(counts: Mapping[str, int], none: str = "not stated") -> str:
    """Counts in a sentence: `en 12, de 3`."""
    return ", ".join(f"{name or none} {count:,}" for name, count in counts.items()) or "none"
