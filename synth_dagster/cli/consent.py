"""`synth consent`: what the web sites of a dataset say to those who train, and having their terms read."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode
from synth_dagster.governance.consent import ConsentReport, consent_report
from synth_dagster.governance.site_terms import TermsRead, read_terms
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import RunContext

SHOWN = 10  # hosts that nobody has looked up


def show_consent(given: Path | None, name: str | None, *, terms: bool, to_look_up: bool, as_json: bool) -> int:
    """Print what sites say, or the hosts to look up; with `terms` read their terms of service before.

    Returns the exit code: failed where a page gave no usable answer.
    """
    project = open_project(given)
    recipe = project.recipe(name)
    read = _read(project, recipe) if terms else None
    found = consent_report(project.lake, recipe, project.root)
    console = Terminal()
    if as_json:
        print_json(found.as_json() | ({"read": [read.read, read.before, list(read.unusable)]} if read else {}))
    elif to_look_up:
        console.print("\n".join(found.not_looked_up), markup=False, highlight=False, soft_wrap=True)
    else:
        for line in _of_reading(read) if read else ():
            console.print(escape(line), highlight=False)
        _print(console, found)
    return int(ExitCode.FAILED if read and read.unusable else ExitCode.DONE)


def _read(project: Project, recipe: Recipe) -> TermsRead:
    with project.environment.gateway(os.environ) as teachers:
        run = uuid.uuid4().hex
        context = RunContext(
            recipe=recipe,
            lake=project.lake,
            teachers=teachers,
            places=project.environment.places,
            run_id=run,
            session_id=run,
            live=True,
        )
        return read_terms(context, today=datetime.now(UTC).date())


def _of_reading(read: TermsRead) -> Iterator[str]:
    yield f"Read {read.read} pages of terms of service; {read.before} were read before."
    for page in read.unusable:
        yield f"No usable answer about {page}: words are looked for in it. Run it again, or write terms.json by hand."


def _print(console: Terminal, found: ConsentReport) -> None:
    console.print(
        f"{escape(found.dataset)}: {found.tokens:,} tokens, {found.tokens_with_address:,} of them with an address, "
        f"from {found.sites:,} sites.",
        highlight=False,
    )
    if found.days:
        console.print("Share of tokens that robots.txt keeps from one or more organisations that train:")
        console.print(_over_time(found), highlight=False)
        newest = found.days[-1]
        told = {name: one for name, one in newest.by_organisation.items() if one.some}
        for name, one in sorted(told.items(), key=lambda item: -item[1].full):
            console.print(f"  {escape(name)}: all {one.full:.1%}, some {one.some:.1%}", highlight=False)
    if found.terms:
        said = ", ".join(f"{name.replace('_', ' ')} {share:.1%}" for name, share in found.terms.items())
        console.print(f"Terms of service, by tokens: {said}; unsure {found.unsure:.1%}.", highlight=False)
    if missing := found.not_looked_up:
        more = " and more" if len(missing) > SHOWN else ""
        named = ", ".join(missing[:SHOWN])
        console.print(
            escape(f"Not looked up: {named}{more}. 'synth consent --to-look-up' lists all that an estimate needs."),
            highlight=False,
        )


def _over_time(found: ConsentReport) -> Table:
    table = Table("day", "all of it", "some of it", "looked up", "all, estimated", box=None, pad_edge=False)
    for one in found.days:
        guess = "" if one.estimate is None else f"{one.estimate:.1%}"
        table.add_row(
            one.day, f"{one.restricted.full:.1%}", f"{one.restricted.some:.1%}", f"{one.looked_up:.1%}", guess
        )
    return table
