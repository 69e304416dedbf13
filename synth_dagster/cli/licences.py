"""`synth licences`: what the licences of a release allow, for people and as JSON."""

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.governance.handover import the_release
from synth_dagster.governance.licences import LicenceReport, licence_report
from synth_dagster.licences.terms import Terms, Use

MEANING = {
    Use.COMMERCIAL: "every use",
    Use.UNSPECIFIED: "not said",
    Use.NON_COMMERCIAL: "no sale",
    Use.RESEARCH: "research only",
}


def show_licences(given: Path | None, dataset: str | None, release: str, *, as_json: bool) -> None:
    """Print a release's licences. Raises UnknownName for another release."""
    project = open_project(given)
    found = licence_report(project.lake, the_release(project.lake, project.dataset(dataset), release))
    if as_json:
        print_json(found.as_json())
    else:
        _print(Terminal(), found)


def _print(console: Terminal, found: LicenceReport) -> None:
    stated = found.wanted.words() or "nothing: 'use:' in the recipe says what it is for, and leaves out what may not be"
    console.print(f"{escape(found.release)} is made for {escape(stated)}.", highlight=False)
    table = Table("licence", "allows", "asks for", "kept", "dropped", box=None, pad_edge=False)
    for line in found.lines:
        kept, dropped = str(line.kept), str(line.dropped) if line.dropped else ""
        table.add_row(escape(line.license or "none"), allows(line.terms), asks(line.terms), kept, dropped)
    console.print(table, highlight=False)
    console.print(f"All that was kept together: {allows(found.whole)}; {asks(found.whole) or 'nothing asked'}.")
    for chain in found.chains:
        console.print(escape(f"Dropped for {chain.line()}."), highlight=False)
    for name, cure in found.unknown.items():
        console.print(escape(f"Nobody has classed '{name}', so it counts as the strictest. {cure}"), highlight=False)


def allows(terms: Terms) -> str:
    """The use that terms allow, in words."""
    return "unknown" if terms.unknown else MEANING[terms.use]


def asks(terms: Terms) -> str:
    """What terms ask for, in words."""
    asked = ["attribution"] if terms.attribution else []
    asked += ["share alike"] if terms.share_alike else []
    asked += ["no changed copies"] if terms.no_derivatives else []
    return ", ".join(asked)
