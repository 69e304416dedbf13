"""`synth diff`: what a release has that another has not, and why."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.governance.diff import Change, Pair, ReleaseDiff, changed_records, diff
from synth_dagster.records import plain
from synth_dagster.storage.folder import write_whole

MOST_VALUES = 5  # of a column, most frequent first
SHIFT = 0.01  # a smaller difference, as a share of the larger value, is not shown


class NoFile(SynthError):
    """What was named cannot be a file."""

    exit_code = ExitCode.USAGE


def show_diff(
    given: Path | None, dataset: str | None, before: str, after: str, *, limit: int, as_json: bool, to: Path | None
) -> None:
    """Print what is different. Raises UnknownName for a release that never was."""
    project = open_project(given)
    name = project.dataset(dataset)
    if to is not None and to.is_dir():
        raise NoFile(f"--to {to} is a folder. Name a file in it.")
    found = diff(project.lake, name, before, after, examples=limit)

    def write(file: BinaryIO) -> None:
        rows = changed_records(project.lake, name, before, after)
        file.writelines(json.dumps(plain(row), ensure_ascii=False).encode() + b"\n" for row in rows)

    if to is not None:
        write_whole(to.absolute(), write, needed=0)
    if as_json:
        print_json(found.as_json())
        return
    console = Terminal()
    _print_diff(console, found)
    if to is not None:
        console.print(f"Every record with another verdict stands in {escape(str(to))}", highlight=False)


def _print_diff(console: Console, found: ReleaseDiff) -> None:
    console.print(f"[bold]{escape(_title(found))}[/bold]", highlight=False)
    if found.same_bytes:
        console.print("The same records, to the byte.")
        return
    records = found.records
    console.print(
        f"kept in both {records['kept_in_both']:,}, added {records['added']:,}, removed {records['removed']:,}",
        highlight=False,
    )
    console.print("The rules are the same." if found.same_rules else "The rules of the mix are others.")
    for word, batches in found.batches.items():
        if batches:
            console.print(escape(f"batches {word}: {_listed(batches)}"), highlight=False)
    for change in found.changes:
        console.print(escape(_change(change)), highlight=False)
    console.print(_numbers({**found.numbers, **found.signals}))
    for column, values in found.shares.items():
        _print_shares(console, column, values)
    if found.unread:
        console.print(escape(f"signals of {_listed(found.unread)} are in the lake no longer"), highlight=False)


def _title(found: ReleaseDiff) -> str:
    def named(about: Mapping[str, Any]) -> str:
        notes = [
            note for note, is_so in (("demo", about["demo"]), ("withdrawn", about["state"] != "accepted")) if is_so
        ]
        return about["release"] + (f" ({', '.join(notes)})" if notes else "")

    return f"{found.dataset}: {named(found.before)} -> {named(found.after)}"


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _change(change: Change) -> str:
    some = ", ".join(one[:12] for one in change.examples)
    return f"  {change.records:,} were {change.was}, now {change.now}: {some}"


def _numbers(pairs: Mapping[str, Pair]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("measured", "before", "after", "shift"):
        table.add_column(name, justify="left" if name == "measured" else "right")
    for name, pair in pairs.items():
        if _has_shifted(pair):
            table.add_row(escape(name), *(_figure(value) for value in pair), _shift(pair))
    return table


def _has_shifted(pair: Pair) -> bool:
    was, now = pair
    if was is None or now is None:
        return was is not now
    return abs(now - was) > SHIFT * max(abs(was), abs(now))


def _shift(pair: Pair) -> str:
    was, now = pair
    return "" if was is None or now is None or not was else f"{(now - was) / abs(was):+.1%}"


def _figure(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _print_shares(console: Console, column: str, values: Mapping[str, tuple[int, int]]) -> None:
    totals = [sum(pair[side] for pair in values.values()) or 1 for side in (0, 1)]
    shifted = [
        f"{value} {was / totals[0]:.1%} -> {now / totals[1]:.1%}"
        for value, (was, now) in values.items()
        if abs(was / totals[0] - now / totals[1]) > SHIFT
    ]
    if shifted:
        console.print(escape(f"{column}: {_listed(shifted, MOST_VALUES)}"), highlight=False)
