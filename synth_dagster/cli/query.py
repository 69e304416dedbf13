"""`synth query`: one SELECT over the tables of a dataset, as a table for people and as JSON."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.markup import escape

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.records import plain

WIDEST = 60  # characters of a cell; `--json` has all


def show_answer(
    given: Path | None, dataset: str | None, sql: str, *, limit: int, as_of: str | None, as_json: bool
) -> None:
    """Print what a SELECT says. Raises LakeError for SQL that is none, UnknownName for another table."""
    project = open_project(given)
    found = project.lake.select(project.dataset(dataset), sql, as_of=as_of, limit=limit + 1)
    shown = found.slice(0, limit)
    if as_json:
        print_json(json.loads(json.dumps(plain(shown.to_pylist()), default=_other)))
        return
    console = Terminal()
    console.print(_table(shown))
    if found.num_rows > limit:
        console.print(f"These are the first {limit:,} rows; --limit shows more.", highlight=False)
    elif not found.num_rows:
        console.print("No row fits.")


def _table(found: Any) -> Any:
    from rich.table import Table

    numbers = [str(one.type).startswith(("int", "uint", "float", "double", "decimal")) for one in found.schema]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, is_number in zip(found.column_names, numbers, strict=True):
        table.add_column(escape(name), justify="right" if is_number else "left", overflow="fold")
    for row in zip(*(column.to_pylist() for column in found.columns), strict=True):
        table.add_row(*map(_cell, row))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return ""
    said = plain(value)
    is_count = isinstance(said, int) and not isinstance(said, bool)
    text = said if isinstance(said, str) else f"{said:,}" if is_count else json.dumps(said, default=_other)
    line = " ".join(text.split())
    return escape(line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…")


def _other(value: object) -> object:
    """What SQL makes and JSON has no form for: exact numbers as numbers, days and the like as text."""
    return float(value) if isinstance(value, Decimal) else str(value)
