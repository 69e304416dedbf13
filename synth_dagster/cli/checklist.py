"""`synth checklist`: how open a release is, for people and as JSON."""

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode
from synth_dagster.governance.checklist import Checklist, checklist
from synth_dagster.governance.handover import the_release


def show_checklist(given: Path | None, dataset: str | None, release: str, *, as_json: bool) -> int:
    """Print the checklist. Returns the exit code: failed where a published release may not be published.

    Raises UnknownName for another release.
    """
    project = open_project(given)
    found = checklist(project.lake, the_release(project.lake, project.dataset(dataset), release))
    if as_json:
        print_json(found.as_json())
    else:
        _print(Terminal(), found)
    return int(ExitCode.FAILED if found.published and found.blockers else ExitCode.DONE)


def _print(console: Terminal, found: Checklist) -> None:
    console.print(escape(f"{found.dataset} {found.release}: {found.line()}"), highlight=False)
    for section, (held, of) in found.scores.items():
        table = Table(f"{section}, {held} of {of}", "", "where to look", box=None, pad_edge=False)
        for item in (one for one in found.items if one.section == section):
            table.add_row(escape(item.question), item.answer, escape(item.evidence))
        console.print(table, highlight=False)
    for blocker in found.blockers.values():
        console.print(escape(f"It cannot be published: {blocker}"), highlight=False)
