"""GDR's report: how varied refined texts are beside raw and free-generated ones, and which facts still stand in them.

Paper: arXiv:2509.08653. Texts of which only pieces were exchanged stay as varied as they were; texts that a model wrote
from nothing do not. Variety is the mean distance (L2) of all pairs of texts by vectors of unit length, and the mean
ROUGE-2 of all pairs, which is the lower the more varied they are. Leaks are facts of a list: private ones that a text
still says, and public ones that none says any more. What a model remembers of the texts is not asked here.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.method import LabelsPath, Measure, Measurement, Proof
from synth_dagster.parts.similarity.chosen_vectors import VectorChoice, without
from synth_dagster.parts.similarity.pairwise import mean_rouge
from synth_dagster.parts.similarity.spread import remote_clique
from synth_dagster.parts.similarity.word_vectors import WordVectors
from synth_dagster.parts.text.hashed_words import normalise, words
from synth_dagster.records import Document
from synth_dagster.services import References, Vectors

SETS = ("raw", "generated")


class GdrReport(Measure, VectorChoice):
    """Of the records `mean_distance` and `rouge_2`; beside another set its own, and the records' share of them."""

    paper = "arXiv:2509.08653"
    judges = (Document,)
    topics = ("diversity", "anonymisation", "leaks", "personal data", "rouge")
    proof = Proof(
        "equation by hand",
        "ROUGE-2 of pairs as counted one by one; exchanged names leave both numbers within 10 % of the raw texts', "
        "texts of one template are clearly less varied; of planted facts those left and those lost are counted.",
    )

    raw: LabelsPath = Field("", description="The texts as they were before: files of .jsonl, .csv or .txt.")
    generated: LabelsPath = Field("", description="Texts that a model wrote freely instead.")
    facts: LabelsPath = Field(
        "", description="What to look for (.jsonl): fact, in the words of the texts, and private, true or false."
    )
    size: int = Field(200, ge=2, le=500, description="Texts of each set that are compared in pairs, evenly over it.")

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References, vectors: Vectors
    ) -> Measurement:
        texts = [text for text in flat["text"].to_pylist() if text]
        others = {name: references.texts(path) for name in SETS if (path := getattr(self, name))}
        drawn = {name: _drawn(some, self.size) for name, some in {"": texts, **others}.items()}
        numbers: dict[str, float] = {"records": float(len(texts))}
        known = self.chosen(vectors)
        weights = None if known else WordVectors.learnt(pa.array(sorted({t for some in drawn.values() for t in some})))
        for name, some in drawn.items():
            rows = known.of(some) if known else weights.of(pa.array(some, pa.string())) if weights else np.zeros((0, 1))
            numbers |= {f"{name}_{key}".lstrip("_"): value for key, value in _variety(some, rows)}
        for name in others:
            for key in ("mean_distance", "rouge_2"):
                mine, theirs = numbers.get(key), numbers.get(f"{name}_{key}")
                if mine is not None and theirs:
                    numbers[f"{key}_of_{name}"] = mine / theirs
        if self.facts:
            numbers |= _facts(texts, references.rows(self.facts), self.facts)
        return Measurement({name: round(number, 4) for name, number in numbers.items()})


def _drawn(texts: Sequence[str], most: int) -> list[str]:
    """So many of the texts, evenly over their order."""
    places = np.linspace(0, len(texts) - 1, min(most, len(texts))) if texts else np.zeros(0)
    return [texts[int(place)] for place in places]


def _variety(texts: Sequence[str], rows: np.ndarray) -> Iterator[tuple[str, float]]:
    there = rows[~without(rows)] if len(rows) else rows
    yield "texts", float(len(texts))
    if len(there) > 1:  # of all ordered pairs, those of a text with itself have no distance
        yield "mean_distance", remote_clique(there) * len(there) / (len(there) - 1)
    rouge = mean_rouge(words(normalise(pa.array(texts, pa.string()))))
    if rouge is not None:
        yield "rouge_2", rouge


def _facts(texts: Sequence[str], rows: Sequence[Mapping[str, object]], path: str) -> dict[str, float]:
    """How many facts of each kind there are, private ones that are left, and public ones that are."""
    said = "\n".join(f" {one} " for one in normalise(pa.array(texts, pa.string())).to_pylist())
    found = {"private": 0, "private_left": 0, "public": 0, "public_left": 0}
    listed = pa.array([_fact(row, path)[0] for row in rows], pa.string())
    for fact, row in zip(normalise(listed).to_pylist(), rows, strict=True):
        kind = "private" if _fact(row, path)[1] else "public"
        found[kind] += 1
        found[f"{kind}_left"] += f" {fact} " in said
    return {name: float(number) for name, number in found.items()}


def _fact(row: Mapping[str, object], path: str) -> tuple[str, bool]:
    fact, private = row.get("fact"), row.get("private")
    if not isinstance(fact, str) or not fact.strip() or not isinstance(private, bool):
        raise SynthError(f"Each line of '{path}' needs 'fact', a text, and 'private', true or false. Correct the file.")
    return fact, private
