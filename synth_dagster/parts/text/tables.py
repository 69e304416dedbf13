"""Small tables that stand in texts: read into columns and rows for a query, and their results compared and written.

A text is a table when every line has as many cells: comma, semicolon or tab between them, or a table of Markdown.
"""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Sequence

from synth_dagster.records import Json
from synth_dagster.services import Table

_SEPARATORS = ("\t", ",", ";")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17}|[1-9]\d{0,2}(?:,\d{3}){1,5})(?:\.\d{1,17})?")  # 007 is a code, not seven
_RULE = re.compile(r":?-+:?")


def table_of(text: str) -> Table | None:
    """The table that a whole text is: a line of names and at least one row, two columns at least; else None.

    A column whose cells are all numbers is one of numbers, an empty cell is null, every other is text.
    """
    lines = _markdown(text) or next((found for mark in _SEPARATORS if (found := _separated(text, mark))), None)
    if lines is None:
        return None
    names, *rows = lines
    same = Counter(name.casefold() for name in names)  # an engine takes Name and name for one
    if "" in same or max(same.values()) > 1:
        return None
    columns = [_typed([row[place] for row in rows]) for place in range(len(names))]
    return Table(tuple(names), tuple(zip(*columns, strict=True)))


def why_no_answer(result: Table) -> str | None:
    """Why the result of a query answers nothing: it is empty, or holds what is no text and no number."""
    cells = [cell for row in result.rows for cell in row]
    if any(not isinstance(cell, str | int | float | None) for cell in cells):
        return "not_flat"
    if any(isinstance(cell, float) and not math.isfinite(cell) for cell in cells):
        return "not_finite"
    return None if any(cell is not None and spelled(cell).strip() for cell in cells) else "empty_result"


def same_result(one: Table, other: Table) -> bool:
    """Whether two results say the same, whatever their columns are called and in whatever order their rows come."""
    return _said(one) == _said(other)


def result_text(result: Table) -> str:
    """A result as an answer: a line for each row."""
    return "\n".join(", ".join(spelled(cell) for cell in row) for row in result.rows)


def spelled(cell: Json) -> str:
    """A cell as it is written: 4.0 is 4, and a fraction has nine digits, beyond which engines differ."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and math.isfinite(cell):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.9g}"
    return "" if cell is None else str(cell)


def _said(result: Table) -> Counter[tuple[str, ...]]:
    return Counter(tuple(spelled(cell).strip().casefold() for cell in row) for row in result.rows)


def _separated(text: str, mark: str) -> list[list[str]] | None:
    try:
        lines = [
            line for line in csv.reader(io.StringIO(text.strip(), newline=""), delimiter=mark, strict=True) if line
        ]
    except csv.Error:
        return None
    return _even([[cell.strip() for cell in line] for line in lines])


def _markdown(text: str) -> list[list[str]] | None:
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 3 or not all(len(line) > 1 and line[0] == line[-1] == "|" for line in lines):
        return None
    names, rule, *rows = ([cell.strip() for cell in line[1:-1].split("|")] for line in lines)
    return _even([names, *rows]) if all(_RULE.fullmatch(cell) for cell in rule) else None


def _even(lines: list[list[str]]) -> list[list[str]] | None:
    """The lines, if they can be a table."""
    return lines if len(lines) > 1 and len(lines[0]) > 1 and len({len(line) for line in lines}) == 1 else None


def _typed(cells: Sequence[str]) -> list[Json]:
    given = [cell for cell in cells if cell]
    if not given or not all(_NUMBER.fullmatch(cell) for cell in given):
        return [cell or None for cell in cells]
    plain = [cell.replace(",", "") for cell in cells]
    read = float if any("." in cell for cell in plain) else int
    return [read(cell) if cell else None for cell in plain]
