"""`synth status`: what there is, for people and as JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from synth_dagster.cli.budget import budget_line, caps_over, standing
from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.governance.approvals import Approval, approvals_of
from synth_dagster.lake.erasing import is_cut_short
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.sessions import Usage
from synth_dagster.runner.causes import grouped
from synth_dagster.runner.provider_batches import DatasetLedger
from synth_dagster.runner.verdicts import VERDICTS

NAMED = 4  # batches that were made; of more their number is said


def show_status(given: Path | None, dataset: str | None, *, as_json: bool) -> None:
    project = open_project(given)
    name = project.dataset(dataset)
    if as_json:
        print_json(status_of(project, name))
    else:
        console = Terminal()
        print_summary(console, project, name, made=(), causes=())
        if others := [other for other in project.lake.datasets() if other != name]:
            console.print(f"Other datasets: {', '.join(others)}. synth status --dataset {others[0]}", highlight=False)


def status_of(project: Project, dataset: str) -> dict[str, Any]:
    """The status as data; the shape is part of the product."""
    lake = project.lake
    last = lake.sessions.last(dataset)
    approvals = approvals_of(lake, dataset)
    return {
        "dataset": dataset,
        "stages": {
            stage: {"records": records, "batches": batches, "version": version}
            for stage, (records, batches, version) in in_graph_order(lake, dataset).items()
            if stage != VERDICTS
        },
        "releases": [
            {"release": release.release, "records": release.records, "verdicts": release.manifest["verdicts"]}
            | {"demo": release.demo, "state": release.state}
            | {"approval": _approval(approvals[release.release])}
            for release in lake.meta.releases(dataset)
        ],
        "checks": checks_of(lake, dataset),
        "awaiting": awaiting(lake, dataset),
        "pending": pending(lake, dataset),
        "erasing": is_cut_short(lake),
        "teacher": usage_json(lake.sessions.usage(session_id=last.session_id) if last else Usage())
        | {"lifetime": usage_json(lake.sessions.usage(dataset=dataset))},
        "budget": standing(lake, dataset, last.session_id if last else "", caps_over(project, dataset)),
    }


def _approval(approval: Approval) -> dict[str, Any]:
    return {"state": approval.state, "by": approval.approvers, "line": approval.line()}


def in_graph_order(lake: Lake, dataset: str) -> dict[str, tuple[int, int, int]]:
    """The counts of every stage, each stage below those that it is made from; releases last."""
    counts = lake.counts(dataset)
    newest = {stage: made[-1] for stage in counts if (made := lake.meta.candidates(dataset, stage))}

    def place(stage: str, above: frozenset[str] = frozenset()) -> tuple[bool, int, str]:
        made = newest.get(stage)
        inputs = (set(made.inputs) & counts.keys()) - above - {stage} if made else set()
        depth = 1 + max((place(name, above | {stage})[1] for name in inputs), default=0)
        return made is None or made.partition == "release", depth, stage

    return {stage: counts[stage] for stage in sorted(counts, key=place)}


def checks_of(lake: Lake, dataset: str) -> dict[str, int]:
    """The checks of what is accepted or was refused last: passed, failed, warned."""
    counts = {"passed": 0, "failed": 0, "warned": 0}
    gates = {gate.candidate_id: gate for gate in lake.meta.gates(dataset)}
    for candidate_id in _latest(lake, dataset) & gates.keys():
        for check in gates[candidate_id].checks:
            bad = "failed" if check["severity"] == "critical" else "warned"
            counts["passed" if check["passed"] else bad] += 1
    return counts


def _latest(lake: Lake, dataset: str) -> set[str]:
    """The version of each batch that was made last; batches that were retired do not count."""
    latest: dict[tuple[str, str], str] = {}
    for stage in lake.stages(dataset):
        shown = lake.accepted_all(dataset, stage)
        for candidate in lake.meta.candidates(dataset, stage):
            if candidate.state in ("accepted", "refused") and (
                candidate.batch in shown or candidate.state == "refused"
            ):
                latest[stage, candidate.batch] = candidate.candidate_id
    return set(latest.values())


def awaiting(lake: Lake, dataset: str) -> list[dict[str, str]]:
    """Candidates whose gate has not run: nobody reads them yet."""
    return [
        {"stage": stage, "batch": candidate.batch}
        for stage in lake.stages(dataset)
        for candidate in lake.meta.candidates(dataset, stage)
        if candidate.state == "awaiting"
    ]


def pending(lake: Lake, dataset: str) -> list[dict[str, Any]]:
    """The stages that wait for provider batches: since when, and how each batch stood when it was last looked at."""
    ledger = DatasetLedger(lake, dataset)
    return [
        {
            "stage": pause.stage,
            "batch": pause.batch,
            "since": datetime.fromtimestamp(pause.since, UTC).isoformat(timespec="seconds"),
            "provider_batches": [
                {
                    "id": one.provider_id,
                    "model": one.model,
                    "requests": one.requests,
                    "status": one.status or one.state,
                    "done": one.done,
                    "failed": one.failed,
                }
                for one in ledger.named(pause.awaits)
            ],
        }
        for pause in ledger.pauses()
    ]


def usage_json(usage: Usage) -> dict[str, Any]:
    return {
        "calls": usage.calls,
        "cached": usage.cached,
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "usd": usage.usd,
    }


def print_summary(
    console: Console,
    project: Project,
    dataset: str,
    *,
    made: Sequence[str],
    causes: Sequence[str],
    cures: Sequence[str] = (),
    pending: Sequence[str] = (),
) -> None:
    """The status as a person reads it, after a run with what it made and why the rest failed."""
    status = status_of(project, dataset)
    console.print(f"\n[bold]{dataset}[/bold]" + (f": made {_made_words(made)}" if made else ""))
    console.print(_stages(status))
    for release in status["releases"][-3:]:
        console.print(_release_line(release))
    console.print(_checks_line(status))
    console.print(_teacher_line(status["teacher"]))
    if status["budget"]:
        console.print(budget_line(status["budget"]), highlight=False)
    for waiting in status["awaiting"]:
        console.print(f"[yellow]awaiting its gate[/yellow]: {waiting['stage']} \\[{waiting['batch']}]")
    for words in pending or map(_pending_words, status["pending"]):  # a run says more: what could not be submitted
        console.print(f"[yellow]pending[/yellow]: {_plain(words)}", highlight=False)
    if status["erasing"]:
        console.print(
            "[yellow]erasing[/yellow]: an erasure is under way or was cut short; the next synth erase or synth run "
            "goes on with it",
            highlight=False,
        )
    for cause in grouped(causes):
        console.print(f"[red]failed[/red]: {_plain(cause)}", highlight=False)
    for cure in cures:
        console.print(_plain(cure), highlight=False)
    if pending and not causes:
        later = f"Later, once more: synth run {dataset}. What waits: synth batches"
        console.print(f"Answers are being made. {later}", highlight=False)
    elif not causes:
        console.print(_next_steps(project, status), highlight=False)


def _made_words(made: Sequence[str]) -> str:
    batches = [what for what in made if what.startswith("batch ")]
    if len(batches) <= NAMED:
        return ", ".join(made)
    return ", ".join([f"{len(batches):,} batches", *(what for what in made if what not in batches)])


def _stages(status: dict[str, Any]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("stage")
    for column in ("records", "batches", "version"):
        table.add_column(column, justify="right")
    for stage, counts in status["stages"].items():
        table.add_row(stage, str(counts["records"]), str(counts["batches"]), str(counts["version"]))
    return table


def _release_line(release: dict[str, Any]) -> str:
    verdicts = release["verdicts"]
    often = sorted(verdicts["dropped"].items(), key=lambda item: (-item[1], item[0]))
    dropped = ", ".join(f"{reason} {count}" for reason, count in often[:6]) or "nothing"
    demo = "; [yellow]demo: made by the embedded teacher, not for training[/yellow]" if release["demo"] else ""
    gone = " [yellow]withdrawn[/yellow]" if release["state"] == "withdrawn" else ""
    head = f"release [bold]{release['release']}[/bold]{gone}"
    return f"{head}: {release['records']} kept; dropped: {_plain(dropped)}{demo}{_approval_words(release['approval'])}"


def _approval_words(approval: dict[str, Any]) -> str:
    """What people have said about a release; nothing where nobody has."""
    style = {"approved": "green", "revoked": "yellow", "broken": "red"}.get(approval["state"])
    return f"; [{style}]{_plain(approval['line'])}[/{style}]" if style else ""


def _checks_line(status: dict[str, Any]) -> str:
    checks = status["checks"]
    style = "red" if checks["failed"] else "green"
    return f"checks: [{style}]{checks['passed']} passed, {checks['failed']} failed[/{style}], {checks['warned']} warned"


def _pending_words(waiting: dict[str, Any]) -> str:
    batches = waiting["provider_batches"]
    place = f"{waiting['stage']} [{waiting['batch']}] since {waiting['since']}"
    if not batches:
        return f"{place}: the provider had no room for a batch"
    told = ", ".join(f"{one['id'] or 'not confirmed'} {_progress_words(one)}" for one in batches)
    return f"{place}: {sum(one['requests'] for one in batches):,} requests at the provider: {told}"


def _progress_words(one: dict[str, Any]) -> str:
    counts = f", {one['done'] + one['failed']:,} of {one['requests']:,}" if one["done"] or one["failed"] else ""
    return f"({one['status']}{counts})"


def _teacher_line(teacher: dict[str, Any]) -> str:
    life = teacher["lifetime"]
    return f"teacher, last run: {_usage_words(teacher)}; ever: {_usage_words(life)}"


def _usage_words(usage: dict[str, Any]) -> str:
    usd = "cost unknown" if usage["usd"] is None else f"${usage['usd']:.4f}"
    return (
        f"{usage['calls']} calls, {usage['cached']} cached, {usage['tokens_in'] + usage['tokens_out']:,} tokens, {usd}"
    )


def _next_steps(project: Project, status: dict[str, Any]) -> str:
    dataset = status["dataset"]
    if not status["releases"]:
        return f"Next: synth run {dataset}"
    last, mix = status["releases"][-1]["release"], list(status["stages"])[-1]
    # without its name these commands go by the last run, which may be another's when they are called
    of = f" --dataset {dataset}" if len(project.lake.datasets()) > 1 else ""
    report = project.lake.store.link(f"reports/{dataset}/{last}.html")
    ui = "make ui" if (project.root / "Makefile").exists() else "dagster dev -w workspace.yaml"
    look = f"Look: synth show {mix}{of}, synth trace ID, the report {report}"
    to = f"exports/{dataset}-{last}" if of else f"exports/{last}"
    return f"{look}\nHand over: synth export {last}{of} --format trl --to {to}. The graph: {ui}"


def _plain(text: str) -> str:
    """Square brackets are markup to the terminal library; a batch or a path may hold them."""
    return text.replace("[", "\\[")
