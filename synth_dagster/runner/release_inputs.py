"""What the next release reads: the accepted versions of every batch, and why a batch cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from synth_dagster.lake.corpus_state import name_of
from synth_dagster.lake.findings import QUARANTINE, held, held_input
from synth_dagster.lake.lake import Candidate
from synth_dagster.lake.meta_values import PlannedBatch
from synth_dagster.lake.remaking import is_to_remake
from synth_dagster.records import digest
from synth_dagster.runner.context import SIGNALS, RunContext
from synth_dagster.runner.corpus import CorpusView
from synth_dagster.runner.planted import planted


@dataclass(frozen=True, slots=True)
class Inputs:
    """The accepted versions that a release reads, per batch: records and their signals."""

    batches: Mapping[str, tuple[Candidate, Candidate]]
    missing: Mapping[str, str]  # batch -> why it is not in the release
    held: Mapping[str, Mapping[bytes, str]] = field(default_factory=dict)  # batch -> record in quarantine -> why

    def identity(self, mix_fingerprint: str) -> str:
        versions = {batch: [rows.data_version, marks.data_version] for batch, (rows, marks) in self.batches.items()}
        away = {batch: sorted(one.hex() for one in records) for batch, records in self.held.items() if records}
        return digest("release", mix_fingerprint, versions, sorted(self.missing), *([away] if away else [])).hex()


def release_inputs(context: RunContext) -> Inputs:
    """What the next release would read, and the batches that cannot be read, each with its reason."""
    recipe, lake, meta = context.recipe, context.lake, context.lake.meta
    shown = {stage: lake.accepted_all(recipe.dataset, stage) for stage in (*_chain(context), SIGNALS)}
    plans = {batch.batch: batch for batch in meta.planned(recipe.dataset)}
    seen = _Seen(context, shown, plans)
    batches: dict[str, tuple[Candidate, Candidate]] = {}
    missing: dict[str, str] = {}
    for batch in sorted({*plans, *shown[recipe.mix.of]}):
        why = seen.why_not(batch)
        if why is None:
            batches[batch] = (shown[recipe.mix.of][batch], shown[SIGNALS][batch])
        else:
            missing[batch] = why
    away = {batch: held(lake, rows) | planted(lake, recipe, rows) for batch, (rows, _) in batches.items()}
    return Inputs(batches, missing, away)


def _chain(context: RunContext) -> list[str]:
    """The row stages that lead to the mix's, first one first."""
    chain: list[str] = []
    above: str | None = context.recipe.mix.of
    while above is not None:
        chain.append(above)
        above = context.recipe.stage(above).reads
    return chain[::-1]


@dataclass
class _Seen:
    """What the lake shows, to find out why a batch cannot be read: not made, not accepted, or made of old inputs.

    Every stage on the way counts, because a record whose parents nobody can see any more has no lineage.
    """

    context: RunContext
    shown: Mapping[str, Mapping[str, Candidate]]
    plans: Mapping[str, PlannedBatch]
    _wanted: dict[tuple[str, str], str] = field(default_factory=dict)
    _states: dict[str, str | None] = field(default_factory=dict)

    def why_not(self, batch: str) -> str | None:
        """The first reason that keeps a batch out of a release."""
        if batch not in self.plans:
            return "no delivery holds it now; 'synth run' retires it"
        whys = (self._not_current(stage, batch) for stage in _chain(self.context))
        return next(filter(None, whys), None) or self._without_signals(batch)

    def _not_current(self, stage: str, batch: str) -> str | None:
        lake, dataset = self.context.lake, self.context.recipe.dataset
        there = self.shown[stage].get(batch)
        if there is None:
            return f"'{stage}' has no accepted version"
        if lake.awaiting(dataset, stage, batch) is not None:
            return f"'{stage}' has a candidate that awaits its gate"
        gate = lake.meta.gate(there.candidate_id)
        if gate is not None and not gate.passed:
            return f"'{stage}' no longer passes its checks"
        if (gate.guards if gate else "") != self.context.recipe.guards_fingerprint(stage, self.context.root):
            return f"'{stage}' was not inspected by the guards that the recipe has now"
        why = self._outdated(stage, there)
        if why and any(other.state == "refused" for other in lake.meta.candidates(dataset, stage, batch)):
            return f"the newest version of '{stage}' failed its checks"
        return why

    def _outdated(self, stage: str, there: Candidate) -> str | None:
        above = self.context.recipe.stage(stage).reads
        if is_to_remake(there):
            return f"'{stage}' lost records to an erasure that are to be made again"
        if above is None and dict(there.inputs) != {"delivery": self.plans[there.batch].digest}:
            return f"'{stage}' is of an older delivery"
        if above is not None and there.inputs.get(above) != self.shown[above][there.batch].data_version:
            return f"'{stage}' is of an older version of '{above}'"
        if above is not None and _away(there) != held_input(held(self.context.lake, self.shown[above][there.batch])):
            return f"'{stage}' was made before what is in quarantine of '{above}' changed"
        if there.code_version != self._code_version(stage, there.batch):
            return f"'{stage}' was made by other steps than the recipe has now"
        if _seen(there, above) not in (None, self._corpus(stage)):
            return f"'{stage}' was made when other batches of '{above}' were accepted"
        return None

    def _corpus(self, stage: str) -> str | None:
        """The state of the corpus in view of which a stage would be made now."""
        if stage not in self._states:
            view = CorpusView.of(self.context, stage)
            self._states[stage] = view.state if view else None
        return self._states[stage]

    def _code_version(self, stage: str, batch: str) -> str:
        key = (stage, self.plans[batch].source)
        if key not in self._wanted:
            self._wanted[key] = self.context.code_version(stage, batch)
        return self._wanted[key]

    def _without_signals(self, batch: str) -> str | None:
        of = self.context.recipe.mix.of
        marks = self.shown[SIGNALS].get(batch)
        if marks is None:
            return "its quality signals are missing"
        if marks.code_version != self.context.recipe.signals_fingerprint(self.context.root):
            return "its quality signals were made by other expressions"
        if dict(marks.inputs) != {of: self.shown[of][batch].data_version}:
            return "its quality signals are of an older version"
        gate = self.context.lake.meta.gate(marks.candidate_id)
        return "its quality signals no longer pass their checks" if gate and not gate.passed else None


def _away(version: Candidate) -> dict[str, str]:
    """What a version says of the records in quarantine that it was made without."""
    return {name: value for name, value in version.inputs.items() if name == QUARANTINE}


def _seen(version: Candidate, above: str | None) -> str | None:
    """The state of the corpus in view of which a version was made, where it was."""
    return version.inputs.get(name_of(above)) if above else None


def is_released(context: RunContext, inputs: Inputs) -> str | None:
    """The name of the latest release, when it was made from exactly these inputs by these rules."""
    identity = inputs.identity(context.recipe.mix_fingerprint(context.root))
    released = [r for r in context.lake.meta.releases(context.recipe.dataset) if r.state == "accepted"]
    return released[-1].release if released and released[-1].identity == identity else None
