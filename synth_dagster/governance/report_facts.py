"""What there is to say about a release: counts, shares, hashes and names, never record text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from synth_dagster.exports.facts import Facts, StepFacts
from synth_dagster.governance.approvals import Approval
from synth_dagster.governance.checklist import Checklist
from synth_dagster.governance.descent import Defect, Fate, SourceReach
from synth_dagster.governance.guarded import Decided, Found
from synth_dagster.governance.language_losses import Lost
from synth_dagster.governance.licences import LicenceReport
from synth_dagster.governance.named_languages import Named
from synth_dagster.governance.step_counts import StepCount
from synth_dagster.governance.topic_shifts import Topic
from synth_dagster.records import Json

DEMO = (
    "Demo. The embedded teacher made this release. It answers by rules from the text in front of it, so the data "
    "shows the machinery and teaches a model nothing. Name a real endpoint to make data for training."
)
NOT_CURRENT, HELD, PLANTED = "current", "not held by guards", "not planted"  # what is left without such records


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """A row stage, summed over the batches that the release rests on."""

    name: str
    batches: int
    records: int  # current ones
    older: int  # superseded or eliminated, kept so that every parent exists
    rejected: int
    rejects: Mapping[str, int]
    calls: int
    cached: int
    tokens: int
    usd: float | None  # None where a price is unknown
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Near-duplicates: clusters, the records dropped for another one, and size -> how many clusters have it."""

    count: int
    dropped: int
    sizes: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long records are, in tokens: bins of equal width with the counts of what was judged and what was kept.

    The last bin also holds everything above it.
    """

    edges: Sequence[float]
    judged: Sequence[int]
    kept: Sequence[int]
    median_judged: float | None
    median_kept: float | None


@dataclass(frozen=True, slots=True)
class Flow:
    """So many records of a source and a licence met with this end: kept, or the reason that dropped them."""

    source: str
    license: str
    end: str
    records: int


@dataclass(frozen=True, slots=True)
class Retained:
    """Of the records with this value, how many there were and how many were kept."""

    value: str
    judged: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDay:
    """The gates of a stage on a day: versions that passed and that were refused, and the checks that failed."""

    day: str
    stage: str
    passed: int
    refused: int
    failed: Mapping[str, int]  # check -> versions that failed it, warnings too


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    """One of the dataset's releases, for comparison."""

    release: str
    state: str
    demo: bool
    made_at: str
    judged: int
    kept: int
    tokens: int
    checks: int
    failed: int


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file of the release in the lake."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFacts:
    """All of it. `about` is what exports say too; the rest is what an audit asks besides."""

    about: Facts
    approval: Approval
    of: str  # the stage whose records are judged
    manifest: Mapping[str, Any]
    deciding: Sequence[str]  # the steps of the mix, in their order
    mix_steps: Sequence[StepFacts]  # the same with their settings; none where the recipe can be read no more
    step_counts: Sequence[StepCount]  # what each step did, those of the mix last
    expected: Mapping[str, Json]  # the thresholds of the recipe's gates
    answerers: Mapping[str, Mapping[str, Json]]  # role -> who answers, and how it is asked
    models: Mapping[str, int]  # of the kept records; a pair is counted for the models of both its answers
    methods: Mapping[str, int]  # of the kept records
    stages: Sequence[StageFacts]
    judges: Mapping[str, Mapping[str, float]]  # stage -> what the judgments of its pairs say of the judge
    measures: Mapping[str, Mapping[str, float]]  # measure -> name -> value, of the kept records
    before: Mapping[str, Mapping[str, float]]  # the same of everything that was judged
    spreads: Mapping[str, Mapping[str, float]]  # measure -> what it counts by -> value, of the kept records
    measured: int  # at most so many records are measured, the first by id
    lengths: Lengths
    clusters: Clusters
    flows: Sequence[Flow]
    retained: Mapping[str, Sequence[Retained]]  # column -> its values
    dropped_by_language: Sequence[Mapping[str, Json]]  # lang, reason, records
    lost: Sequence[Lost]  # languages that a step all but deletes, here or in a stage above
    named: Sequence[Named]  # how often filters give a language the name that its source declares
    topics: Sequence[Topic]
    reach: Sequence[SourceReach]
    fates: Sequence[Fate]
    relations: Mapping[str, int]  # what parents are to their children -> references
    quoting: int  # kept records with verbatim pieces of their parents
    personal: Mapping[str, Mapping[str, int]]  # stage -> kind of personal data -> how much was replaced
    found: Sequence[Found]  # by guards
    decisions: Sequence[Decided]  # about what they held back
    human_token_share: float | None
    defects: Sequence[Defect]
    hashed: int  # records whose content hash was computed again
    licences: LicenceReport
    checklist: Checklist
    checks: Sequence[Mapping[str, Any]]  # of the release's own gate
    gates: Sequence[GateDay]
    releases: Sequence[ReleaseLine]
    files: Sequence[FileFacts]

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return asdict(self) | {
            "licences": self.licences.as_json(),
            "checklist": self.checklist.as_json(),
            "approval": self.approval.as_json(),
        }

    def kept_by_source(self) -> dict[str, int]:
        """Kept records by the source of their first parents, most first."""
        return dict(sorted(((one.name, one.kept) for one in self.about.sources), key=lambda row: (-row[1], row[0])))

    def summary(self) -> str:
        """The facts that fit a card."""
        dropped = ", ".join(f"{reason} {count}" for reason, count in self.about.dropped.items()) or "nothing"
        note = f"**{DEMO}**\n\n" if self.about.demo else ""
        about = self.about
        return f"{note}{about.kept} of {about.judged} records kept, {about.tokens} tokens. Dropped: {dropped}."

    def funnel(self) -> dict[str, int]:
        """How many records there were after each stage, and after each step of the mix."""
        left = {stage.name: stage.records for stage in self.stages}
        count = self.about.judged
        for name, dropped in self._dropped_on_the_way().items():
            count -= dropped
            left[name] = count
        return left | {"kept": self.about.kept}

    def short_funnel(self, most: int) -> dict[str, int]:
        """The last steps of the funnel, without those of the mix that dropped nothing."""
        rows = [(name, count) for name, count in self.funnel().items() if name != "kept"]
        stages = len(self.stages)
        told = [row for place, row in enumerate(rows) if place < stages or row[1] != (rows[place - 1][1])]
        last = {"kept": self.about.kept} if len(told) == stages else {told.pop()[0]: self.about.kept}
        return dict(told[-(most - 1) :]) | last

    def _dropped_on_the_way(self) -> dict[str, int]:
        """What is left -> how many records were dropped for that: such as never came to the mix, then by its steps."""
        before = Counter[str]()
        by_step = dict.fromkeys(self.deciding, 0)
        for reason, count in self.about.dropped.items():
            step, _, why = reason.partition(":")
            if step in by_step:
                by_step[step] += count
            else:
                before[self._why_it_never_came(step, why)] += count
        never = {name: before[name] for name in (NOT_CURRENT, HELD, PLANTED) if before[name]}
        return never | {f"after {step}": count for step, count in by_step.items()}

    def _why_it_never_came(self, step: str, why: str) -> str:
        if step in {one.guard for one in self.found}:
            return HELD
        return PLANTED if why == "planted" else NOT_CURRENT

    def usd(self) -> float | None:
        """What the teachers cost for the versions that the release rests on."""
        known = [stage.usd for stage in self.stages]
        return None if None in known else sum(usd for usd in known if usd is not None)

    def failed_checks(self) -> list[Mapping[str, Any]]:
        return [check for check in self.checks if not check["passed"]]
