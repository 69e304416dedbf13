"""A trace as a Mermaid graph, which GitHub, notebooks and most editors draw."""

from collections.abc import Mapping
from typing import Any

from synth_dagster.governance.trace import Trace

SHORT = 12  # digits of an id in a label
STYLES = ("classDef asked stroke-width:4px", "classDef missing stroke-dasharray:4")


def drawn(found: Trace, *, most: int) -> str:
    """Records from their sources downwards, with the releases that kept or dropped them; at most so many records."""
    entries = [found.record, *_nearest(found, most - 1)]
    shown = {entry["record_id"] for entry in entries}
    left_out = len(found.ancestors) + len(found.descendants) + 1 - len(entries)
    lines = ["flowchart TB", *(f"    {line}" for entry in entries for line in _node(entry, found))]
    drawn_edges = [edge for edge in found.edges if {edge["child"], edge["parent"]} <= shown]
    lines += [f"    {_name(e['parent'])} -->|{_label(e['relation'])}| {_name(e['child'])}" for e in drawn_edges]
    lines += [f"    more([and {left_out} more records])"] if left_out else []
    return "\n".join([*lines, *(f"    {style}" for style in STYLES)])


def _nearest(found: Trace, most: int) -> list[Mapping[str, Any]]:
    """What is nearest to the record, above and below in turn."""
    both = [*found.ancestors, *found.descendants]
    return sorted(both, key=lambda entry: entry["distance"])[: max(most, 0)]


def _node(entry: Mapping[str, Any], found: Trace) -> list[str]:
    made = entry["model_id"] or entry["method"] or entry["status"]
    label = "<br>".join(_label(part) for part in (entry["stage"], entry["record_id"][:SHORT], made))
    kind = "missing" if entry["status"] == "missing" else "asked" if entry is found.record else ""
    name = _name(entry["record_id"])
    lines = [f'{name}["{label}"]' + (f":::{kind}" if kind else "")]
    for verdict in entry.get("verdicts", ()):
        said = _label(f"{verdict['release']}: {verdict['verdict']}")
        lines.append(f'{name} --> {name}_{len(lines)}(["{said}"])')
    return lines


def _name(record_id: str) -> str:
    return f"r{record_id}"


def _label(text: str) -> str:
    """Words as a label: what Mermaid or a browser would take for its own is written as a number."""
    return "".join(one if one.isalnum() or one in " _-.:/," else f"#{ord(one)};" for one in text)
