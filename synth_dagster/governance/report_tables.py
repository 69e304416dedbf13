"""Tables of a page: with a caption, cut where they are long, and everything in them escaped."""

from html import escape

from synth_dagster.governance.answer import Cell, Code, Table

MOST_ROWS = 40
MOST_CHARACTERS = 900
WHOLE = 24  # characters of a word that a narrow column does not break: names of stages and methods stay readable


def table_of(table: Table) -> str:
    """A table with its caption; of a long one the first rows, and how many more there are."""
    first = len(table.head) - table.numbers
    top = "".join(
        f'<th scope="col"{" class=n" if place >= first else ""}>{escape(name)}</th>'
        for place, name in enumerate(table.head)
    )
    lines = [
        "".join(f"<td{_class(value, place >= first)}>{_cell(value)}</td>" for place, value in enumerate(row))
        for row in table.rows[:MOST_ROWS]
    ]
    more = len(table.rows) - MOST_ROWS
    lines += [f'<td colspan="{len(table.head)}" class="pale">and {more:,} more</td>'] if more > 0 else []
    lines = lines or [f'<td colspan="{len(table.head)}" class="pale">none</td>']
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="scroll"><table><caption>{escape(table.caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _class(value: Cell, is_number: bool) -> str:
    if is_number:
        return " class=n"
    short = isinstance(value, str) and max(map(len, value.split()), default=0) <= WHOLE
    return " class=whole" if short else ""


def _cell(value: Cell) -> str:
    if isinstance(value, Code):
        return f"<code>{escape(cut(value.text))}</code>"
    if isinstance(value, int):
        return f"{value:,}"
    return "-" if value is None else escape(cut(str(value)))


def cut(text: str) -> str:
    """The beginning of a long text, and how long it is."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} … ({len(text):,} characters)"
