"""Charts of counts as SVG inside a page: they scale, print, follow the page's colours, and say their numbers in words.

Every chart is a figure with a caption and a sentence for those who do not see it. Names may come from records, so
everything is escaped. Colours are classes of the page's style.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from synth_dagster.governance.plots import number, shortened

WIDTH, ROW, LABEL, NUMBER = 400, 24, 150, 56
TRACK = WIDTH - LABEL - NUMBER
MOST_BARS = 8
HEIGHT = 130  # of what has columns


def bars(title: str, values: Mapping[str, float], *, as_given: bool = False, unit: str = "") -> str:
    """Horizontal bars, largest first unless as given; what does not fit becomes one bar of the others."""
    rows = _shown(values, as_given=as_given)
    largest = max((value for _, value in rows), default=0) or 1
    drawn = [_bar(place, name, value, largest, unit) for place, (name, value) in enumerate(rows)]
    said = ", ".join(f"{name} {_said(value, unit)}" for name, value in rows) or "none"
    return figure(title, said, WIDTH, ROW * max(1, len(rows)), drawn or [_word(0, 16, "none", "pale")])


def _shown(values: Mapping[str, float], *, as_given: bool) -> list[tuple[str, float]]:
    rows = list(values.items())
    if not as_given:
        rows.sort(key=lambda row: (-row[1], row[0]))
    if len(rows) <= MOST_BARS:
        return rows
    rest = rows[MOST_BARS - 1 :]
    return [*rows[: MOST_BARS - 1], (f"{len(rest)} others", sum(value for _, value in rest))]


def _said(value: float, unit: str) -> str:
    return f"{unit}{value:,.2f}" if unit else number(value)


def _bar(place: int, name: str, value: float, largest: float, unit: str) -> str:
    y = place * ROW
    width = TRACK * max(0.0, value) / largest
    return (
        f"<g><title>{escape(name)}: {_said(value, unit)}</title>"
        f"{_word(0, y + 16, shortened(name))}{_box(LABEL, y + 5, TRACK, 14, 'track')}"
        f"{_box(LABEL, y + 5, width, 14, 'bar')}{_word(WIDTH, y + 16, _said(value, unit), 'pale', 'end')}</g>"
    )


def pairs(title: str, values: Mapping[str, tuple[float | None, float | None]], names: tuple[str, str]) -> str:
    """Two bars for each name, before and after, each pair on its own scale."""
    drawn, said = [], []
    for place, (name, both) in enumerate(values.items()):
        y, largest = place * 36, max((abs(one) for one in both if one is not None), default=0) or 1
        drawn.append(f"<g>{_word(0, y + 20, shortened(name))}")
        for row, (value, kind) in enumerate(zip(both, ("before", "bar"), strict=True)):
            width = 0 if value is None else TRACK * abs(value) / largest
            words = "none" if value is None else number(value)
            drawn.append(_box(LABEL, y + 3 + 14 * row, width, 12, kind))
            drawn.append(_word(WIDTH, y + 13 + 14 * row, words, "pale", "end"))
            said.append(f"{name} {names[row]} {words}")
        drawn.append("</g>")
    return figure(title, ", ".join(said) or "none", WIDTH, max(24, 36 * len(values)), drawn) + _legend(names)


@dataclass(frozen=True, slots=True)
class Columns:
    """Counts over edges, one behind the other: `behind` is never smaller than `front`."""

    edges: Sequence[float]
    behind: Sequence[int]
    front: Sequence[int]


def columns(title: str, of: Columns, names: tuple[str, str], unit: str) -> str:
    """A histogram of all, with what was kept in front of it."""
    largest = max(of.behind, default=0) or 1
    step = WIDTH / max(1, len(of.behind))
    drawn = [f'<line class="axis" x1="0" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>']
    for place, (behind, front) in enumerate(zip(of.behind, of.front, strict=True)):
        top = f"{of.edges[place]:,g} to {of.edges[place + 1]:,g} {unit}"
        drawn.append(f"<g><title>{top}: {behind:,} {names[0]}, {front:,} {names[1]}</title>")
        for count, kind in ((behind, "before"), (front, "bar")):
            height = (HEIGHT - 14) * count / largest
            drawn.append(_box(place * step + 1, HEIGHT - height, step - 2, height, kind))
        drawn.append("</g>")
    drawn.append(_word(WIDTH, 10, f"most {number(largest)}", "pale", "end"))
    drawn += _ticks(of.edges)
    said = f"{sum(of.behind):,} {names[0]}, {sum(of.front):,} {names[1]}, of 0 to {of.edges[-1]:,g} {unit} and more"
    return figure(title, said, WIDTH, HEIGHT + 18, drawn) + _legend(names)


def _ticks(edges: Sequence[float]) -> list[str]:
    middle = len(edges) // 2
    shown = [_word(0, HEIGHT + 14, number(edges[0]), "pale")]
    if len(edges) > 2:
        shown.append(_word(WIDTH * middle / (len(edges) - 1), HEIGHT + 14, number(edges[middle]), "pale", "middle"))
    return [*shown, _word(WIDTH, HEIGHT + 14, f"{number(edges[-1])} or more", "pale", "end")]


def timeline(title: str, days: Mapping[str, tuple[int, int]], names: tuple[str, str]) -> str:
    """A column for each day: what went well, and on top of it what did not."""
    width, step = 820, 820 / max(8, len(days))
    largest = max((sum(both) for both in days.values()), default=0) or 1
    drawn = [f'<line class="axis" x1="0" y1="{HEIGHT}" x2="{width}" y2="{HEIGHT}"/>']
    for place, (day, both) in enumerate(days.items()):
        drawn.append(f"<g><title>{escape(day)}: {both[0]:,} {names[0]}, {both[1]:,} {names[1]}</title>")
        floor = float(HEIGHT)
        for count, kind in zip(both, ("bar", "bad"), strict=True):
            height = (HEIGHT - 16) * count / largest
            floor -= height
            drawn.append(_box(place * step + 2, floor, step - 4, height, kind))
        drawn.append("</g>")
    ends = list(days)
    drawn += [_word(0, HEIGHT + 14, ends[0], "pale")] if ends else [_word(0, 20, "none", "pale")]
    drawn += [_word(step * len(ends), HEIGHT + 14, ends[-1], "pale", "end")] if len(ends) > 1 else []
    said = ", ".join(f"{day}: {both[0]} {names[0]}, {both[1]} {names[1]}" for day, both in list(days.items())[-12:])
    return figure(title, said or "none", width, HEIGHT + 18, drawn, wide=True) + _legend(names, ("bar", "bad"))


# ---------------------------------------------------------------------------------------------------------- the pieces


def figure(title: str, said: str, width: float, height: float, drawn: Iterable[str], *, wide: bool = False) -> str:
    """A drawing with its caption, and in words what it shows."""
    return (
        f'<figure class="chart{" wide" if wide else ""}"><figcaption>{escape(title)}</figcaption>'
        f'<svg role="img" aria-label="{escape(title)}: {escape(said)}" viewBox="0 0 {width:g} {height:g}">'
        f"{''.join(drawn)}</svg></figure>"
    )


def _legend(names: Sequence[str], kinds: Sequence[str] = ("before", "bar")) -> str:
    items = "".join(f'<span class="{kind}"></span>{escape(name)} ' for name, kind in zip(names, kinds, strict=True))
    return f'<p class="legend" aria-hidden="true">{items}</p>'


def _box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2"/>'


def _word(x: float, y: float, words: str, kind: str = "", at: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{at}">{escape(words)}</text>'
