"""Long-tail coverage: which languages, topics or other cells are rare or missing, and how many records each lacks.

Paper: interpretation of an open question of the survey arXiv:2410.12896. Cells are the values of the language, the
source or an attribute of the records. A reference says which cells there should be and how large each is. Languages
that a classifier wrote into the records are corrected by what it says of texts whose language is known, since it calls
rare more than is rare. `synth backlog` writes what is lacking, with records to begin from, as a source of the recipe
that is to make it. Count bytes and words beside records where scripts differ, and have native speakers look at what is
written in a rare language: fluent and wrong is what a model does there. Raise rare cells by `temperature` or `unimax`,
seen at most four times.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.method import InputPath, Measure, Measurement, Proof
from synth_dagster.parts.pages.long_tail import (
    Confusion,
    backlog,
    chao1,
    effective_number,
    missing_mass,
    tail_recall,
)
from synth_dagster.parts.text.languages import languages_of
from synth_dagster.services import References

_NO_CELL = ("", "und")


class LongTailCoverage(Measure):
    """Numbers about the cells of all records; the histogram is the backlog: cell -> records that it lacks."""

    paper = "interpretation"
    proof = Proof(
        "planted signal",
        "Good-Turing, Chao1 and precision by hand; of 100 topics the 20 that were hidden are the backlog; a "
        "language of 0.5 % among 50,000 records is found within 0.1 points though as many of another are called so.",
    )
    reads = ("source", "lang", "attributes")
    topics = ("rare languages", "low-resource", "coverage", "backlog", "multilingual")

    by: str = Field("lang", min_length=1, description="What a cell is: lang, source, or an attribute of the records.")
    floor: int = Field(100, ge=1, description="Records that each cell should have.")
    reference: InputPath = Field("", description="What there should be (.jsonl): cell, and share or count of each.")
    labelled: InputPath = Field(
        "", description="With lang: texts of known language (.jsonl: text, label) that show how the classifier errs."
    )
    tail: float = Field(0.1, gt=0, le=1, description="Share of the reference's cells, the rarest, that are its tail.")
    at_least: int = Field(1, ge=1, description="Records with which a cell of the tail counts as covered.")

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References
    ) -> Measurement:
        found = cells(flat, self.by)
        counts = Counter(cell for cell in found if cell not in _NO_CELL)
        expected = shares_of(references.rows(self.reference), self.reference) if self.reference else {}
        numbers = {
            "records": float(flat.num_rows),
            "without_cell": float(len(found) - counts.total()),
            "cells": float(len(counts)),
            "missing_mass": missing_mass(counts.values()),
            "chao1": chao1(counts.values()),
            "effective_number": effective_number(counts.values()),
        }
        real: Mapping[str, float] = counts
        if self.labelled:
            confusion = _confusion(references.rows(self.labelled), self.labelled)
            real = counts | confusion.corrected(counts)
            numbers |= {"least_precision": min(confusion.precisions(real).values(), default=None)}
        lacking = backlog(real, self.floor, expected)
        numbers |= {"below_floor": float(len(lacking)), "lacking": sum(gap.missing for gap in lacking)}
        if expected:
            numbers |= _beside(real, expected, self.tail, self.at_least)
        known = {name: float(number) for name, number in numbers.items() if number is not None}
        return Measurement(known, {gap.cell: round(gap.missing, 2) for gap in lacking})


def cells(flat: pa.Table, by: str) -> list[str]:
    """The cells of all records, of a record with a list of values one each; `""` for a record without one."""
    return [cell for own in cells_of(flat, by) for cell in own]


def cells_of(flat: pa.Table, by: str) -> list[Sequence[str]]:
    """The cells of each record, at least one: `""` where it has none."""
    if by in ("lang", "source"):
        return [[value or ""] for value in flat[by].to_pylist()]
    return [_named(json.loads(attributes or "{}").get(by)) for attributes in flat["attributes"].to_pylist()]


def _named(value: object) -> Sequence[str]:
    several = value if isinstance(value, list) else [value]
    names = [str(one) for one in several if isinstance(one, str | int | float)]
    return names or [""]


def shares_of(rows: Sequence[Mapping[str, object]], path: str) -> dict[str, float]:
    """cell -> share, of lines with `cell` and `share` or `count`. Raises SynthError for what is neither."""
    sizes: Counter[str] = Counter()
    for row in rows:
        cell, size = row.get("cell"), row.get("share", row.get("count"))
        if not isinstance(cell, str) or isinstance(size, bool) or not isinstance(size, int | float):
            raise SynthError(f"Each line of '{path}' needs 'cell' and 'share' or 'count', a number. Correct the file.")
        if not math.isfinite(size) or size < 0:
            raise SynthError(
                f"'{path}' gives the cell '{cell}' the size {size}. Sizes are 0 or more: correct the file."
            )
        sizes[cell] += size  # type: ignore[assignment]  # a Counter adds up shares as well
    total = sum(sizes.values())
    return {cell: size / total if total else 0.0 for cell, size in sizes.items()}


def _confusion(rows: Sequence[Mapping[str, Any]], path: str) -> Confusion:
    texts, labels = [row.get("text") for row in rows], [row.get("label") for row in rows]
    if not all(isinstance(one, str) for one in (*texts, *labels)):
        raise SynthError(f"Each line of '{path}' needs 'text' and 'label', the language of the text. Correct the file.")
    return Confusion.of(labels, languages_of(pa.array(texts, pa.string())).names.tolist())  # type: ignore[arg-type]


def _beside(
    counts: Mapping[str, float], expected: Mapping[str, float], tail: float, at_least: int
) -> dict[str, float | None]:
    total = sum(counts.values())
    ratios = [counts.get(cell, 0) / total / share for cell, share in expected.items() if share] if total else []
    return {
        "tail_recall": tail_recall(counts, expected, tail, at_least),
        "least_represented": min(ratios, default=None),
        "most_represented": max(ratios, default=None),
    }
