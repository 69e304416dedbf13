"""Quality and diversity together: a dozen numbers of variety, each with its margin, and what quality costs of it.

Paper: open question 1 of the survey arXiv:2410.12896; the formulas are those of arXiv:2410.15226 (table 1), Vendi of
arXiv:2210.02410, coverage of arXiv:2002.09797. Heuristics disagree: look at several, never at one. Most numbers grow or
fall with the size of a set, so equally many records are measured, and releases may only be compared at the same
`records`. `low` and `high` bound each number. Vectors are those of words and their parts, learnt from the texts
themselves, so that what two texts say in other words does not count as alike; with `vectors: embedder` it does, by the
model that a step `embed` has asked. A reference model's perplexity and an agent that names clusters are not among these
numbers.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.errors import MethodError
from synth_dagster.method import InputPath, Measure, Measurement, Proof
from synth_dagster.parts.similarity.chosen_vectors import VectorChoice, all_of, without
from synth_dagster.parts.similarity.variety import (
    coordinates,
    frontier,
    group_evenness,
    groups,
    gzip_ratio,
    heaps_slope,
    knee,
    local_density,
    mean_distance,
    nearest_distances,
    reach,
    self_repetition,
    vendi,
    with_margins,
    within_reach,
)
from synth_dagster.parts.similarity.word_vectors import AT_ONCE, DIMENSIONS, WordVectors
from synth_dagster.parts.text.hashed_words import Hashed, ngrams, normalise, words
from synth_dagster.services import References, Vectors

_SHARES = tuple(tenth / 10 for tenth in range(10, 0, -1))
_LARGE = 5  # records of a group that counts
_DRAW = 20_260


class QualityDiversitySuite(Measure, VectorChoice):
    """Variety by words and by vectors, coverage of a reference, and the frontier of quality and Vendi."""

    paper = "arXiv:2410.12896"
    proof = Proof(
        "equation by hand",
        "Vendi of I_4 is 4, of two pairs 2, of [[1,.5],[.5,1]] 1.7548; a set twice over halves distinct-n and keeps "
        "Vendi to 1e-6; ten seeds said over in half of 200 texts lower Vendi, evenness and coverage beyond margins.",
    )
    reads = ("words", "attributes")
    topics = ("vendi", "coverage", "entropy", "collapse", "frontier")

    size: int = Field(1_000, ge=4, le=5_000, description="Records that are measured at most, drawn by their ids.")
    halves: int = Field(20, ge=2, le=1_000, description="Random halves from which margins are told.")
    groups: int = Field(20, ge=2, le=1_000, description="Groups that k-means looks for.")
    matched: int = Field(50, ge=1, description="Words to which texts are cut where length would be measured as well.")
    reference: InputPath = Field(
        "", description="Texts that the records should cover; at most `size` of them are used."
    )
    quality: str = Field("", description="Attribute or column with a number that says how good a record is.")

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References, vectors: Vectors
    ) -> Measurement:
        found = words(normalise(flat["text"]))
        places = _drawn(np.flatnonzero(found.counts), self.size)
        known = self.chosen(vectors)
        lacking = without(known.of(flat["text"].take(pa.array(places)))) if known and len(places) else None
        places = places if lacking is None else places[~lacking]
        numbers = {"records": float(len(places))}
        numbers |= {} if lacking is None else {"without_vector": float(lacking.sum())}
        if not len(places):
            return Measurement(numbers)
        texts, aims = flat["text"].take(pa.array(places)).to_pylist(), _sample(self._aims(references), self.size)
        drawn = _Drawn.of(texts, found.take(places), aims, partial(_by_model, known) if known else _by_words)
        margins = with_margins(len(places), lambda some: dict(self._numbers(drawn, some)), self.halves, _DRAW)
        for name, one in margins.items():
            numbers[name] = one.value
            if one.margin is not None:
                numbers |= {f"{name}_low": one.value - one.margin, f"{name}_high": one.value + one.margin}
        quality = self._quality(flat).take(pa.array(places)).to_numpy(zero_copy_only=False) if self.quality else None
        points, curve = _weighed(quality, drawn.likeness) if quality is not None else ({}, {})
        # sums over threads differ in their last digits, and a release is always measured alike
        return Measurement(*({name: round(one, 6) for name, one in said.items()} for said in (numbers | points, curve)))

    def _aims(self, references: References) -> Sequence[str]:
        return references.texts(self.reference) if self.reference else ()

    def _numbers(self, drawn: "_Drawn", some: np.ndarray) -> Iterator[tuple[str, float | None]]:
        own, likeness = drawn.words.take(some), drawn.likeness[np.ix_(some, some)]
        cut = _cut(own, self.matched)
        for n in range(1, 5):
            yield f"distinct_{n}", _distinct(own, n)
            yield f"distinct_{n}_matched", _distinct(cut, n)
        yield "types", float(len(np.unique(own.hashes)))
        yield "heaps_slope", heaps_slope(own.hashes)
        yield "gzip_ratio", gzip_ratio([drawn.texts[place] for place in some])
        yield "gzip_ratio_matched", gzip_ratio([_head(drawn.texts[place], self.matched) for place in some])
        repeated = self_repetition(own)
        yield "self_repetition", repeated[0] if repeated else None
        yield "self_repetition_printed", repeated[1] if repeated else None
        yield "mean_distance", mean_distance(likeness)
        yield "vendi", vendi(likeness)
        nearest = nearest_distances(likeness)
        yield "nearest_distance", float(nearest.mean()) if len(nearest) else None
        dense = local_density(likeness)
        yield "local_density", float(dense.mean()) if len(dense) else None
        group = groups(drawn.coordinates[some], self.groups)
        yield "group_evenness", group_evenness(group, min(self.groups, len(some)))
        yield "large_groups", float((np.bincount(group) >= _LARGE).sum())
        if drawn.within is not None:
            reached = reach(drawn.within[some])
            yield "coverage", reached.coverage if reached else None
            yield "density", reached.density if reached else None

    def _quality(self, flat: pa.Table) -> pa.Array:
        if self.quality in flat.column_names and not pa.types.is_string(flat[self.quality].type):
            return flat[self.quality].combine_chunks().cast(pa.float64())
        said = [json.loads(attributes or "{}").get(self.quality) for attributes in flat["attributes"].to_pylist()]
        numbers = [float(one) if isinstance(one, int | float) else None for one in said]
        if flat.num_rows and not any(one is not None for one in numbers):
            raise MethodError(
                f"quality_diversity_suite: no record has a number '{self.quality}' in its attributes. "
                "Name an attribute that a step of the recipe writes, or leave 'quality' out."
            )
        return pa.array(numbers, pa.float64())


@dataclass(frozen=True)
class _Drawn:
    """The texts that are measured, their words, how alike they are, and what of the reference they are near to."""

    texts: list[str]
    words: Hashed
    likeness: np.ndarray
    coordinates: np.ndarray
    within: np.ndarray | None

    @classmethod
    def of(cls, texts: list[str], said: Hashed, aims: Sequence[str], embedded: "Embedded") -> "_Drawn":
        own, others = embedded(texts, aims)
        likeness = (own @ own.T).astype(float)
        within = within_reach(own @ others.T, others @ others.T) if aims else None
        return cls(texts, said, likeness, coordinates(likeness), within)


Embedded: TypeAlias = Callable[[Sequence[str], Sequence[str]], tuple[np.ndarray, np.ndarray]]
"""Texts and those of a reference -> the vectors of both."""


def _by_words(texts: Sequence[str], aims: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    # each text once, so that a set twice over has the same vectors
    weights = WordVectors.learnt(pa.array(sorted({*texts, *aims}), pa.string()))
    return _vectors(weights, texts), _vectors(weights, aims)


def _by_model(known: Vectors, texts: Sequence[str], aims: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    own = known.of(texts)
    return own, all_of(known, pa.array(aims, pa.string()), "texts of the reference") if aims else own[:0]


def _vectors(weights: WordVectors, texts: Sequence[str]) -> np.ndarray:
    column = pa.array(texts, pa.string())
    parts = [weights.of(column.slice(start, AT_ONCE)) for start in range(0, len(column), AT_ONCE)]
    return np.concatenate([np.zeros((0, DIMENSIONS), np.float32), *parts])


def _drawn(places: np.ndarray, most: int) -> np.ndarray:
    """So many of the places at random, the same each time, in their order."""
    return np.sort(np.random.default_rng(_DRAW).permutation(places)[:most])


def _sample(texts: Sequence[str], most: int) -> list[str]:
    known = list(dict.fromkeys(texts))
    return [known[place] for place in _drawn(np.arange(len(known)), most)]


def _cut(found: Hashed, most: int) -> Hashed:
    """The first words of each text."""
    within = found.places < most
    counts = np.minimum(found.counts, most)
    return Hashed(found.hashes[within], np.concatenate([[0], np.cumsum(counts)]))


def _head(text: str, most: int) -> str:
    return " ".join(text.split(maxsplit=most)[:most])


def _distinct(found: Hashed, n: int) -> float | None:
    grams = ngrams(found, n).hashes
    return len(np.unique(grams)) / len(grams) if len(grams) else None


def _weighed(quality: np.ndarray, likeness: np.ndarray) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and spread of the quality, the knee of its frontier with Vendi, and Vendi by the share that is retained."""
    known = np.flatnonzero(~np.isnan(quality))
    if not len(known):
        return {}, {}
    points = frontier(quality[known], likeness[np.ix_(known, known)], _SHARES)
    numbers = {"quality": float(quality[known].mean()), "quality_sd": float(quality[known].std())}
    turn = knee(points)
    if turn:
        numbers |= {"knee_retained": turn.retained, "knee_quality": turn.quality, "knee_vendi": turn.vendi}
    return numbers, {f"vendi of the best {point.retained:.0%}": point.vendi for point in points}
