"""`synth approve` and `synth approvals`: who answers for a release, and everything that was said about it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape

from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.governance.approval_pages import refresh
from synth_dagster.governance.approvals import Approval, approvals_of
from synth_dagster.governance.approving import BadApproval, Word, say
from synth_dagster.governance.handover import LATEST
from synth_dagster.lake.meta_values import Release
from synth_dagster.runner.person import Person
from synth_dagster.signing import VARIABLE, Signer


def approve_release(
    given: Path | None,
    dataset: str | None,
    name: str,
    *,
    by: str,
    comment: str,
    revoke: bool = False,
    again: bool = False,
    as_json: bool = False,
) -> None:
    """Say it, then show it where people look. Raises BadApproval, SynthError for what cannot be approved."""
    if name == LATEST:
        raise BadApproval("Name the release that was looked at, such as r0001: 'latest' may be another by now.")
    word = Word(
        action="revoke" if revoke else "approve",
        by=by,
        comment=comment,
        again=again,
        entered_by=Person.of(os.environ),
        signer=Signer.of(os.environ),
    )
    project = open_project(given)
    found, added = say(project.lake, project.dataset(dataset), name, word)
    release = project.lake.meta.release(project.dataset(dataset), name)
    untold = _tell_others(project, release)  # also where nothing was added: who did may have been killed before this
    if as_json:
        print_json({"release": name, "added": added, **found.as_json()})
    else:
        _tell(release, found, added=added)
    if untold:
        Terminal().print(escape(untold), highlight=False)


def show_approvals(given: Path | None, dataset: str | None, name: str | None, *, as_json: bool) -> None:
    """Print how releases stand and all that was said. Raises UnknownName for another release."""
    project = open_project(given)
    of = project.dataset(dataset)
    found = approvals_of(project.lake, of)
    if name is not None:
        name = next(reversed(found), name) if name == LATEST else name
        if name not in found:
            raise UnknownName(f"release of {of}", name, found)
        found = {name: found[name]}
    if as_json:
        print_json([{"release": release, **approval.as_json()} for release, approval in found.items()])
        return
    console = Terminal()
    for line in _lines(found) or ["No release yet. 'synth run' makes one."]:
        console.print(escape(line), highlight=False)


def _lines(found: Mapping[str, Approval]) -> list[str]:
    lines: list[str] = []
    for release, approval in found.items():
        lines.append(f"{release}: {approval.line()}")
        for entry in approval.history:
            said = entry.statement
            signed = f"signed by {entry.signed_by}" if entry.signed_by else "unsigned"
            lines.append(f"  {said.at}  {said.action} by {said.by} (entered by {said.entered_by}, {signed})")
            lines.append(f"    {said.comment}" if not entry.fault else f"    does not hold: {entry.fault}")
    return lines


def _tell(release: Release, found: Approval, *, added: bool) -> None:
    console = Terminal()
    what = f"{release.release} of {release.dataset} ({release.records:,} records, data version {release.data_version})"
    said = f"{what}: {found.line()}." if added else f"{what}: {found.line()}. That was said before; nothing was added."
    console.print(escape(said), highlight=False)
    if added:
        key = found.history[-1].signed_by
        signed = f"Signed by {key}." if key else f"Unsigned: {VARIABLE} names no key."
        console.print(escape(signed), highlight=False)


# ------------------------------------------------------------------------------------------------ where it is shown


def _tell_others(project: Project, release: Release) -> str:
    """Bring the report and Dagster's page up to date; a sentence if that failed. What was said stands all the same."""
    try:
        approval = refresh(project.lake, release)
        _observe(project, release, approval)
    except SynthError as error:
        return f"It stands, but is not shown everywhere yet: {error} The same command again shows it."
    return ""


def _observe(project: Project, release: Release, approval: Approval) -> None:
    """An observation of the release's partition, unless the last one says the same. A comment stays in the lake."""
    import dagster as dg

    key = dg.AssetKey([release.dataset, str(release.manifest["table"])])
    shown = observed(approval)
    with project.instance() as instance:
        wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[release.release])
        records = instance.fetch_observations(wanted, limit=1).records
        last = records[0].asset_observation if records else None
        told: Mapping[str, Any] = last.metadata if last is not None else {}
        if {name: value.value for name, value in told.items() if name in shown} != shown:
            instance.report_runless_asset_event(
                dg.AssetObservation(asset_key=key, partition=release.release, metadata=shown)
            )


def observed(approval: Approval) -> dict[str, str | int]:
    """What an asset's page says of an approval."""
    return {"approval": approval.line(), "approval_statements": len(approval.history)}
