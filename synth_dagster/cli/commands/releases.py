"""Commands that say what a release is: against another one, to an auditor, to those who may use it."""

from pathlib import Path
from typing import Annotated

import typer

from synth_dagster.cli.options import AsJson, Dataset, Obey, ProjectDir, Public, Purpose, Release


def diff(
    before: Annotated[str, typer.Argument(metavar="R1", help="A release, such as r0001.")],
    after: Annotated[str, typer.Argument(metavar="R2", help="Another one; default: the latest.")] = "latest",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Name so many records of each kind.")] = 3,
    to: Annotated[
        Path | None, typer.Option(help="Write every record with another verdict there, one JSON object a line.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the comparison there as a page.")] = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Compare two releases: records added and removed, changed verdicts with their reasons, and what has shifted."""
    from synth_dagster.cli.diff import Files, show_diff

    show_diff(project, dataset, before, after, limit=limit, as_json=as_json, files=Files(to, html))


def audit(
    release: Release = "latest",
    to: Annotated[Path | None, typer.Option(help="Also write the page to this file.")] = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Answer the fifteen questions of an audit of a release, on a page to keep: from what is stored, nothing is run."""
    from synth_dagster.cli.audit import audit_release

    audit_release(project, dataset, release, to=to, as_json=as_json)


def backlog(
    release: Release = "latest",
    to: Annotated[Path | None, typer.Option(help="Also write the seeds to this .jsonl file, a source to read.")] = None,
    seeds: Annotated[int, typer.Option(min=0, max=1000, help="Records of a cell to begin from, at most.")] = 5,
    most_translated: Annotated[
        float, typer.Option(min=0, max=1, help="Share of a cell that may be translations.")
    ] = 0.5,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Tell which languages, topics or other cells of a release lack records, and what to make them from."""
    from synth_dagster.cli.backlog import show_backlog

    show_backlog(project, dataset, release, to=to, seeds=seeds, most_translated=most_translated, as_json=as_json)


def licences(
    release: Release = "latest",
    purpose: Purpose = None,
    public: Public = False,
    obey: Obey = False,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Say what the licences of a release allow, what they dropped, and the chain that forbids it.

    With --purpose, --public or --obey it ends with 1 if a record of the release could not be used so.
    """
    from synth_dagster.cli.licences import show_licences

    asked = {"purpose": purpose, "public": public, "obey": obey}
    raise typer.Exit(show_licences(project, dataset, release, **asked, as_json=as_json))


def checklist(
    release: Release = "latest",
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Say how open a release is, section by section, and what keeps it from being published.

    It ends with 1 if the recipe marks the release as published and something does.
    """
    from synth_dagster.cli.checklist import show_checklist

    raise typer.Exit(show_checklist(project, dataset, release, as_json=as_json))
