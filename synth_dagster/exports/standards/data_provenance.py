"""The Data Provenance Initiative's entry of a dataset, by the names of its template (arXiv:2310.16787)."""

from collections.abc import Mapping
from typing import Any

from synth_dagster.exports.facts import Facts
from synth_dagster.exports.standards.base import Shown, Standard, pretty

FORMATS = {"document": [], "instruction": ["Zero-shot Prompts"], "preference": ["Response Ranking"]}


class DataProvenance(Standard):
    file = "data_provenance.json"
    title = "Data Provenance card"

    def write(self, facts: Facts, shown: Shown) -> str:
        return pretty({facts.name: _entry(facts), "Tables": _tables(facts), "Not Known": list(facts.unknown)})


def _entry(facts: Facts) -> dict[str, Any]:
    return {
        "Unique Dataset Identifier": facts.name,
        "Dataset Name": facts.dataset,
        "Dataset URL": facts.url or "",
        "Languages": [name for name in facts.languages if name != "und"],
        "Format": FORMATS[facts.kind],
        "Text Metrics": {"Num Dialogs": facts.kept, "Tokens": facts.tokens, "Token Counter": facts.token_counter},
        "Text Sources": sorted({host for one in facts.sources for host in one.hosts}),
        "Model Generated": list(facts.models),
        "Human Annotation": "No" if facts.models else "Unspecified",
        "Derived from Datasets": [one.name for one in facts.sources],
        "Creators": [facts.creator] if facts.creator else [],
        "Licenses": [{"License": name or "Unspecified", "License URL": _page(name)} for name in facts.licenses],
        "License Verified By": "",
        "Time of Collection": facts.collected if facts.sources else "",
    }


def _page(name: str) -> str:
    from synth_dagster.licences.expression import Licence, NotAnExpression, parse

    try:
        found = parse(name)
    except NotAnExpression:
        return ""
    return f"https://spdx.org/licenses/{found.name}" if isinstance(found, Licence) and found.listed else ""


def _tables(facts: Facts) -> dict[str, Any]:
    kept = {one.name: one.kept for one in facts.sources}
    return {
        "Licenses": shares({name or "Unspecified": count for name, count in facts.licenses.items()}),
        "Languages": shares(facts.languages),
        "Sources": shares(kept),
        "Synthetic Depth": shares(facts.depths),
    }


def shares(counts: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Counts with percentages that sum to 100: what rounding leaves goes to the largest remainders."""
    total = sum(counts.values())
    if not total:
        return {}
    units = {name: count * 10_000 / total for name, count in counts.items()}
    floors = {name: int(value) for name, value in units.items()}
    left = 10_000 - sum(floors.values())
    for name in sorted(units, key=lambda one: (floors[one] - units[one], one))[:left]:
        floors[name] += 1
    return {name: {"examples": counts[name], "percent": floors[name] / 100} for name in counts}
