"""A Sankey of records: ribbons from their sources over their licences to what became of them.

Three columns of nodes, each as tall as the records in it; a ribbon is as wide as the records that it carries. Both are
stacked largest first, so equal flows give the same drawing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from synth_dagster.governance.charts import figure
from synth_dagster.governance.plots import number, shortened
from synth_dagster.governance.report_facts import Flow

WIDTH, NODE, GAP, TALL = 820.0, 12.0, 10.0, 320.0
COLUMNS = (170.0, 400.0, 600.0)  # where the nodes of a column begin
KEPT = "kept"

Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Node:
    """A name in a column: where its block begins and how tall it is."""

    y: float
    height: float


def sankey(title: str, flows: Sequence[Flow]) -> str:
    """The drawing as a figure."""
    if not flows:
        return figure(title, "no records", WIDTH, 30, ['<text class="pale" x="0" y="20">no records</text>'], wide=True)
    nodes, scale = _nodes(flows)
    first = _ribbons(flows, nodes, scale, 0, lambda flow: (flow.source, flow.license))
    second = _ribbons(flows, nodes, scale, 1, lambda flow: (flow.license, flow.end))
    blocks = [
        _block(key, node, sum(f.records for f in flows if _name(f, key[0]) == key[1])) for key, node in nodes.items()
    ]
    tall = max(node.y + node.height for node in nodes.values())
    return figure(title, _words(flows), WIDTH, tall + 4, [*first, *second, *blocks], wide=True)


def _name(flow: Flow, column: int) -> str:
    return (flow.source, flow.license, flow.end)[column]


def _nodes(flows: Sequence[Flow]) -> tuple[dict[Key, Node], float]:
    """Where every node stands, and how many units a record is tall."""
    sums = [Counter[str]() for _ in COLUMNS]
    for flow in flows:
        for column, names in enumerate(sums):
            names[_name(flow, column)] += flow.records
    scale = TALL / sums[0].total()
    found: dict[Key, Node] = {}
    for column, names in enumerate(sums):
        y = 4.0
        for name, records in sorted(names.items(), key=_order):
            height = max(1.0, records * scale)
            found[column, name] = Node(y, height)
            y += max(height, 14.0) + GAP  # a label needs its line
    return found, scale


def _order(item: tuple[str, int]) -> tuple[bool, int, str]:
    """What was kept first, then the largest."""
    return item[0] != KEPT, -item[1], item[0]


def _ribbons(
    flows: Sequence[Flow],
    nodes: Mapping[Key, Node],
    scale: float,
    column: int,
    ends: Callable[[Flow], tuple[str, str]],
) -> list[str]:
    carried = Counter[tuple[str, str]]()
    kept = Counter[tuple[str, str]]()
    for flow in flows:
        carried[ends(flow)] += flow.records
        kept[ends(flow)] += flow.records if flow.end == KEPT else 0
    left, right = Counter[str](), Counter[str]()
    drawn = []
    in_order = sorted(carried.items(), key=lambda item: tuple(nodes[column + at, item[0][at]].y for at in (0, 1)))
    for (source, target), records in in_order:
        y0 = nodes[column, source].y + left[source] * scale
        y1 = nodes[column + 1, target].y + right[target] * scale
        left[source] += records
        right[target] += records
        kind = "ribbon" if kept[source, target] * 2 >= records else "ribbon lost"
        said = f"{source} → {target}: {records:,}"
        drawn.append(_ribbon(COLUMNS[column] + NODE, y0, COLUMNS[column + 1], y1, records * scale, kind, said))
    return drawn


def _ribbon(x0: float, y0: float, x1: float, y1: float, width: float, kind: str, said: str) -> str:
    middle = (x0 + x1) / 2
    width = max(width, 0.5)
    path = (
        f"M{x0:.1f},{y0:.1f}C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
        f"V{y1 + width:.1f}C{middle:.1f},{y1 + width:.1f} {middle:.1f},{y0 + width:.1f} {x0:.1f},{y0 + width:.1f}Z"
    )
    return f'<path class="{kind}" d="{path}"><title>{escape(said)}</title></path>'


def _block(key: Key, node: Node, records: int) -> str:
    column, name = key
    x = COLUMNS[column]
    kind = "bar" if column < 2 or name == KEPT else "bad"
    words = f"{shortened(name, 24)} {number(records)}"
    at, anchor = (x - 6, "end") if column == 0 else (x + NODE + 6, "start")
    return (
        f"<g><title>{escape(name)}: {records:,}</title>"
        f'<rect class="{kind}" x="{x:.1f}" y="{node.y:.1f}" width="{NODE:g}" height="{node.height:.1f}"/>'
        f'<text class="over" x="{at:.1f}" y="{node.y + min(node.height / 2, 200) + 5:.1f}" text-anchor="{anchor}">'
        f"{escape(words)}</text></g>"
    )


def _words(flows: Sequence[Flow]) -> str:
    """The ends of each source's records."""
    told = Counter[tuple[str, str]]()
    for flow in flows:
        told[flow.source, flow.end] += flow.records
    return ", ".join(f"{source} to {end} {records}" for (source, end), records in told.most_common(30))
