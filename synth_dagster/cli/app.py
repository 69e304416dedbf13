"""The commands of `synth`, their arguments and their help. What a command does stands in the module of its name."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from synth_dagster.errors import ExitCode, SynthError

app = typer.Typer(
    name="synth",
    help="Make, look at and hand over training data, as Dagster assets with lineage and gates.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
teacher_app = typer.Typer(help="The models that write and judge.", no_args_is_help=True)
app.add_typer(teacher_app, name="teacher")
method_app = typer.Typer(help="Methods of your own.", no_args_is_help=True)
app.add_typer(method_app, name="method")
keys_app = typer.Typer(help="Keys that sign what is handed over.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Dataset = Annotated[str | None, typer.Option(help="The dataset, where the lake holds several.")]
Purpose = Annotated[
    str | None,
    typer.Option(help="Refuse what licences keep from commercial, unspecified, non_commercial or research use."),
]
Public = Annotated[bool, typer.Option("--public", help="It leaves your house: refuse what may not be passed on.")]
Obey = Annotated[
    bool, typer.Option("--obey", help="Refuse also what sites and their terms keep from training or from that use.")
]
ProjectDir = Annotated[
    Path | None, typer.Option("--project", envvar="SYNTH_PROJECT", help="The project's folder; default: here or above.")
]


@app.command()
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


@app.command()
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


@app.command()
def status(dataset: Dataset = None, as_json: AsJson = False, project: ProjectDir = None) -> None:
    """Say what there is: records by stage, releases with their verdicts, checks, and what the teachers cost."""
    from synth_dagster.cli.status import show_status

    show_status(project, dataset, as_json=as_json)


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def audit(
    release: Annotated[str, typer.Argument(help="A release, such as r0001, or 'latest'.")] = "latest",
    to: Annotated[Path | None, typer.Option(help="Also write the page to this file.")] = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Answer the fifteen questions of an audit of a release, on a page to keep: from what is stored, nothing is run."""
    from synth_dagster.cli.audit import audit_release

    audit_release(project, dataset, release, to=to, as_json=as_json)


@app.command()
def backlog(
    release: Annotated[str, typer.Argument(help="A release, such as r0001, or 'latest'.")] = "latest",
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


@app.command()
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


@method_app.command("new")
def new_method(
    kind: Annotated[str, typer.Argument(help="Its kind, such as filter or synthesize.")],
    slug: Annotated[str, typer.Argument(help="Its name, as recipes write it.")],
    package: Annotated[
        Path | None, typer.Option(help="The folder of a package of your own; default: the one here, else the checkout.")
    ] = None,
) -> None:
    """Begin a method: its file and a test that fails until both are filled in."""
    from synth_dagster.cli.new_method import begin_method

    begin_method(kind, slug, package)


@app.command()
def export(
    release: Annotated[str, typer.Argument(help="A release, such as r0001, or 'latest'.")],
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


@app.command()
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


@app.command()
def approvals(
    release: Annotated[str | None, typer.Argument(help="Only of this release, or of 'latest'.")] = None,
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """List how releases stand, and who approved or revoked what, when and why."""
    from synth_dagster.cli.approve import show_approvals

    show_approvals(project, dataset, release, as_json=as_json)


@app.command()
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


@app.command()
def licences(
    release: Annotated[str, typer.Argument(help="A release, such as r0001, or 'latest'.")] = "latest",
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


@app.command()
def checklist(
    release: Annotated[str, typer.Argument(help="A release, such as r0001, or 'latest'.")] = "latest",
    dataset: Dataset = None,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Say how open a release is, section by section, and what keeps it from being published.

    It ends with 1 if the recipe marks the release as published and something does.
    """
    from synth_dagster.cli.checklist import show_checklist

    raise typer.Exit(show_checklist(project, dataset, release, as_json=as_json))


@app.command()
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


@app.command()
def new(directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")]) -> None:
    """Begin a project: assets, resources, expectations and a recipe, ready to run."""
    from synth_dagster.cli.new import new_project

    new_project(directory)


@app.command()
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


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of Dagster; the explorer has SYNTH_PAGES'.")] = 3000,
    project: ProjectDir = None,
) -> None:
    """Open Dagster on what was made, with the explorer of the lake beside it."""
    from synth_dagster.cli.ui import open_ui

    raise typer.Exit(open_ui(project, port))


@teacher_app.command("check")
def teacher_check(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's file or dataset; default: python_help.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Ask about 20 passages, and pay for them.")] = False,
    passages: Annotated[int, typer.Option(min=1, help="With --sample: about so many passages.")] = 20,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Reach each role of a recipe and say what it can do, how fast it is, or why it cannot be used."""
    from synth_dagster.cli.teacher import check_teachers

    raise typer.Exit(check_teachers(project, recipe, sample=passages if sample else None, as_json=as_json))


@teacher_app.command("serve")
def teacher_serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8321,
) -> None:
    """Serve the embedded teacher on loopback, for any OpenAI client."""
    from synth_dagster.cli.teacher import serve_teacher

    serve_teacher(port)


@keys_app.command("new")
def keys_new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it goes; FILE.pub is beside it.")],
) -> None:
    """Make an Ed25519 key. SYNTH_SIGNING_KEY names the one that signs."""
    from synth_dagster.cli.keys import make_key

    make_key(file)


@keys_app.command("show")
def keys_show(
    key: Annotated[str, typer.Argument(metavar="FILE", help="A private or a public key.")], as_json: AsJson = False
) -> None:
    """Print a key's name, by which signatures name it."""
    from synth_dagster.cli.keys import show_key

    show_key(key, as_json=as_json)


STOPPED = 130  # what a shell says of a command that Ctrl-C ended


def main() -> None:
    """Run `synth`. A user's mistake ends in a sentence and an exit code, never in a traceback."""
    code = _exit_code()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        from synth_dagster.cli.terminal import forget_stdout

        forget_stdout()
    raise SystemExit(code)


def _exit_code() -> int:
    try:
        app()
    except SynthError as error:
        print(f"synth: {error}", file=sys.stderr)  # noqa: T201  # this is the terminal
        return int(error.exit_code)
    except SystemExit as end:  # how the parser ends every command
        if end.code == STOPPED:
            print("synth: stopped. What was paid for is kept; the same command goes on.", file=sys.stderr)  # noqa: T201  # terminal
        return end.code if isinstance(end.code, int) else int(ExitCode.DONE)
    return int(ExitCode.DONE)
