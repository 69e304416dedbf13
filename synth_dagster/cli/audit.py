"""`synth audit`: the fifteen questions about a release, answered on a page, in the terminal, and as JSON."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.storage.folder import write_whole

if TYPE_CHECKING:
    from synth_dagster.governance.questions import Answered

STYLES = {"answered": "green", "partly": "yellow", "not known": "red"}


class NoFile(SynthError):
    """What was named cannot be a file."""

    exit_code = ExitCode.USAGE


def audit_release(given: Path | None, dataset: str | None, name: str, *, to: Path | None, as_json: bool) -> None:
    """Write the page anew, and tell what is on it. Raises UnknownName, and SynthError for a withdrawn release."""
    from synth_dagster.governance.handover import the_release
    from synth_dagster.governance.questions import answered, audit_json, completeness
    from synth_dagster.governance.report import release_facts, stored_recipe, write_report
    from synth_dagster.runner.vectors import Beside, known_vectors

    project = open_project(given)
    if to is not None and to.is_dir():
        raise NoFile(f"--to {to} is a folder. Name a file in it.")
    lake = project.lake
    release = the_release(lake, project.dataset(dataset), name)
    recipe = stored_recipe(lake, release, project.root)
    with ExitStack() as stack:
        vectors = None
        if recipe is not None:
            gateway = stack.enter_context(project.environment.gateway(os.environ))
            vectors = stack.enter_context(known_vectors(Beside(recipe, lake, gateway), recipe.mix.of))
        facts = release_facts(lake, release, recipe, project.root, vectors)
    if as_json and to is None:
        print_json(audit_json(facts))
        return
    written = write_report(lake, facts)
    if to is not None:
        page = lake.store.read(f"reports/{release.dataset}/{release.release}.html")
        write_whole(to.absolute(), lambda file: file.write(page), needed=len(page))
    if as_json:
        print_json(audit_json(facts))
        return
    console, found = Terminal(), answered(facts)
    demo = " [yellow]demo: made by the embedded teacher, not for training[/yellow]" if release.demo else ""
    console.print(f"[bold]{escape(release.dataset)} {escape(release.release)}[/bold]{demo}", highlight=False)
    console.print(f"Approval: {escape(written.approval)}", highlight=False)
    for one in found:
        _print(console, one)
    told = completeness(found)
    console.print(f"{told['answered']} answered, {told['partly']} partly, {told['not known']} not known.")
    console.print(f"The page: {escape(str(to) if to else written.page)}", highlight=False)


def _print(console: Terminal, one: "Answered") -> None:
    answer = one.answer
    style = STYLES[answer.state]
    console.print(f"{one.number:>2}. {escape(one.asked)} [{style}]{answer.state}[/{style}]", highlight=False)
    for line in (answer.said, f"Not known: {'; '.join(answer.unknown)}." if answer.unknown else ""):
        if line:
            console.print(f"    {escape(line)}", highlight=False)
