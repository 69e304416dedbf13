"""`synth show` and `synth trace`: records and their lineage, for people and as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, plain, print_json
from synth_dagster.errors import UnknownName
from synth_dagster.governance.trace import Trace, trace

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


def show_trace(given: Path | None, record: str, *, as_json: bool) -> None:
    """Print a record's ancestors and descendants. Raises UnknownName for an unknown or ambiguous id."""
    project = open_project(given)
    found = trace(project.lake, record)
    if as_json:
        print_json(found.as_json())
    else:
        _print_trace(Terminal(), found)


def _print_trace(console: Console, found: Trace) -> None:
    console.print("[bold]made from[/bold]")
    for entry in found.ancestors:
        console.print(_indented(entry), highlight=False)
    if not found.ancestors:
        console.print("  nothing: it came from outside")
    console.print(f"[bold]record[/bold]\n  {_line(found.record)}", highlight=False)
    console.print("[bold]made of it[/bold]")
    for entry in found.descendants:
        console.print(_indented(entry), highlight=False)
    if not found.descendants:
        console.print("  nothing yet")
    for verdict in found.record["verdicts"]:
        console.print(f"[bold]release {verdict['release']}[/bold]: {escape(_verdict(verdict))}", highlight=False)


def _indented(entry: Mapping[str, Any]) -> str:
    return "  " * entry["distance"] + _line(entry)


def _verdict(verdict: Mapping[str, Any]) -> str:
    of = f", a duplicate of {verdict['duplicate_of']}" if verdict["duplicate_of"] else ""
    return verdict["verdict"] + (f" by {verdict['reason']}" if verdict["reason"] else "") + of


def _line(entry: Mapping[str, Any]) -> str:
    facts = [f"{entry['stage']} {entry['record_id']}", f"by {entry['method']}"]
    facts += [f"model {entry['model_id']}"] if entry.get("model_id") else []
    facts += [f"prompt {entry['prompt_hash'][:12]}"] if entry.get("prompt_hash") else []
    facts += [f"source {entry['source']}"] if entry.get("source") else []
    return escape(", ".join([*facts, f"run {str(entry['run_id'])[:8]}"]))
