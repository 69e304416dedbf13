"""Commands of a project: begin one, see what methods there are, open its pages."""

from pathlib import Path
from typing import Annotated

import typer

from synth_dagster.cli.options import AsJson, ProjectDir


def methods(
    purpose: Annotated[
        str | None, typer.Option("--for", help="What it is for, such as 'math reasoning'; the best first.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind, such as filter.")] = None,
    needs: Annotated[
        list[str] | None,
        typer.Option(
            help="Only what needs no more: teacher, embedder, sandbox, training, or nothing. May be repeated."
        ),
    ] = None,
    stage: Annotated[str | None, typer.Option(help="Only for this: pretrain, instruct, preference or eval.")] = None,
    as_json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/methods.md.")] = False,
) -> None:
    """List the methods: what each reads, makes and needs, and how far it is proven."""
    from synth_dagster.cli.methods import Wish, show_methods

    wish = Wish(kind=kind, needs=tuple(needs) if needs else None, stage=stage, purpose=purpose)
    show_methods(wish, as_json=as_json, markdown=markdown)


def new(directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")]) -> None:
    """Begin a project: assets, resources, expectations and a recipe, ready to run."""
    from synth_dagster.cli.new import new_project

    new_project(directory)


def explore(
    host: Annotated[
        str | None, typer.Option(help="Where to listen; default: 127.0.0.1. Another needs SYNTH_EXPLORE_TOKEN.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: that of SYNTH_PAGES, 3070. 0 takes a free one.")
    ] = None,
    project: ProjectDir = None,
) -> None:
    """Open a page to search records, follow their lineage, compare releases and see what an erasure would take."""
    from synth_dagster.cli.explore import explore as explore_lake

    raise typer.Exit(explore_lake(project, host, port))


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of Dagster; the explorer has SYNTH_PAGES'.")] = 3000,
    project: ProjectDir = None,
) -> None:
    """Open Dagster on what was made, with the explorer of the lake beside it."""
    from synth_dagster.cli.ui import open_ui

    raise typer.Exit(open_ui(project, port))
