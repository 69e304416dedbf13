"""What there is to say about a release: counts, shares, hashes and names, never record text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEMO = (
    "Demo. The embedded teacher made this release. It answers by rules from the text in front of it, so the data "
    "shows the machinery and teaches a model nothing. Name a real endpoint to make data for training."
)


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


@dataclass(frozen=True, slots=True)
class Maker:
    """A method with its model and prompt, and how many current records of a stage it made."""

    stage: str
    method: str
    method_version: str
    model_id: str | None
    prompt_hash: str | None
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Near-duplicates: clusters, the records dropped for another one, and size -> how many clusters have it."""

    count: int
    dropped: int
    sizes: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFacts:
    """All of it."""

    dataset: str
    release: str
    kind: str
    demo: bool
    kept: int
    judged: int
    tokens: int
    token_counter: str
    dropped: Mapping[str, int]
    deciding: Sequence[str]  # the steps of the mix, in their order
    sources: Mapping[str, int]
    licenses: Mapping[str, int]
    languages: Mapping[str, int]
    models: Mapping[str, int]
    methods: Mapping[str, int]
    depths: Mapping[str, int]
    human_share: float
    measures: Mapping[str, Mapping[str, float]]  # measure -> name -> value, of the kept records
    before: Mapping[str, Mapping[str, float]]  # the same of everything that was judged
    stages: Sequence[StageFacts]
    makers: Sequence[Maker]
    lengths: Sequence[int]  # tokens of each kept record, in rising order
    clusters: Clusters
    checks: Sequence[Mapping[str, Any]]
    batches: Sequence[str]
    missing: Mapping[str, str]
    manifest: Mapping[str, Any]
    data_version: str

    def summary(self) -> str:
        """The facts that fit a card."""
        dropped = ", ".join(f"{reason} {count}" for reason, count in self.dropped.items()) or "nothing"
        note = f"**{DEMO}**\n\n" if self.demo else ""
        return f"{note}{self.kept} of {self.judged} records kept, {self.tokens} tokens. Dropped: {dropped}."

    def funnel(self) -> dict[str, int]:
        """How many records there were after each stage, and after each step of the mix."""
        left = {stage.name: stage.records for stage in self.stages}
        count = self.judged
        for step, dropped in self._dropped_by_step().items():
            count -= dropped
            left[f"after {step}"] = count
        return left | {"kept": self.kept}

    def short_funnel(self, most: int) -> dict[str, int]:
        """The last steps of the funnel, without those of the mix that dropped nothing."""
        rows = [(name, count) for name, count in self.funnel().items() if name != "kept"]
        stages = len(self.stages)
        told = [row for place, row in enumerate(rows) if place < stages or row[1] != (rows[place - 1][1])]
        last = {"kept": self.kept} if len(told) == stages else {told.pop()[0]: self.kept}
        return dict(told[-(most - 1) :]) | last

    def _dropped_by_step(self) -> dict[str, int]:
        """Step of the mix -> records that it dropped; what was no longer current before it is not of the mix."""
        by_step = dict.fromkeys(["not current", *self.deciding], 0)
        for reason, count in self.dropped.items():
            step = reason.partition(":")[0]
            by_step[step if step in self.deciding else "not current"] += count
        before = by_step.pop("not current")
        return {"not current": before, **by_step} if before else by_step

    def usd(self) -> float | None:
        """What the teachers cost for the versions that the release rests on."""
        known = [stage.usd for stage in self.stages]
        return None if None in known else sum(usd for usd in known if usd is not None)

    def failed_checks(self) -> list[Mapping[str, Any]]:
        return [check for check in self.checks if not check["passed"]]
