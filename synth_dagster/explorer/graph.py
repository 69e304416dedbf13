"""A record's lineage as a drawing: what it was made from on the left, what was made of it on the right.

Drawn as SVG with a link for each record; the lists beside it say the same in words. However much there is, so many
records are drawn, the nearest first, and what is left out is counted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from synth_dagster.explorer.html import Html, tag, url
from synth_dagster.governance.trace import Trace

MOST, IN_A_COLUMN, FARTHEST = 40, 7, 4
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 168, 44, 52, 14, 12  # pixels
SHORT, LONGEST = 12, 22  # characters

Entry = Mapping[str, Any]


def lineage_graph(found: Trace) -> Html:
    """The drawing; nothing for a record that has no relatives."""
    columns = _columns(found)
    if len(columns) == 1:
        return Html("")
    tallest = max(len(nodes) + bool(more) for nodes, more in columns.values())
    height = tallest * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    width = len(columns) * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    at: dict[str, tuple[int, int]] = {}
    drawn: list[Html] = []
    for place, (nodes, more) in enumerate(columns.values()):
        x = MARGIN + place * (WIDTH + GAP_X)
        rows = len(nodes) + bool(more)
        top = (height - (rows * (HEIGHT + GAP_Y) - GAP_Y)) // 2
        for row, entry in enumerate(nodes):
            at[entry["record_id"]] = x, top + row * (HEIGHT + GAP_Y)
            drawn.append(_node(entry, *at[entry["record_id"]], is_asked=entry is found.record))
        if more:
            y = top + len(nodes) * (HEIGHT + GAP_Y) + HEIGHT // 2
            drawn.append(tag("text", f"and {more:,} more", x=x + WIDTH // 2, y=y, text_anchor="middle", class_="more"))
    lines = [_edge(at[e["parent"]], at[e["child"]]) for e in found.edges if e["parent"] in at and e["child"] in at]
    said = f"Lineage of {found.record['record_id'][:SHORT]}: {len(at)} records, from what it was made of on the left"
    picture = tag(
        "svg",
        tag("title", said),
        *lines,
        *drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="group",
        aria_label=said,
    )
    return tag("div", picture, class_="scrolls graph", tabindex="0", role="region", aria_label="Lineage graph")


def _columns(found: Trace) -> dict[int, tuple[Sequence[Entry], int]]:
    """By distance, negative above: the records that are drawn, and how many are not."""
    columns: dict[int, tuple[Sequence[Entry], int]] = {0: ([found.record], 0)}
    left = MOST
    for distance in range(1, FARTHEST + 1):
        for sign, entries, name in ((-1, found.ancestors, "ancestors"), (1, found.descendants, "descendants")):
            total = sum(row["records"] for row in found.counts[name] if row["distance"] == distance)
            nodes = [one for one in entries if one["distance"] == distance][: min(IN_A_COLUMN, left)]
            if total:
                columns[sign * distance] = nodes, total - len(nodes)
                left -= len(nodes)
    return dict(sorted(columns.items()))


def _node(entry: Entry, x: int, y: int, *, is_asked: bool) -> Html:
    made = entry["model_id"] or entry["method"] or entry["status"]
    box = tag("rect", x=x, y=y, width=WIDTH, height=HEIGHT, rx=6)
    first = tag("text", _short(entry["stage"]), x=x + 10, y=y + 18)
    second = tag("text", _short(f"{entry['record_id'][:8]} {made}"), x=x + 10, y=y + 34, class_="small")
    told = tag("title", f"{entry['stage']} {entry['record_id']}, {made}")
    kind = "asked" if is_asked else "missing" if entry["status"] == "missing" else "other"
    inner = tag("g", told, box, first, second, class_=kind)
    return inner if is_asked else tag("a", inner, href=url("record", entry["record_id"]))


def _edge(parent: tuple[int, int], child: tuple[int, int]) -> Html:
    x1, y1, x2, y2 = parent[0] + WIDTH, parent[1] + HEIGHT // 2, child[0], child[1] + HEIGHT // 2
    middle = (x1 + x2) // 2
    return tag("path", d=f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}")


def _short(text: object) -> str:
    words = str(text)
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
