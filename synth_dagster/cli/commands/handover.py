"""Commands that hand a release over: approve it, write it out, check what was handed over."""

from typing import Annotated

import typer

from synth_dagster.cli.options import AsJson, Dataset, Obey, ProjectDir, Purpose, Release


def approve(
    release: Annotated[str, typer.Argument(help="The release that was looked at, such as r0001.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="The person who answers for it.")],
    comment: Annotated[str, typer.Option(metavar="TEXT", help="What was looked at and why; kept and handed out.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Take every approval of it back.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Approve although an approval was revoked.")] = False,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Approve a release for publication, as a named person with a comment, or revoke that. Signed if a key is named."""
    from synth_dagster.cli.approve import approve_release

    said = {"by": by, "comment": comment, "revoke": revoke, "again": again}
    approve_release(project, dataset, release, **said, as_json=as_json)


def approvals(
    release: Annotated[str | None, typer.Argument(help="Only of this release, or of 'latest'.")] = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """List how releases stand, and who approved or revoked what, when and why."""
    from synth_dagster.cli.approve import show_approvals

    show_approvals(project, dataset, release, as_json=as_json)


def export(
    release: Release,
    to: Annotated[str, typer.Option(help="The folder to write, or s3://BUCKET/PREFIX.")],
    format: Annotated[
        str, typer.Option("--format", help="trl, openai, alpaca, sharegpt, axolotl, llama_factory or parquet.")
    ] = "trl",
    validation: Annotated[
        float | None, typer.Option(help="Hold out this share of the rows, such as 0.05, by whole documents.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws what is held out.")] = 1,
    shard_size: Annotated[
        str | None, typer.Option(help="Begin a new file after so many rows (50000) or bytes (200MB).")
    ] = None,
    only_chosen: Annotated[bool, typer.Option(help="Of preference pairs the better side, as conversations.")] = False,
    purpose: Purpose = None,
    public: Annotated[
        bool, typer.Option(help="It leaves your house: refuse what may not be passed on, or nobody has approved.")
    ] = False,
    obey: Obey = False,
    beside: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="Beside the data: c2pa, croissant (default), data_provenance, eu_summary, prov, spdx; all or none.",
        ),
    ] = None,
    creator: Annotated[str | None, typer.Option(help="Who publishes it, for what is written beside the data.")] = None,
    url: Annotated[str | None, typer.Option(help="Where it can be downloaded, for the same.")] = None,
    dataset: Dataset = None,
    project: ProjectDir = None,
) -> None:
    """Write a release as files that a trainer reads, with a manifest and checksums."""
    from synth_dagster.cli.export import export_release

    export_release(
        project,
        dataset,
        release,
        format_=format,
        to=to,
        validation=validation,
        seed=seed,
        shard=shard_size,
        only_chosen=only_chosen,
        purpose=purpose,
        public=public,
        obey=obey,
        standards=beside,
        creator=creator,
        url=url,
    )


def verify(
    what: Annotated[
        str,
        typer.Argument(
            metavar="DIR|RELEASE|FILE",
            help="An export (a folder or s3://BUCKET/PREFIX), a release, or an erasure's receipt.",
        ),
    ],
    key: Annotated[
        str | None, typer.Option(help="The key that should have signed it: FILE.pub or its name; default: your own.")
    ] = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Check that an export, a release in the lake or a receipt is what it was, and whose signature it has."""
    from synth_dagster.cli.verify import verify_what

    raise typer.Exit(verify_what(project, what, dataset=dataset, key=key, as_json=as_json))
