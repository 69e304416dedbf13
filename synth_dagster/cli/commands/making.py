"""Commands that make a dataset, or say what a run would make, costs and waits for."""

from typing import Annotated

import typer

from synth_dagster.cli.options import AsJson, Dataset, ProjectDir


def run(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's file or dataset; default: python_help.")] = None,
    batch: Annotated[list[str] | None, typer.Option(help="Only this batch, and no release. May be repeated.")] = None,
    release: Annotated[str | None, typer.Option(help="The release's name; default: the next number.")] = None,
    allow_missing: Annotated[bool, typer.Option(help="Release without the batches that failed.")] = False,
    retry_rejects: Annotated[
        bool, typer.Option("--retry-rejects", help="Ask again for answers that could not be used.")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Try every stage on a few records and keep none.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="With --preview: on about so many passages; 20.")] = None,
    project: ProjectDir = None,
) -> None:
    """Make what is new or changed: batches through all stages, then a release. A second run makes nothing twice."""
    if preview or limit is not None:
        from synth_dagster.cli.tryout import preview_recipe

        whole = {"--batch": batch, "--release": release, "--allow-missing": allow_missing}
        whole["--retry-rejects"] = retry_rejects
        raise typer.Exit(preview_recipe(project, recipe, limit=limit, is_asked=preview, others=whole))
    from synth_dagster.cli.run import run_recipe

    asked = {"batches": batch or [], "release": release, "allow_missing": allow_missing, "retry_rejects": retry_rejects}
    raise typer.Exit(run_recipe(project, recipe, **asked))


def plan(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's file or dataset; default: python_help.")] = None,
    batch: Annotated[list[str] | None, typer.Option(help="Only this batch. May be repeated.")] = None,
    by_batch: Annotated[bool, typer.Option("--by-batch", help="Also what each batch would do, and why.")] = False,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Say what a run would make, ask, cost and take, before any call: what is new, stale or current, and why."""
    from synth_dagster.cli.plan import show_plan

    show_plan(project, recipe, batches=batch or [], by_batch=by_batch, as_json=as_json)


def status(dataset: Dataset = None, as_json: AsJson = False, project: ProjectDir = None) -> None:
    """Say what there is: records by stage, releases with their verdicts, checks, and what the teachers cost."""
    from synth_dagster.cli.status import show_status

    show_status(project, dataset, as_json=as_json)


def batches(
    cancel: Annotated[
        str | None, typer.Option(metavar="ID", help="Have the provider end this one; what it has answered is kept.")
    ] = None,
    forget: Annotated[
        str | None, typer.Option(metavar="ID", help="Wait no more for this one, whose provider cannot be asked.")
    ] = None,
    ended: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    dataset: Annotated[str | None, typer.Option(help="Only of this dataset.")] = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """List what waits in provider batches, since when and at what cost, or give one up."""
    from synth_dagster.cli.batches import cancel_batch, forget_batch, show_batches

    if cancel is not None and forget is not None:
        raise typer.BadParameter("takes one of --cancel and --forget")
    if cancel is not None:
        cancel_batch(project, cancel)
    elif forget is not None:
        forget_batch(project, forget)
    else:
        show_batches(project, dataset, ended=ended, as_json=as_json)


def consent(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's file or dataset; default: python_help.")] = None,
    terms: Annotated[
        bool, typer.Option("--read-terms", help="Have the judge read the terms of service that nobody has read.")
    ] = False,
    to_look_up: Annotated[
        bool, typer.Option("--to-look-up", help="Only the hosts that nobody has looked up, one a line, for a crawler.")
    ] = False,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Say what the web sites of a dataset say to those who train, day by day, in tokens."""
    from synth_dagster.cli.consent import show_consent

    raise typer.Exit(show_consent(project, recipe, terms=terms, to_look_up=to_look_up, as_json=as_json))
