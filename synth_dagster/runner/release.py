"""Makes a release of the mix: reads accepted batches only, and gives every record of its stage one verdict.

The order is licences, filters, duplicates (before the filters if the recipe says so), selection, mixture. A record is
kept, or dropped with the method and the rule that dropped it, a duplicate with the record that it duplicates. The
manifest names the version of every batch that was read, so that the same release made again is the same bytes or is
refused.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from synth_dagster.errors import GateClosed, LakeError
from synth_dagster.lake.erasing import standing
from synth_dagster.lake.lake import Candidate
from synth_dagster.lake.meta_values import Release
from synth_dagster.parts.text.tokens import NAME as TOKEN_COUNTER
from synth_dagster.records import Json
from synth_dagster.runner.causes import grouped
from synth_dagster.runner.code import code_of
from synth_dagster.runner.context import Outcome, RunContext
from synth_dagster.runner.references import checked_against, contamination
from synth_dagster.runner.release_inputs import Inputs, release_inputs
from synth_dagster.runner.verdicts import VERDICTS, decided, details_of

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")  # of a release
COUNTED = ("verdicts", "tokens", "contamination")  # what a release's manifest says of its verdicts


def check_name(release: str) -> None:
    """Refuse a name that is no plain word: it becomes a partition, a file of the lake and an argument of commands."""
    if not NAME.fullmatch(release):
        raise LakeError(
            f"{release[:80]!r} cannot name a release: use letters, digits, '.', '_' and '-', at most 60, a letter or "
            "digit first, such as r0001."
        )


def make_release(context: RunContext, release: str, *, allow_missing: bool = False) -> Outcome:
    """Write a release as candidates. Raises GateClosed when a batch is missing, LakeError if it cannot be remade."""
    lake, dataset, mix = context.lake, context.recipe.dataset, context.recipe.mix
    check_name(release)
    with lake.lease(f"release/{dataset}", kind="exclusive"):
        known = next((found for found in lake.meta.releases(dataset) if found.release == release), None)
        if known and known.state == "withdrawn":
            raise LakeError(
                f"Release '{release}' was withdrawn, since records of it were erased. It is not made again; "
                "run without a name to make the next one."
            )
        inputs = _pinned(context, known.manifest) if known else release_inputs(context)
        _refuse_gaps(inputs, allow_missing=allow_missing or known is not None)
        manifest = _manifest(context, release, inputs, checked=known.manifest.get("benchmarks") if known else None)
        there = _awaiting(context, release, manifest)
        if there is not None:
            return Outcome(there, made=False)
        verdicts, rows = decided(context, release, inputs)
        common = {
            "rejects": None,
            "run_id": context.run_id,
            "session_id": context.session_id,
            "code_version": context.recipe.mix_fingerprint(context.root),
            "inputs": {batch: version.data_version for batch, (version, _) in inputs.batches.items()},
            "recipe_hash": context.recipe.hash,
            "partition": "release",
        }
        signals = (context.lake.candidate_table(marks) for _, marks in inputs.batches.values())
        held_items = contamination(context.recipe, signals, verdicts)
        details = details_of(verdicts) | {"manifest": manifest, "contamination": held_items}
        lake.write_candidate(dataset, VERDICTS, release, verdicts, details=details, **common)
        written = lake.write_candidate(dataset, mix.name, release, rows, details=details, **common)
        if known and known.data_version != written.data_version:
            lake.refuse(written)
            raise LakeError(
                f"Release '{release}' cannot be made again: the same inputs now give other bytes. "
                "A release never changes; run without a name to make the next one."
            )
        return Outcome(written, made=True)


def _awaiting(context: RunContext, release: str, manifest: Mapping[str, Json]) -> Candidate | None:
    """The same release, whole and waiting for its gate: made before a crash, or by a run at the same time."""
    lake, dataset = context.lake, context.recipe.dataset
    rows = lake.awaiting(dataset, context.recipe.mix.name, release)
    verdicts = lake.awaiting(dataset, VERDICTS, release) or lake.accepted(dataset, VERDICTS, release)
    is_same = rows is not None and verdicts is not None and rows.run_id == verdicts.run_id
    return rows if is_same and rows and _made_alike(rows.details["manifest"], manifest) else None


def _made_alike(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether two manifests say the same, whoever had them made."""
    return {**one, "built_by": None} == {**other, "built_by": None}


def _refuse_gaps(inputs: Inputs, *, allow_missing: bool) -> None:
    if inputs.missing and not allow_missing:
        causes = "; ".join(grouped(f"batch {batch}: {why}" for batch, why in sorted(inputs.missing.items())))
        raise GateClosed(f"No release while batches are missing ({causes}). Repair them, or use --allow-missing.")
    if not inputs.batches:
        raise GateClosed("No release: no batch is accepted yet. 'synth status' shows what is missing.")


def _pinned(context: RunContext, manifest: Mapping[str, Any]) -> Inputs:
    """The versions that a release was made from, or what erasures have left of them, of which it held nothing.

    Raises LakeError when one is gone or the rules are others.
    """
    recipe = context.recipe
    if manifest["mix"] != recipe.mix_fingerprint(context.root):
        raise LakeError(
            f"Release '{manifest['release']}' was made by other rules than the recipe has now. "
            "A release never changes; run without a name to make the next one."
        )
    batches: dict[str, tuple[Candidate, Candidate]] = {}
    for batch, pins in manifest["batches"].items():
        batches[batch] = (standing(context.lake, pins["records"]), standing(context.lake, pins["signals"]))
    held_then = {
        batch: {bytes.fromhex(one): why for one, why in pins.get("held", {}).items()}
        for batch, pins in manifest["batches"].items()
    }
    return Inputs(batches, manifest.get("missing", {}), held_then)


def _manifest(context: RunContext, release: str, inputs: Inputs, *, checked: Json = None) -> dict[str, Json]:
    """What a release is made from. `checked` is what an older making of the same release was checked against."""
    recipe = context.recipe
    benchmarks = checked or checked_against(recipe, context.root)
    fingerprint = recipe.mix_fingerprint(context.root)
    return {
        "dataset": recipe.dataset,
        "release": release,
        "of": recipe.mix.of,
        "table": recipe.mix.name,
        "recipe": recipe.hash,
        "mix": fingerprint,
        "identity": inputs.identity(fingerprint),
        "token_counter": TOKEN_COUNTER,
        "use": recipe.use.model_dump(mode="json"),
        "approval": recipe.approval.model_dump(mode="json"),
        "built_by": asdict(context.builder),
        "publication": recipe.publication.model_dump(mode="json"),
        "licences": {"own": dict(recipe.own_licences), "ignored": sorted(recipe.licences().ignored)},
        "batches": {
            batch: {
                "records": rows.candidate_id,
                "data_version": rows.data_version,
                "signals": marks.candidate_id,
                "signals_version": marks.data_version,
            }
            | (
                {"held": {one.hex(): why for one, why in sorted(away.items())}}
                if (away := inputs.held.get(batch))
                else {}
            )
            for batch, (rows, marks) in inputs.batches.items()
        },
        "missing": dict(inputs.missing),
        "code": code_of(context.root),
    } | ({"benchmarks": benchmarks} if benchmarks else {})


def publish(context: RunContext, rows: Candidate) -> None:
    """Accept a release: its verdicts first, then its rows, then its name. A crash in between is healed by a rerun.

    An erasure comes before or after: between rows and name it would not know that a release holds what goes.
    """
    lake, dataset = context.lake, context.recipe.dataset
    with lake.lease(f"release/{dataset}", kind="exclusive"):
        verdicts = lake.awaiting(dataset, VERDICTS, rows.batch)
        if verdicts is not None:
            lake.accept(verdicts)
        lake.accept(rows)
        manifest: dict[str, Any] = dict(rows.details["manifest"])
        lake.meta.add_release(
            Release(
                dataset=dataset,
                release=rows.batch,
                identity=manifest["identity"],
                data_version=rows.data_version,
                manifest=manifest | {name: rows.details[name] for name in COUNTED if name in rows.details},
                records=rows.rows,
                demo=is_demo(context, rows),
                run_id=rows.run_id,
            )
        )


def is_demo(context: RunContext, rows: Candidate) -> bool:
    """Whether the embedded teacher wrote any of it."""
    models = context.lake.candidate_table(rows, columns=["model_id"])["model_id"].unique().to_pylist()
    return any(model and model.startswith("embedded-") for model in models)
