"""Commands about records: look at them, follow them, let them go."""

from pathlib import Path
from typing import Annotated

import typer

from synth_dagster.cli.options import AsJson, Dataset, ProjectDir


def show(
    stage: Annotated[str, typer.Argument(help="A table, such as preference_pairs, verdicts or rejects.")],
    where: Annotated[
        str | None, typer.Option(help="A read-only SQL condition, such as \"source = 'handbook'\".")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many records.")] = 10,
    as_of: Annotated[str | None, typer.Option(help="As the table was after this run (id or its beginning).")] = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Show records of a stage."""
    from synth_dagster.cli.show import show_records

    show_records(project, dataset, stage, where=where, limit=limit, as_of=as_of, as_json=as_json)


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT over the tables of the dataset.")],
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 100,
    as_of: Annotated[str | None, typer.Option(help="As the tables were after this run (id or its beginning).")] = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Ask the tables of a dataset in SQL: one read-only SELECT, in DuckDB, which sees nothing else."""
    from synth_dagster.cli.query import show_answer

    show_answer(project, dataset, sql, limit=limit, as_of=as_of, as_json=as_json)


def trace(
    record: Annotated[str | None, typer.Argument(metavar="[ID]", help="A record's id, or the beginning of it.")] = None,
    source: Annotated[str | None, typer.Option(help="All records of this source, and what was made of them.")] = None,
    prompt: Annotated[str | None, typer.Option(help="All that were asked for with this prompt (its hash).")] = None,
    model: Annotated[str | None, typer.Option(help="All that this model wrote.")] = None,
    run: Annotated[str | None, typer.Option(help="All that this run made (its id).")] = None,
    since: Annotated[str | None, typer.Option(help="Only those made then or later: 2026-03-01, in UTC.")] = None,
    until: Annotated[str | None, typer.Option(help="Only those made before: 2026-04-01.")] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Only those that a release has kept.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show so many records.")] = 20,
    to: Annotated[Path | None, typer.Option(help="Write all records to this file, one JSON object a line.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Of one record: also the words, down to its sources.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Of one record: a graph that Mermaid draws.")] = False,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Show what a record was made from, down to its source, and what was made from it; or how far a source reaches."""
    from synth_dagster.cli.trace import BadTrace, moment, show_reach, show_trace
    from synth_dagster.governance.reach import Asked

    of_many = (source, prompt, model, run, since, until, kept or None, to, dataset)
    if record is not None:
        if of_many != (None,) * len(of_many):
            raise BadTrace("An ID is one record; --source, --prompt, --model, --run and the like are about many.")
        show_trace(project, record, limit=limit, as_json=as_json, mermaid=mermaid, texts=text)
        return
    if text or mermaid:
        raise BadTrace("--text and --mermaid are about one record. Give its ID.")
    times = {"since": moment("--since", since), "until": moment("--until", until)}
    asked = Asked(source=source, prompt=prompt, model=model, run=run, kept=kept, dataset=dataset, **times)
    show_reach(project, asked, limit=limit, as_json=as_json, to=to)


def erase(
    source: Annotated[str | None, typer.Option(help="All records of this source.")] = None,
    record: Annotated[str | None, typer.Option(metavar="ID", help="This record (its id, or the beginning).")] = None,
    where: Annotated[
        str | None, typer.Option(help="Records that fit a read-only SQL condition, such as \"url like '%/a/%'\".")
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Also records of the same content, now and when it comes again.")
    ] = False,
    children: Annotated[
        str,
        typer.Option(
            metavar="drop|remake",
            help="Children that have other parents too: let them go, or have the next run make them anew from those.",
        ),
    ] = "drop",
    search: Annotated[
        str,
        typer.Option(
            metavar="everything|touched",
            help="What the proof opens: all files, or those of batches that hold something and all that is no table.",
        ),
    ] = "everything",
    yes: Annotated[bool, typer.Option("--yes", help="Erase. Without it only what would go is said.")] = False,
    yes_everything: Annotated[
        bool, typer.Option("--yes-everything", help="Beside --yes: also if nothing of the dataset is left.")
    ] = False,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Erase records with all that was made from them, and prove that nothing is left. A dry run without --yes."""
    from synth_dagster.cli.erase import erase_records

    asked = {"source": source, "record": record, "where": where, "everywhere": everywhere}
    asked |= {"children": children, "search": search}
    raise typer.Exit(erase_records(project, dataset, **asked, yes=yes, yes_everything=yes_everything, as_json=as_json))


def quarantine(
    release: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Let this record go, or 'all' listed. May be repeated."),
    ] = None,
    hold: Annotated[list[str] | None, typer.Option(metavar="ID", help="Hold one that was released again.")] = None,
    comment: Annotated[str | None, typer.Option(help="Why; it is kept.")] = None,
    by: Annotated[str | None, typer.Option(help="Who decides; default: your user name.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only of this stage.")] = None,
    batch: Annotated[str | None, typer.Option(help="Only of this batch.")] = None,
    check: Annotated[str | None, typer.Option(help="Only of this check, such as injected_instructions.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that people have released.")] = False,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """List the records that guards hold back, or let some go, with a comment."""
    from synth_dagster.cli.quarantine import settle_quarantine, show_quarantine

    place = {"stage": stage, "batch": batch, "check": check}
    if release or hold:
        settle_quarantine(project, dataset, release=release or [], hold=hold or [], comment=comment, by=by, **place)
    else:
        show_quarantine(project, dataset, **place, everything=everything, as_json=as_json)
