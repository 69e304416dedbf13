"""`synth diff`: what a release has that another has not, and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.governance.diff import Change, Pair, ReleaseDiff, changed_records, diff
from synth_dagster.governance.diff_page import diff_page
from synth_dagster.governance.diff_words import SHIFT, erased, figure, has_shifted, shift, title_of
from synth_dagster.records import plain
from synth_dagster.storage.folder import write_whole

MOST_VALUES = 5  # of a column, most frequent first


class NoFile(SynthError):
    """What was named cannot be a file."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Files:
    """Where to write what a terminal is too small for."""

    to: Path | None = None  # every record with another verdict
    html: Path | None = None  # the comparison as a page

    def check(self) -> None:
        """Raises NoFile for what cannot be written, before anything is compared."""
        for option, path in (("--to", self.to), ("--html", self.html)):
            if path is not None and path.is_dir():
                raise NoFile(f"{option} {path} is a folder. Name a file in it.")
        if self.to is not None and self.html is not None and self.to.absolute() == self.html.absolute():
            raise NoFile(f"--to and --html are both {self.to}. Name a file for each.")


def show_diff(
    given: Path | None, dataset: str | None, before: str, after: str, *, limit: int, as_json: bool, files: Files
) -> None:
    """Print what is different. Raises UnknownName for a release that never was."""
    files.check()
    project = open_project(given)
    name = project.dataset(dataset)
    found = diff(project.lake, name, before, after, examples=limit)

    def write(file: BinaryIO) -> None:
        rows = changed_records(project.lake, name, before, after)
        file.writelines(json.dumps(plain(row), ensure_ascii=False).encode() + b"\n" for row in rows)

    if files.to is not None:
        write_whole(files.to.absolute(), write, needed=0)
    if files.html is not None:
        page = diff_page(found).encode()
        write_whole(files.html.absolute(), lambda file: file.write(page), needed=len(page))
    if as_json:
        print_json(found.as_json())
        return
    console = Terminal()
    _print_diff(console, found)
    if files.to is not None:
        console.print(f"Every record with another verdict stands in {escape(str(files.to))}", highlight=False)
    if files.html is not None:
        console.print(f"The comparison is a page: {escape(str(files.html))}", highlight=False)


def _print_diff(console: Console, found: ReleaseDiff) -> None:
    console.print(f"[bold]{escape(title_of(found))}[/bold]", highlight=False)
    if found.same_bytes:
        console.print("The same records, to the byte.")
        return
    records = found.records
    console.print(
        f"kept in both {records['kept_in_both']:,}, added {records['added']:,}, removed {records['removed']:,}",
        highlight=False,
    )
    for sentence in erased(found):
        console.print(escape(sentence), highlight=False)
    console.print("The rules are the same." if found.same_rules else "The rules of the mix are others.")
    for word, batches in found.batches.items():
        if batches:
            console.print(escape(f"batches {word}: {_listed(batches)}"), highlight=False)
    for change in found.changes:
        console.print(escape(_change(change)), highlight=False)
    numbers = _numbers({**found.numbers, **found.signals})
    console.print(numbers if numbers.row_count else "Nothing that is measured has shifted.")
    for column, values in found.shares.items():
        _print_shares(console, column, values)
    if found.unread:
        console.print(escape(f"signals of {_listed(found.unread)} are in the lake no longer"), highlight=False)


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
        if has_shifted(pair):
            table.add_row(escape(name), *(figure(value) for value in pair), shift(pair))
    return table


def _print_shares(console: Console, column: str, values: Mapping[str, tuple[int, int]]) -> None:
    totals = [sum(pair[side] for pair in values.values()) or 1 for side in (0, 1)]
    shifted = [
        f"{value} {was / totals[0]:.1%} -> {now / totals[1]:.1%}"
        for value, (was, now) in values.items()
        if abs(was / totals[0] - now / totals[1]) > SHIFT
    ]
    if shifted:
        console.print(escape(f"{column}: {_listed(shifted, MOST_VALUES)}"), highlight=False)
