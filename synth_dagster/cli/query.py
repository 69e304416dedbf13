"""`synth query`: one SELECT over the tables of a dataset, as a table for people and as JSON.

More columns than fit beside each other are written below each other, row by row, as database shells do.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.markup import escape

from synth_dagster.cli.project import open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.records import plain

WIDEST, WIDEST_BELOW = 60, 600  # characters of a cell of a table, and of one below another; `--json` has all
NARROWEST = 12  # characters that a column of a table keeps, where it has as many


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
    _print(console, shown)
    if found.num_rows > limit:
        console.print(f"These are the first {limit:,} rows; --limit shows more.", highlight=False)
    elif not found.num_rows:
        console.print("No row fits.")


def _print(console: Terminal, found: Any) -> None:
    names = found.column_names
    whole = [tuple(map(_line, row)) for row in zip(*(column.to_pylist() for column in found.columns), strict=True)]
    rows = [tuple(_cut(cell, WIDEST) for cell in row) for row in whole]
    widest = [max(map(len, cells)) for cells in zip(names, *rows, strict=True)]
    if sum(min(width, NARROWEST) + 1 for width in widest) <= console.width + 1:
        console.print(_table(found.schema, rows))
        return
    for count, row in enumerate(whole, start=1):
        console.rule(f"row {count:,}", align="left")
        console.print(_below_each_other(names, row))


def _table(schema: Any, rows: Sequence[Sequence[str]]) -> Any:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in schema:
        is_number = str(column.type).startswith(("int", "uint", "float", "double", "decimal"))
        table.add_column(escape(column.name), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _below_each_other(names: Sequence[str], row: Sequence[str]) -> Any:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, cell in zip(names, row, strict=True):
        table.add_row(escape(name), escape(_cut(cell, WIDEST_BELOW)))
    return table


def _line(value: Any) -> str:
    if value is None:
        return ""
    said = plain(value)
    is_count = isinstance(said, int) and not isinstance(said, bool)
    text = (
        said
        if isinstance(said, str)
        else f"{said:,}"
        if is_count
        else json.dumps(said, default=_other, ensure_ascii=False)
    )
    return " ".join(text.split())


def _cut(line: str, widest: int) -> str:
    return line if len(line) <= widest else f"{line[: widest - 1]}…"


def _other(value: object) -> object:
    """What SQL makes and JSON has no form for: exact numbers as numbers, days and the like as text."""
    return float(value) if isinstance(value, Decimal) else str(value)
