"""`synth trace`: a record's lineage, or how far a source, a prompt, a model or a run reaches."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console
from rich.markup import escape

from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.show import print_texts
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.governance.mermaid import drawn
from synth_dagster.governance.reach import Asked, Reach, first, lines, reach
from synth_dagster.governance.scores import flat
from synth_dagster.governance.trace import Trace, trace
from synth_dagster.lake.lineage import Lineage, Moment
from synth_dagster.records import plain
from synth_dagster.storage.folder import write_whole

Entry = Mapping[str, Any]
ASKED = {"prompt_hash": "prompt", "model_id": "model", "run_id": "run"}  # columns, as the options call them


class BadTrace(SynthError):
    """Options that do not go together, or a time that is none."""

    exit_code = ExitCode.USAGE


def show_trace(given: Path | None, record: str, *, limit: int, as_json: bool, mermaid: bool, texts: bool) -> None:
    """Print a record's ancestors and descendants. Raises UnknownName for an unknown or ambiguous id."""
    if as_json + mermaid + texts > 1:
        raise BadTrace("--json, --mermaid and --text are three answers. Give one of them.")
    project = open_project(given)
    found = trace(project.lake, record)
    if as_json:
        print_json(found.as_json())
    elif mermaid:
        print(drawn(found, most=limit), flush=True)  # noqa: T201  # no terminal may wrap or colour it
    else:
        _print_trace(Terminal(), found, limit)
        if texts:
            print_texts(project.lake, [found.record, *found.ancestors])


def show_reach(given: Path | None, asked: Asked, *, limit: int, as_json: bool, to: Path | None) -> None:
    """Print what the records of a source, prompt, model or run became. Raises UnknownName for a name nothing has."""
    if (asked.source, asked.prompt, asked.model, asked.run) == (None,) * 4:
        raise BadTrace("Give the ID of a record, or one of --source, --prompt, --model and --run.")
    if asked.since and asked.until and asked.since >= asked.until:
        raise BadTrace(f"--since {asked.since:%Y-%m-%d} is not before --until {asked.until:%Y-%m-%d}.")
    project = open_project(given)
    if asked.dataset:
        asked = replace(asked, dataset=project.dataset(asked.dataset))
    now = Lineage(project.lake).now()
    found = reach(project.lake, asked, now)
    written = _write(project, now, found, to) if to else None
    if as_json:
        told = {"first": first(now, found, limit), "written_to": to and str(to), "lines": written}
        print_json(found.as_json() | told)
    else:
        _print_reach(Terminal(), found, first(now, found, limit))
        if to:
            Terminal().print(
                f"{written:,} records written to {escape(str(to))}, one JSON object a line", highlight=False
            )


def moment(option: str, text: str | None) -> datetime | None:
    """A date or a time of ISO 8601; UTC where it names no zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        found.timestamp()
    except (ValueError, OverflowError) as error:
        raise BadTrace(f"{option} '{text}' is no date. Write 2026-03-01, or 2026-03-01T12:30:00Z.") from error
    if found.microsecond or not 0 <= found.timestamp() < 2**32:
        raise BadTrace(f"{option} '{text}' cannot be compared. Give whole seconds, from 1970 to 2105.")
    return found


def _write(project: Project, now: Moment, found: Reach, to: Path) -> int:
    """Every record as a line of JSON; how many."""
    count = 0

    def write(file: BinaryIO) -> None:
        nonlocal count
        for count, row in enumerate(lines(project.lake, now, found), 1):  # noqa: B007  # told when it is over
            file.write(json.dumps(plain(row), ensure_ascii=False).encode() + b"\n")

    if to.is_dir():
        raise BadTrace(f"--to {to} is a folder. Name a file in it.")
    write_whole(to.absolute(), write, needed=0)
    return count


# ------------------------------------------------------------------------------------------------------ one record


def _print_trace(console: Console, found: Trace, limit: int) -> None:
    console.print("[bold]made from[/bold]")
    _print_entries(console, found.ancestors, limit)
    if not found.ancestors:
        console.print("  nothing: it came from outside")
    console.print(f"[bold]record[/bold]\n  {_line(found.record)}", highlight=False)
    console.print("[bold]made of it[/bold]")
    _print_entries(console, found.descendants, limit)
    if not found.descendants:
        console.print("  nothing yet")
    _print_licences(console, found)
    _print_scores(console, found.record)
    _print_signals(console, found.record)
    _print_findings(console, found.record)
    for version in found.versions:
        console.print(_version(version), highlight=False)
    for verdict in found.record["verdicts"]:
        console.print(f"[bold]release {verdict['release']}[/bold]: {escape(_verdict(verdict))}", highlight=False)


def _print_entries(console: Console, entries: Sequence[Entry], limit: int) -> None:
    for entry in entries[:limit]:
        verdicts = "".join(f"; {one['release']}: {_verdict(one)}" for one in entry.get("verdicts", ()))
        console.print("  " * min(entry["distance"], 20) + _line(entry) + escape(verdicts), highlight=False)
    if len(entries) > limit:
        console.print(f"  and {len(entries) - limit:,} more; --limit shows more of them, --json all", highlight=False)


def _print_licences(console: Console, found: Trace) -> None:
    console.print("[bold]licence and consent[/bold]")
    for step in found.derivation:
        license_ = step["license"] or "no licence stated"
        unsaid = ", consent not stated" if step["how"] == "declared" else ""
        consent = f", consent {step['consent']}" if step["consent"] else unsaid
        said = f"  {step['stage']} {step['record_id'][:12]}: {license_}{consent}, {_derived(step)}"
        console.print(escape(said), highlight=False)


def _derived(step: Mapping[str, Any]) -> str:
    parents = step["made_from"]
    one = f"from {parents[0]['record_id'][:12]}" if len(parents) == 1 else f"joined from {len(parents)} records"
    together = " AND ".join(sorted({parent["license"] or "none" for parent in parents}))
    return {
        "declared": f"as declared by the source {step['source']}",
        "inherited": one,
        "joined": one,
        "terms": f"{one}, with {' AND '.join(step['added'])} of the provider of {step['model_id']}",
        "differs": f"not what it was made from says: {together}",
        "unknown": "and a record that it was made from is in no table any more",
    }[step["how"]]


def _print_scores(console: Console, record: Entry) -> None:
    told = [f"{name} {_figures(value)}" for name, value in flat(record["scores"]).items()]
    if told:
        console.print(f"[bold]scores and figures[/bold]\n  {escape('; '.join(told))}", highlight=False)


def _print_signals(console: Console, record: Entry) -> None:
    told = [f"{name} {_figure(value)}" for name, value in record["signals"].items() if value is not None]
    if told:
        console.print(f"[bold]measured[/bold]\n  {escape(', '.join(told))}", highlight=False)


def _print_findings(console: Console, record: Entry) -> None:
    if record["findings"]:
        console.print("[bold]found by guards[/bold]")
    for one in record["findings"]:
        place = "" if one["start"] is None else f" in {one['column']}, characters {one['start']} to {one['end']}"
        score = "" if one["score"] is None else f", score {_figure(one['score'])}"
        note = f": {one['note']}" if one["note"] else ""
        said = f"  {one['guard']} ({one['check']}): {one['severity']}, {one['kind']}{place}{score}{note}"
        console.print(escape(said), highlight=False)
        for decision in one["decisions"]:
            day = f"{datetime.fromtimestamp(decision['at'], UTC):%Y-%m-%d}"
            decided = f"    {decision['action']} by {decision['who']} on {day}: {decision['comment']}"
            console.print(escape(decided), highlight=False)


def _figures(value: Any) -> str:
    return ", ".join(_figure(one) for one in value) if isinstance(value, list) else _figure(value)


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _version(version: Mapping[str, Any]) -> str:
    place = f"[bold]version[/bold] {escape(version['stage'])} {escape(version['batch'])}: "
    if "run_id" not in version:
        return place + "nothing is noted about it"
    gate = version["gate"]
    checks = "no gate" if gate is None else f"{gate['checks']} checks {'passed' if gate['passed'] else 'failed'}"
    facts = (
        f"run {version['run_id'][:8]}, recipe {version['recipe_hash']}, code {version['code_version'][:12]}, {checks}"
    )
    return place + escape(facts)


def _verdict(verdict: Mapping[str, Any]) -> str:
    of = f", a duplicate of {verdict['duplicate_of']}" if verdict["duplicate_of"] else ""
    score = f", score {_figure(verdict['score'])}, rank {verdict['rank']}" if verdict["score"] is not None else ""
    return verdict["verdict"] + (f" by {verdict['reason']}" if verdict["reason"] else "") + of + score


def _line(entry: Entry) -> str:
    if entry["status"] == "missing":
        return escape(f"{entry['stage']} {entry['record_id']}, in no table any more; it stood in {entry['batch']}")
    facts = [f"{entry['stage']} {entry['record_id']}", f"by {entry['method']}"]
    facts += [f"model {entry['model_id']}"] if entry["model_id"] else []
    facts += [f"prompt {entry['prompt_hash'][:12]}"] if entry["prompt_hash"] else []
    facts += [f"source {entry['source']}"] if entry["source"] else []
    facts += [f"{entry['status']} by {entry['reason']}"] if entry["status"] != "current" else []
    when = [f"made {str(entry['created_at'])[:10]}"] if entry["created_at"] else []
    return escape(", ".join([*facts, f"run {str(entry['run_id'])[:8]}", *when]))


# ------------------------------------------------------------------------------------------------------ a reach


def _print_reach(console: Console, found: Reach, some: Sequence[Entry]) -> None:
    told = {ASKED.get(name, name): value for name, value in found.asked.items() if value}
    asked = ", ".join(name if value is True else f"{name} {value}" for name, value in told.items())
    console.print(f"[bold]{escape(asked)}[/bold]: {_records(len(found.found))}", highlight=False)
    _print_stages(console, found.stages)
    if found.by_rejected_answer:
        pairs = f"{found.by_rejected_answer:,} {'pair' if found.by_rejected_answer == 1 else 'pairs'}"
        console.print(f"  of {pairs} it wrote the rejected answer alone", highlight=False)
    console.print(f"[bold]and others made of them[/bold]: {_records(len(found.made_of_them))}", highlight=False)
    _print_stages(console, found.stages_below)
    for release in found.releases:
        console.print(_release(release), highlight=False)
    for hashed, prompt in found.prompts.items():
        console.print(f"[bold]prompt {hashed}[/bold]", highlight=False)
        for part, text in prompt.items():
            console.print(f"  [bold]{part}[/bold] {escape(text)}", highlight=False)
    for entry in some:
        console.print(f"  {_line(entry)}", highlight=False)
    if len(some) < len(found.found) + len(found.made_of_them):
        console.print("--limit N shows the first N of them, --to FILE writes all with their verdicts", highlight=False)


def _print_stages(console: Console, stages: Sequence[Mapping[str, Any]]) -> None:
    for stage in stages:
        others = ", ".join(f"{count:,} {status}" for status, count in stage["status"].items() if status != "current")
        batches = f"{stage['batches']:,} {'batch' if stage['batches'] == 1 else 'batches'}"
        said = f"  {stage['dataset']}/{stage['stage']}: {stage['records']:,} in {batches}" + (others and f"; {others}")
        console.print(escape(said), highlight=False)


def _release(release: Mapping[str, Any]) -> str:
    dropped = ", ".join(f"{reason} {count:,}" for reason, count in release["dropped"].items())
    state = "" if release["state"] in ("accepted", None) else f" ({release['state']})"
    name = escape(f"{release['dataset']} {release['release']}{state}")
    return f"[bold]release {name}[/bold]: {release['kept']:,} kept" + escape(f"; dropped: {dropped}" if dropped else "")


def _records(count: int) -> str:
    return f"{count:,} {'record' if count == 1 else 'records'}"
