"""`synth licences`: what the licences of a release allow, for people and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.export import wanted
from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode
from synth_dagster.governance.handover import the_release
from synth_dagster.governance.licences import LicenceReport, licence_report, refused_use
from synth_dagster.licences.wording import allows, asks, uses


def show_licences(
    given: Path | None,
    dataset: str | None,
    release: str,
    *,
    purpose: str | None,
    public: bool,
    obey: bool,
    as_json: bool,
) -> int:
    """Print a release's licences. Returns the exit code: failed where a use is asked about that they forbid.

    Raises UnknownName for another release or purpose.
    """
    asked = wanted(purpose, public=public, obey=obey)
    project = open_project(given)
    named = the_release(project.lake, project.dataset(dataset), release)
    found, refusal = licence_report(project.lake, named), refused_use(project.lake, named, asked)
    if as_json:
        print_json(found.as_json() | ({"asked": {**asdict(asked), "refusal": refusal}} if asked.is_stated else {}))
    else:
        console = Terminal()
        _print(console, found)
        if asked.is_stated:
            console.print(escape(refusal or f"All of it fits {asked.words()}."), highlight=False)
    return int(ExitCode.FAILED if refusal else ExitCode.DONE)


def _print(console: Terminal, found: LicenceReport) -> None:
    stated = (
        found.wanted.words() or "no stated use: 'use:' in the recipe states one, and then what does not fit is left out"
    )
    console.print(f"{escape(found.release)} is made for {escape(stated)}.", highlight=False)
    table = Table("licence", "allows", "asks for", "kept", "dropped", box=None, pad_edge=False)
    for line in found.lines:
        kept, dropped = str(line.kept), str(line.dropped) if line.dropped else ""
        table.add_row(escape(line.license or "none"), allows(line.terms), asks(line.terms), kept, dropped)
    console.print(table, highlight=False)
    console.print(f"All that was kept together: {allows(found.whole)}; {asks(found.whole) or 'nothing asked'}.")
    for line in _fits(found):
        console.print(line, highlight=False)
    for chain in found.chains:
        console.print(escape(f"Dropped for {chain.line()}."), highlight=False)
    for name, cure in found.unknown.items():
        console.print(escape(f"Nobody has classed '{name}', so it counts as the strictest. {cure}"), highlight=False)


def _fits(found: LicenceReport) -> Iterator[str]:
    """What the release as it stands could be used for, beyond what it was made for."""
    for published, where in ((False, "at home"), (True, "published")):
        fitting = {one.wanted.purpose for one in found.fits if one.wanted.published == published and not one.misfits}
        yield f"As it stands, {where}, it fits: {', '.join(uses(fitting)) or 'no use'}."
