"""The gate of an asset: one check step that runs its suite and its rules, and accepts the candidate when they hold.

Several checks are reported from one step, so that Great Expectations is imported once. A critical one that fails
refuses the candidate: the version accepted before stays what everybody reads. With nothing to accept, the step checks
the accepted version again, as after a suite was edited; a version that now fails blocks new releases. Run by itself,
without a partition, it checks every batch that there is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg

from expectations.rules import Gated, rules_for
from expectations.suite import Expected, flat_rows, suite_hash, validate
from synth_dagster.governance.pages import Pages
from synth_dagster.governance.preview import save_examples
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.method import Guard
from synth_dagster.recipe import Recipe
from synth_dagster.records import RecordKind
from synth_dagster.runner.context import SIGNALS
from synth_dagster.runner.guards import check_name, inspect
from synth_dagster.runner.yields import BY_RULES, answered_by_rules
from synth_dagster.services import Finding

Publish = Callable[[Recipe, Lake, Candidate], None]

SUITE_CHECKS = {"critical": "expectations", "warning": "expectations_warn"}


def gate(
    recipe: Recipe, stage: str, *, root: Path, publish: Publish | None = None, pages: Pages | None = None
) -> dg.AssetChecksDefinition:
    """The check step of an asset. `publish` replaces plain acceptance where accepting is more than one table.

    `root` is the project's folder, where the guards' files lie.
    """
    key = dg.AssetKey([recipe.dataset, stage])
    kind = None if stage == SIGNALS else _kind(recipe, stage)
    rules = {rule.__name__: _first_line(rule.__doc__) for rule in rules_for(stage, recipe)}
    stories = rules | (guard_stories(recipe, stage) if kind else {})

    @dg.multi_asset_check(
        name=f"{recipe.dataset}__{stage}__gate",
        specs=[
            *(dg.AssetCheckSpec(name, asset=key, blocking=True, description=story) for name, story in stories.items()),
            dg.AssetCheckSpec(
                SUITE_CHECKS["critical"], asset=key, blocking=True, description="The critical expectations."
            ),
            dg.AssetCheckSpec(SUITE_CHECKS["warning"], asset=key, description="Expectations that inform."),
        ],
    )
    def checks(context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]) -> Iterator[dg.AssetCheckResult]:
        batches = _partitions(context) or _all_batches(recipe, lake, stage)
        if not batches:
            raise dg.Failure(f"'{stage}' has no version to check. Materialize it first.", allow_retries=False)
        gates = Gates(recipe, lake, stage, kind, root, context.run.run_id, publish)
        yield from _results(key, [gates.checked(batch) for batch in batches], list(stories), pages or Pages())

    return checks


@dataclass(frozen=True, slots=True)
class Checked:
    """A version at its gate and all that was found about it."""

    gated: Gated
    findings: Sequence[Finding]
    expected: Sequence[Expected]

    def failures(self, severity: str) -> list[Expected]:
        return [e for e in self.expected if e.severity == severity and not e.passed]


@dataclass(frozen=True, slots=True)
class Gates:
    """The gate of a stage, for one batch after the other."""

    recipe: Recipe
    lake: Lake
    stage: str
    kind: RecordKind | None
    root: Path
    run_id: str
    publish: Publish | None

    def checked(self, batch: str) -> Checked:
        """Check what awaits its gate, or else what is accepted, and decide about it."""
        recipe, lake, stage = self.recipe, self.lake, self.stage
        candidate = lake.awaiting(recipe.dataset, stage, batch) or lake.accepted(recipe.dataset, stage, batch)
        if candidate is None:
            raise dg.Failure(
                f"'{stage}' has no version of '{batch}' to check. Materialize it first.", allow_retries=False
            )
        gated = Gated(recipe, lake, candidate, self.kind or "document")
        findings = [*(rule(gated) for rule in rules_for(stage, recipe)), *self._guarded(gated)]
        expected = (
            validate(_suite(recipe, stage), flat_rows(gated.current, self.kind)) if gated.current.num_rows else []
        )
        self._decide(gated, findings, expected)
        return Checked(replace(gated), findings, expected)  # a new one: without the rows that the rules have read

    def _guarded(self, gated: Gated) -> list[Finding]:
        """What the guards found. It is kept before anybody decides, so that a refusal can be looked into."""
        if self.kind is None:
            return []
        found = inspect(self.recipe, self.lake, gated.candidate, gated.current, self.kind, self.root, self.run_id)
        return [one.finding() for one in found]

    def _decide(self, gated: Gated, findings: Sequence[Finding], expected: Sequence[Expected]) -> None:
        """Record the verdict, then accept or refuse. In this order a crash leaves a candidate that is checked again."""
        lake, candidate = self.lake, gated.candidate
        passed = all(f.passed for f in findings if f.severity == "critical") and all(
            e.passed for e in expected if e.severity == "critical"
        )
        suite = suite_hash(_suite(gated.recipe, candidate.stage))
        guards = self.recipe.guards_fingerprint(self.stage, self.root)
        summary = [*map(_of_rule, findings), *map(_of_suite, expected)]
        lake.meta.record_gate(candidate.candidate_id, passed=passed, suite=suite, checks=summary, guards=guards)
        if candidate.state == "accepted":
            return
        if not passed:
            lake.refuse(candidate)
        elif self.publish is not None:
            self.publish(gated.recipe, lake, candidate)
        else:
            lake.accept(candidate)


def _of_rule(one: Finding) -> dict[str, Any]:
    return {"check": one.rule, "passed": one.passed, "severity": one.severity, "counts": dict(one.counts)}


def _of_suite(one: Expected) -> dict[str, Any]:
    about = {"check": f"{one.name}:{one.column}", "passed": one.passed}
    return about | {"severity": one.severity, "counts": one.counts}


def _results(
    key: dg.AssetKey, checked: Sequence[Checked], names: Sequence[str], pages: Pages
) -> Iterator[dg.AssetCheckResult]:
    """One result a check: of the first batch that failed it, else of the last."""
    for place, name in enumerate(names):
        bad = [one for one in checked if not one.findings[place].passed]
        shown = (bad or checked[-1:])[0]
        finding = shown.findings[place]
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=finding.passed,
            severity=dg.AssetCheckSeverity.ERROR if finding.severity == "critical" else dg.AssetCheckSeverity.WARN,
            metadata=_metadata(shown.gated, finding, pages, is_advised=finding is _too_few(shown.findings))
            | _of_several(checked, bad),
        )
    for severity, name in SUITE_CHECKS.items():
        bad = [one for one in checked if one.failures(severity)]
        shown = (bad or checked[-1:])[0]
        failures = shown.failures(severity)
        evaluated = sum(e.severity == severity for e in shown.expected)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=not failures,
            severity=dg.AssetCheckSeverity.ERROR if severity == "critical" else dg.AssetCheckSeverity.WARN,
            description=f"{evaluated - len(failures)} of {evaluated} expectations met",
            metadata={"batch": shown.gated.candidate.batch, "evaluated": evaluated, "failed": len(failures)}
            | ({"failures": dg.MetadataValue.json([asdict(e) for e in failures])} if failures else {})
            | _of_several(checked, bad),
        )


def _of_several(checked: Sequence[Checked], bad: Sequence[Checked]) -> dict[str, int]:
    return {"batches_checked": len(checked), "batches_failed": len(bad)} if len(checked) > 1 else {}


def _metadata(gated: Gated, finding: Finding, pages: Pages, *, is_advised: bool) -> dict[str, Any]:
    metadata: dict[str, Any] = {"batch": dg.MetadataValue.text(gated.candidate.batch)}
    for name, value in finding.counts.items():
        metadata[name] = dg.MetadataValue.int(value) if isinstance(value, int) else dg.MetadataValue.float(float(value))
    if is_advised and _is_by_rules(gated):
        metadata["answered_by"] = dg.MetadataValue.text(BY_RULES)
    if finding.examples:
        page = save_examples(gated.lake, gated.candidate, finding)
        metadata["examples"] = dg.MetadataValue.url(pages.address(page))
        metadata["examples_file"] = dg.MetadataValue.path(page)
    return metadata


def _too_few(findings: Sequence[Finding]) -> Finding | None:
    """The finding that says that too little of what was tried can be used, the first of them."""
    return next((one for one in findings if one.rule in ("keep_rate", "reject_rate") and not one.passed), None)


def _is_by_rules(gated: Gated) -> bool:
    """Whether the embedded teacher answered when this version was made."""
    made_by = gated.lake.meta.made_by(gated.candidate.code_version)
    return answered_by_rules((made_by or {}).get("teachers") or {})


def _partitions(context: dg.AssetCheckExecutionContext) -> list[str]:
    # the check is unpartitioned: a partitioned one shows as skipped after a backfill (field-tested)
    step = context.op_execution_context
    return list(step.partition_keys) if step.has_partition_key or step.has_partition_key_range else []


def _all_batches(recipe: Recipe, lake: Lake, stage: str) -> list[str]:
    waiting = {c.batch for c in lake.meta.candidates(recipe.dataset, stage) if c.state == "awaiting"}
    return sorted(waiting | lake.accepted_all(recipe.dataset, stage).keys())


def _kind(recipe: Recipe, stage: str) -> RecordKind:
    return recipe.stage(recipe.mix.of if stage == recipe.mix.name else stage).record_kind


def _suite(recipe: Recipe, stage: str) -> str:
    if stage == SIGNALS:
        return "signals"
    return "mix" if stage == recipe.mix.name else recipe.stage(stage).kind


def guard_stories(recipe: Recipe, stage: str) -> dict[str, str]:
    """The checks of a stage's guards: name -> what each looks for."""
    guards = [(step, step.method) for step in recipe.guards(stage)]
    return {
        check_name(step, check): story
        for step, guard in guards
        if isinstance(guard, Guard)
        for check, story in guard.checks.items()
    }


def _first_line(text: str | None) -> str:
    return (text or "").split("\n", 1)[0]
