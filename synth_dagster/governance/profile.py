"""What a version looks like from afar: its records counted and measured, as one small picture.

Counts and shares only, so that it may stand in the event log. The languages that a delivery declares are shown only
where they are language tags: anything else may be text of a record.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_a

from synth_dagster.governance.plots import Bars, Panel, draw, histogram
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.parts.text.hashed_words import ngrams, normalise, words
from synth_dagster.recipe import Recipe
from synth_dagster.record_tables import schema_of
from synth_dagster.records import RecordKind
from synth_dagster.runner.context import SIGNALS
from synth_dagster.scale.signals import flatten

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

MOST_MEASURED = 2_000  # records, the first by id: a fair sample, and a bound on the time
MOST_SIGNALS = 6
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


def picture_of(recipe: Recipe, lake: Lake, candidate: Candidate) -> bytes:
    """The panels of a version as one PNG."""
    return draw(panels_of(recipe, lake, candidate))


def panels_of(recipe: Recipe, lake: Lake, candidate: Candidate) -> list[Panel]:
    """Records and where they went, lengths, languages, variety, and what the teachers were asked."""
    if candidate.stage == SIGNALS:
        return _signals(lake.candidate_table(candidate))
    if candidate.stage == recipe.mix.name:
        kind = recipe.stage(recipe.mix.of).record_kind
        return [*_verdicts(candidate), *_texts(lake, candidate, kind)]
    kind = recipe.stage(candidate.stage).record_kind
    return [*_yield(candidate), *_texts(lake, candidate, kind), *_teachers(candidate)]


def _yield(candidate: Candidate) -> list[Panel]:
    """Where the inputs and the records of a row stage went."""
    details = candidate.details
    status: Mapping[str, int] = details.get("status", {})
    steps = {"inputs": details.get("inputs", 0), "kept": candidate.current}
    steps |= {name: status.get(name, 0) for name in ("superseded", "eliminated")}
    steps["rejected"] = candidate.rejected
    reasons = Counter[str](details.get("reasons", {})) + Counter[str](details.get("rejects", {}))
    shown = {name: count for name, count in steps.items() if count or name == "kept"}
    return [Bars("Records", shown, as_given=True), Bars("Not kept, and why", reasons)]


def _verdicts(candidate: Candidate) -> list[Panel]:
    """What a release kept and why it left out the others."""
    verdicts: Mapping[str, Any] = candidate.details["verdicts"]
    dropped: Mapping[str, int] = verdicts["dropped"]
    steps = {"judged": verdicts["kept"] + sum(dropped.values()), "kept": verdicts["kept"]}
    return [Bars("Records", steps, as_given=True), Bars("Left out, and why", dropped)]


def _texts(lake: Lake, candidate: Candidate, kind: RecordKind) -> list[Panel]:
    """Lengths, languages and variety of the records that the next stage reads."""
    table = lake.candidate_table(candidate, columns=schema_of(kind).names)
    table = table.filter(pc.field("status") == "current").slice(0, MOST_MEASURED)  # a file is sorted by id
    found = words(normalise(flatten(table, kind)["text"]))
    shares = {}
    for n in (1, 2, 3):
        grams = ngrams(found, n).hashes
        if len(grams):
            shares[f"distinct-{n}"] = len(pc.unique(pa.array(grams))) / len(grams)
    return [
        histogram("Words in a record", found.counts.tolist()),
        Bars("Languages", _languages(table["lang"])),
        Bars("Share of different n-grams", shares, as_given=True),
    ]


def _languages(column: pa.ChunkedArray) -> dict[str, int]:
    found: Counter[str] = Counter()
    for item in column.value_counts().to_pylist():
        tag = item["values"] or "und"
        found[tag if LANGUAGE.fullmatch(tag) else "no language tag"] += item["counts"]
    return dict(found)


def _teachers(candidate: Candidate) -> list[Panel]:
    """Tokens of each role that was asked, and the money where the price is known."""
    roles: Mapping[str, Mapping[str, Any]] = candidate.details.get("teacher") or {}
    asked = {role: usage for role, usage in roles.items() if usage["calls"] or usage["cached"]}
    if not asked:
        return []
    prices = [usage["usd"] for usage in asked.values()]
    money = "price unknown" if None in prices else f"${sum(prices):.4f}"
    tokens = {f"{role} {way}": usage[f"tokens_{way}"] for role, usage in asked.items() for way in ("in", "out")}
    return [Bars(f"Teacher tokens, {money}", tokens, as_given=True)]


def _signals(table: pa.Table) -> list[Panel]:
    """The values of the first signals."""
    known = {"record_id", "stage", "source", "batch", "run_id", "created_at"}
    panels: list[Panel] = []
    for field in table.schema:
        values = table[field.name].drop_null()
        if field.name in known or not len(values) or len(panels) == MOST_SIGNALS:
            continue
        if is_a.is_boolean(field.type):
            panels.append(
                Bars(field.name, {str(v["values"]).lower(): v["counts"] for v in pc.value_counts(values).to_pylist()})
            )
        elif is_a.is_floating(field.type) or is_a.is_integer(field.type):
            panels.append(histogram(field.name, values.to_numpy()))
    return panels or [Bars("Records", {"rows": table.num_rows}, as_given=True)]
