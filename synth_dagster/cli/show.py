"""`synth show`: records, for people and as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import UnknownName
from synth_dagster.lake.lake import Lake
from synth_dagster.records import plain

HEAD = ("record_id", "stage", "batch", "source", "status", "reason", "method", "model_id", "license", "release")
TEXTS = ("title", "text", "messages", "prompt", "chosen", "rejected", "rationale", "raw", "detail")


def show_records(
    given: Path | None,
    dataset: str | None,
    stage: str,
    *,
    where: str | None,
    limit: int,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Print records of a stage. Raises UnknownName for another stage, LakeError for what is no read-only condition."""
    project = open_project(given)
    name = project.dataset(dataset)
    known = project.lake.table_names(name)
    if stage not in known:
        raise UnknownName(f"table of {name}", stage, known)
    rows = project.lake.read(name, stage, where=where, limit=limit, as_of=as_of).to_pylist()
    if as_json:
        print_json(rows)
        return
    console = Terminal()
    for row in rows:
        _print(console, stage, row)
    if not rows:
        console.print("No record fits.")


def print_texts(lake: Lake, entries: Sequence[Mapping[str, Any]]) -> None:
    """Print the records themselves, in this order. One that no table shows any more is passed over."""
    console = Terminal()
    for entry in entries:
        if entry["dataset"]:
            where = f"record_id = unhex('{entry['record_id']}')"
            for row in lake.read(entry["dataset"], entry["stage"], batches=[entry["batch"]], where=where).to_pylist():
                _print(console, entry["stage"], row)


def _print(console: Console, stage: str, row: Mapping[str, Any]) -> None:
    head = {name: plain(row[name]) for name in HEAD if row.get(name)}
    console.rule(escape(str(head.pop("record_id", stage))), align="left")
    console.print(escape("  ".join(f"{name}={value}" for name, value in head.items())), style="dim", highlight=False)
    rest = {name: value for name, value in row.items() if name not in (*HEAD, *TEXTS, "parents", "calls", "evidence")}
    for name in TEXTS:
        if row.get(name):
            console.print(f"[bold]{name}[/bold] {escape(_spoken(row[name]))}", highlight=False)
    if not any(row.get(name) for name in TEXTS):
        console.print(escape(json.dumps(plain(rest), ensure_ascii=False)), highlight=False)


def _spoken(value: Any) -> str:
    if isinstance(value, list):
        return "\n  ".join(f"{turn['role']}: {turn['content']}" for turn in value)
    return str(value)
