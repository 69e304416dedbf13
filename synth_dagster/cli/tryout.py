"""`synth run --preview`: every stage on a few records, shown side by side, and nothing of it kept."""

import os
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.progress import TerminalProgress, shortened
from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal
from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.sessions import Usage
from synth_dagster.recipe import Recipe
from synth_dagster.records import RecordKind
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.told import money
from synth_dagster.runner.tryout import Line, Tried, try_out

PASSAGES = 20
WIDE = 100  # a terminal narrower than this gets a record's stages below each other
MOST_CHARACTERS = 420


class BadPreview(SynthError):
    """Options that do not go together."""

    exit_code = ExitCode.USAGE


def preview_recipe(
    given: Path | None, name: str | None, *, limit: int | None, is_asked: bool, others: Mapping[str, object]
) -> int:
    """Try a recipe on a few records and print what came of each. Returns the exit code."""
    if not is_asked:
        raise BadPreview("--limit is for a look before a run, which keeps nothing: add --preview, or leave it out.")
    if wrong := [option for option, value in others.items() if value]:
        raise BadPreview(f"--preview keeps nothing, so {' and '.join(wrong)} cannot go with it. Leave one of them out.")
    console, started = Terminal(), time.monotonic()
    project = open_project(given)
    recipe = project.recipe(name)
    tried, usage = tried_out(console, project, recipe, limit or PASSAGES)
    _print(console, recipe, tried)
    _print_sums(console, recipe, tried, usage, time.monotonic() - started)
    return int(ExitCode.FAILED if tried.causes else ExitCode.DONE)


def tried_out(console: Console, project: Project, recipe: Recipe, limit: int) -> tuple[Tried, Usage]:
    """What comes of about so many passages, and what they cost. Only the teacher's answers are kept."""
    with (
        tempfile.TemporaryDirectory(prefix="synth-preview-") as scratch,
        project.environment.gateway(os.environ) as teachers,
        TerminalProgress(console) as progress,
    ):
        run = uuid.uuid4().hex
        context = RunContext(
            recipe=recipe,
            lake=Lake.open(scratch),
            teachers=teachers,
            places=project.environment.places,
            run_id=run,
            session_id=run,
            progress=progress,
            own_spending=project.lake.spending,  # what is paid for a look counts like any other
            live=True,
        )
        try:
            tried = try_out(context, limit)
        finally:
            usage = context.lake.sessions.usage(session_id=run)
            _remember(project.lake, recipe, run, usage)
    return tried, usage


def _remember(lake: Lake, recipe: Recipe, run: str, usage: Usage) -> None:
    """What the teachers cost is part of what they ever cost, whether or not its records are kept."""
    if usage.calls:
        lake.sessions.add_usage(run, run, recipe.dataset, "preview", "preview", "all", usage)


# ---------------------------------------------------------------------------------------------------------- for people


def _print(console: Console, recipe: Recipe, tried: Tried) -> None:
    if console.width >= WIDE:
        console.print(_side_by_side(recipe, tried.lines), soft_wrap=False)
        return
    for line in tried.lines:
        console.rule(style="dim")
        for stage, record in reversed(list(line.records.items())):
            text = _cell(record, recipe.stage(stage).record_kind)
            console.print(f"[bold]{stage}[/bold]\n{escape(text)}", highlight=False)
        console.print(f"[bold]verdict[/bold]\n{escape(line.fate)}", highlight=False)


def _side_by_side(recipe: Recipe, lines: Sequence[Line]) -> Table:
    table = Table(show_lines=True, header_style="bold", expand=True)
    for stage in recipe.stages:
        table.add_column(stage, ratio=3, overflow="fold")
    table.add_column("verdict", ratio=1, overflow="fold")
    for line in lines:
        cells = [
            escape(_cell(line.records[stage], kept.record_kind)) if stage in line.records else ""
            for stage, kept in recipe.stages.items()
        ]
        table.add_row(*cells, escape(line.fate))
    return table


def _cell(record: Mapping[str, Any], kind: RecordKind) -> str:
    """A record as its reader would want it in a few lines."""
    if kind == "document":
        return _cut(" ".join(filter(None, [record["title"] and f"{record['title']}:", record["text"] or ""])))
    if kind == "instruction":
        return "\n".join(_cut(f"{turn['role']}: {turn['content']}") for turn in record["messages"])
    sides = (("chosen", "chosen_score"), ("rejected", "rejected_score"))
    return "\n".join(
        _cut(f"{side}{_score(record[score])}: {' '.join(turn['content'] or '' for turn in record[side])}")
        for side, score in sides
    )


def _score(score: float | None) -> str:
    return "" if score is None else f" ({score:g})"


def _cut(text: str) -> str:
    return shortened(" ".join(text.split()), MOST_CHARACTERS)


def _print_sums(console: Console, recipe: Recipe, tried: Tried, usage: Usage, seconds: float) -> None:
    counts = ", ".join(f"{stage} {count}" for stage, count in tried.counts.items())
    console.print(f"\n[bold]{recipe.dataset}[/bold], tried in {seconds:.1f} s: {counts}", highlight=False)
    if tried.rejects:
        unusable = ", ".join(f"{reason} {count}" for reason, count in tried.rejects.items())
        console.print(f"became no record: {escape(unusable)}", highlight=False)
    tokens = usage.tokens_in + usage.tokens_out
    cost = f"{usage.calls} calls, {usage.cached} cached, {tokens:,} tokens, {money([usage.usd])}"
    console.print(f"teacher: {cost}", highlight=False)
    for cause in tried.causes:
        console.print(f"[red]nothing came[/red]: {escape(cause)}", highlight=False)
    console.print(
        "No gate ran and no record was kept. What the teacher answered is in its cache, so that a run does not pay for "
        f"it again. Next: synth run {recipe.dataset}",
        highlight=False,
    )
