"""The gate of an asset: one check step that runs its suite and its rules, and accepts the candidate when they hold.

Several checks are reported from one step, so that Great Expectations is imported once. A critical one that fails
refuses the candidate: the version accepted before stays what everybody reads. With nothing to accept, the step checks
the accepted version again, as after a suite was edited; a version that now fails blocks new releases. Run by itself,
without a partition, it checks every batch that there is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import dagster as dg

from expectations.rules import Gated, rules_for
from expectations.suite import Expected, flat_rows, suite_hash, validate
from synth_dagster.governance.pages import Pages
from synth_dagster.governance.preview import save_examples
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.recipe import Recipe
from synth_dagster.records import RecordKind
from synth_dagster.runner.context import SIGNALS
from synth_dagster.services import Finding

Publish = Callable[[Recipe, Lake, Candidate], None]

SUITE_CHECKS = {"critical": "expectations", "warning": "expectations_warn"}


def gate(
    recipe: Recipe, stage: str, *, publish: Publish | None = None, pages: Pages | None = None
) -> dg.AssetChecksDefinition:
    """The check step of an asset. `publish` replaces plain acceptance where accepting is more than one table."""
    key = dg.AssetKey([recipe.dataset, stage])
    kind = None if stage == SIGNALS else _kind(recipe, stage)
    names = [rule.__name__ for rule in rules_for(stage, recipe)]

    @dg.multi_asset_check(
        name=f"{recipe.dataset}__{stage}__gate",
        specs=[
            *(
                dg.AssetCheckSpec(name, asset=key, blocking=True, description=_story(recipe, stage, name))
                for name in names
            ),
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
        checked = [_checked(recipe, lake, stage, kind, batch, publish) for batch in batches]
        yield from _results(key, checked, names, pages or Pages())

    return checks


@dataclass(frozen=True, slots=True)
class Checked:
    """A version at its gate and all that was found about it."""

    gated: Gated
    findings: Sequence[Finding]
    expected: Sequence[Expected]

    def failures(self, severity: str) -> list[Expected]:
        return [e for e in self.expected if e.severity == severity and not e.passed]


def _checked(
    recipe: Recipe, lake: Lake, stage: str, kind: RecordKind | None, batch: str, publish: Publish | None
) -> Checked:
    candidate = lake.awaiting(recipe.dataset, stage, batch) or lake.accepted(recipe.dataset, stage, batch)
    if candidate is None:
        raise dg.Failure(f"'{stage}' has no version of '{batch}' to check. Materialize it first.", allow_retries=False)
    gated = Gated(recipe, lake, candidate, kind or "document")
    findings = [rule(gated) for rule in rules_for(stage, recipe)]
    expected = validate(_suite(recipe, stage), flat_rows(gated.current, kind)) if gated.current.num_rows else []
    _decide(gated, findings, expected, publish)
    return Checked(replace(gated), findings, expected)  # a new one: without the rows that the rules have read


def _decide(gated: Gated, findings: Sequence[Finding], expected: Sequence[Expected], publish: Publish | None) -> None:
    """Record the verdict, then accept or refuse. In this order a crash leaves a candidate that is checked again."""
    lake, candidate = gated.lake, gated.candidate
    passed = all(f.passed for f in findings if f.severity == "critical") and all(
        e.passed for e in expected if e.severity == "critical"
    )
    summary = [
        {"check": f.rule, "passed": f.passed, "severity": f.severity, "counts": dict(f.counts)} for f in findings
    ]
    summary += [
        {"check": f"{e.name}:{e.column}", "passed": e.passed, "severity": e.severity, "counts": e.counts}
        for e in expected
    ]
    suite = suite_hash(_suite(gated.recipe, candidate.stage))
    lake.meta.record_gate(candidate.candidate_id, passed=passed, suite=suite, checks=summary)
    if candidate.state == "accepted":
        return
    if not passed:
        lake.refuse(candidate)
    elif publish is not None:
        publish(gated.recipe, lake, candidate)
    else:
        lake.accept(candidate)


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
            metadata=_metadata(shown.gated, finding, pages) | _of_several(checked, bad),
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


def _metadata(gated: Gated, finding: Finding, pages: Pages) -> dict[str, Any]:
    metadata: dict[str, Any] = {"batch": dg.MetadataValue.text(gated.candidate.batch)}
    for name, value in finding.counts.items():
        metadata[name] = dg.MetadataValue.int(value) if isinstance(value, int) else dg.MetadataValue.float(float(value))
    if finding.examples:
        page = save_examples(gated.lake, gated.candidate, finding)
        metadata["examples"] = dg.MetadataValue.url(pages.address(page))
        metadata["examples_file"] = dg.MetadataValue.path(page)
    return metadata


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


def _story(recipe: Recipe, stage: str, name: str) -> str:
    rule = next(rule for rule in rules_for(stage, recipe) if rule.__name__ == name)
    return (rule.__doc__ or "").split("\n", 1)[0]
