"""The gate of an asset: one check step that runs its suite and its rules, and accepts the candidate when they hold.

Several checks are reported from one step, so that Great Expectations is imported once. A critical one that fails
refuses the candidate: the version accepted before stays what everybody reads. With nothing to accept, the step checks
the accepted version again, as after a suite was edited; a version that now fails blocks new releases.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

import dagster as dg

from expectations.rules import Gated, rules_for
from expectations.suite import Expected, flat_rows, suite_hash, validate
from synth_dagster.governance.preview import save_examples
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.recipe import Recipe
from synth_dagster.records import RecordKind
from synth_dagster.runner.signals import TABLE as SIGNALS
from synth_dagster.services import Finding

Publish = Callable[[Recipe, Lake, Candidate], None]

SUITE_CHECKS = {"critical": "expectations", "warning": "expectations_warn"}


def gate(recipe: Recipe, stage: str, *, publish: Publish | None = None) -> dg.AssetChecksDefinition:
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
        batch = _partition(context, stage)
        candidate = lake.awaiting(recipe.dataset, stage, batch) or lake.accepted(recipe.dataset, stage, batch)
        if candidate is None:
            raise dg.Failure(
                f"'{stage}' has no version of '{batch}' to check. Materialize it first.", allow_retries=False
            )
        gated = Gated(recipe, lake, candidate, kind or "document")
        findings = [rule(gated) for rule in rules_for(stage, recipe)]
        expected = validate(_suite(recipe, stage), flat_rows(gated.current, kind)) if gated.current.num_rows else []
        _decide(gated, findings, expected, publish)
        yield from _results(key, gated, findings, expected, names)

    return checks


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
    key: dg.AssetKey, gated: Gated, findings: Sequence[Finding], expected: Sequence[Expected], names: Sequence[str]
) -> Iterator[dg.AssetCheckResult]:
    for name, finding in zip(names, findings, strict=True):
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=finding.passed,
            severity=dg.AssetCheckSeverity.ERROR if finding.severity == "critical" else dg.AssetCheckSeverity.WARN,
            metadata=_metadata(gated, finding),
        )
    for severity, name in SUITE_CHECKS.items():
        mine = [e for e in expected if e.severity == severity]
        bad = [e for e in mine if not e.passed]
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=not bad,
            severity=dg.AssetCheckSeverity.ERROR if severity == "critical" else dg.AssetCheckSeverity.WARN,
            description=f"{len(mine) - len(bad)} of {len(mine)} expectations met",
            metadata={"batch": gated.candidate.batch, "evaluated": len(mine), "failed": len(bad)}
            | ({"failures": dg.MetadataValue.json([asdict(e) for e in bad])} if bad else {}),
        )


def _metadata(gated: Gated, finding: Finding) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {"batch": dg.MetadataValue.text(gated.candidate.batch)}
    for name, value in finding.counts.items():
        metadata[name] = dg.MetadataValue.int(value) if isinstance(value, int) else dg.MetadataValue.float(float(value))
    if finding.examples:
        page = save_examples(gated.recipe, gated.lake, gated.candidate, finding)
        metadata["examples"] = dg.MetadataValue.path(str(page))
    return metadata


def _partition(context: dg.AssetCheckExecutionContext, stage: str) -> str:
    # the check is unpartitioned: a partitioned one shows as skipped after a backfill (field-tested)
    step = context.op_execution_context
    keys = list(step.partition_keys) if step.has_partition_key or step.has_partition_key_range else []
    if len(keys) != 1:
        raise dg.Failure(f"The gate of '{stage}' checks one partition at a time; choose one.", allow_retries=False)
    return keys[0]


def _kind(recipe: Recipe, stage: str) -> RecordKind:
    return recipe.stage(recipe.mix.of if stage == recipe.mix.name else stage).record_kind


def _suite(recipe: Recipe, stage: str) -> str:
    if stage == SIGNALS:
        return "signals"
    return "mix" if stage == recipe.mix.name else recipe.stage(stage).kind


def _story(recipe: Recipe, stage: str, name: str) -> str:
    rule = next(rule for rule in rules_for(stage, recipe) if rule.__name__ == name)
    return (rule.__doc__ or "").split("\n", 1)[0]
