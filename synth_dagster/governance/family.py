"""The lineage of one record, drawn: its sources on the left, the record and its verdict on the right."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from synth_dagster.governance.plots import shortened
from synth_dagster.governance.report_samples import Sample

BOX, TALL, ACROSS, DOWN = 150.0, 40.0, 190.0, 50.0


def family(sample: Sample) -> str:
    """An SVG of the records that a record was made from, each with its stage, its id and who made it."""
    rows = {sample.record["record_id"]: (sample.stage, sample.record)}
    rows |= {row["record_id"]: (stage, row) for stage, row in sample.ancestors}
    levels = _levels(sample.record["record_id"], {key: row for key, (_, row) in rows.items()})
    deepest = max(levels.values())
    places = _places(levels, deepest)
    tall = max(y for _, y in places.values()) + TALL + 4
    drawn = [_edge(places[parent["record_id"]], places[key], parent["relation"]) for key, parent in _edges(rows)]
    drawn += [_box(places[key], *rows[key], asked=key == sample.record["record_id"]) for key in places]
    drawn.append(_verdict(places[sample.record["record_id"]], sample.verdict))
    width = ACROSS * (deepest + 1) + BOX
    return (
        f'<svg class="family" role="img" aria-label="{escape(_words(sample, levels))}" '
        f'viewBox="0 0 {width:g} {tall:g}" style="max-width:{width:g}px">{"".join(drawn)}</svg>'
    )


def _levels(record: bytes, rows: Mapping[bytes, Mapping[str, Any]]) -> dict[bytes, int]:
    """How many steps above the record each one stands, by the longest way; a knot ends after as many as there are."""
    levels = {record: 0}
    waiting = [record]
    while waiting:
        key = waiting.pop(0)
        for parent in rows[key]["parents"] or ():
            above = parent["record_id"]
            if above in rows and above != record and levels.get(above, 0) <= levels[key] < len(rows):
                levels[above] = levels[key] + 1
                waiting.append(above)
    return levels


def _places(levels: Mapping[bytes, int], deepest: int) -> dict[bytes, tuple[float, float]]:
    """The upper left corner of each box: a column for each level, the farthest first."""
    rows: dict[int, int] = {}
    places = {}
    for key, level in levels.items():
        row = rows.get(level, 0)
        rows[level] = row + 1
        places[key] = (ACROSS * (deepest - level) + 1, DOWN * row + 2)
    return places


def _edges(rows: Mapping[bytes, tuple[str, Mapping[str, Any]]]) -> list[tuple[bytes, Mapping[str, Any]]]:
    known = rows.keys()
    return [(key, p) for key, (_, row) in rows.items() for p in row["parents"] or () if p["record_id"] in known]


def _edge(above: tuple[float, float], below: tuple[float, float], relation: str | None) -> str:
    x0, y0, x1, y1 = above[0] + BOX, above[1] + TALL / 2, below[0], below[1] + TALL / 2
    middle = (x0 + x1) / 2
    return (
        f'<path class="edge" d="M{x0:g},{y0:g}C{middle:g},{y0:g} {middle:g},{y1:g} {x1:g},{y1:g}">'
        f"<title>{escape(relation or 'source')}</title></path>"
    )


def _box(place: tuple[float, float], stage: str, row: Mapping[str, Any], *, asked: bool) -> str:
    x, y = place
    made = row.get("model_id") or row.get("method") or ""
    full = row["record_id"].hex()
    words, short = f"{stage} {full}, {made}", shortened(f"{full[:8]} {made}")
    return (
        f"<g><title>{escape(words)}</title>"
        f'<rect class="node{" asked" if asked else ""}" x="{x:g}" y="{y:g}" width="{BOX:g}" height="{TALL:g}" rx="5"/>'
        f'<text x="{x + 8:g}" y="{y + 17:g}">{escape(shortened(stage))}</text>'
        f'<text class="pale" x="{x + 8:g}" y="{y + 32:g}">{escape(short)}</text></g>'
    )


def _verdict(place: tuple[float, float], verdict: Mapping[str, Any]) -> str:
    x, y = place[0] + ACROSS, place[1]
    kept = verdict["verdict"] == "kept"
    words = "kept" if kept else str(verdict["reason"] or "dropped")
    return (
        f"{_edge(place, (x, y), 'verdict')}<g><title>{escape(words)}</title>"
        f'<rect class="{"kept" if kept else "dropped"}" x="{x:g}" y="{y:g}" width="{BOX - 2:g}" height="{TALL:g}" '
        'rx="20"/>'
        f'<text x="{x + BOX / 2:g}" y="{y + 25:g}" text-anchor="middle">{escape(shortened(words))}</text></g>'
    )


def _words(sample: Sample, levels: Mapping[bytes, int]) -> str:
    names: Sequence[str] = [f"{stage} {row['record_id'].hex()[:8]}" for stage, row in sample.ancestors]
    verdict = sample.verdict["reason"] or sample.verdict["verdict"]
    above = f"made from {', '.join(names)}" if names else "made from nothing that is known here"
    own = f"{sample.stage} {sample.record['record_id'].hex()[:8]}"
    return f"Lineage of {own} over {max(levels.values())} steps: {above}; {verdict}"
