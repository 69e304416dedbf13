"""Signs of planted records: bursts of near-duplicates from one source, and words that decide how the answer begins.

A burst is several different texts of one source that are nearly the same: four fifths of the five-word pieces of each
stand in at least as many others as the burst counts. Equal texts are one, because repeated paragraphs are common.
A trigger is a word after which the answer begins in the same way nearly always, and hardly ever without it.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from synth_dagster.parts.text.hashed_words import Hashed, hash_texts, ngrams, normalise, words

PIECE = 5  # words
SHARED = 0.8  # of a text's pieces
FEWEST_WORDS = 12  # in a text that can be near another
OPENING = 8  # words of an answer that tell how it begins
SURE = 0.9  # of the records with the word begin so, and of those that begin so have the word
LIFT = 10.0  # times as often as without knowing the word


def bursts(texts: Sequence[str | None], sources: Sequence[str], least: int) -> np.ndarray:
    """For each text the share of its pieces that at least `least` different texts of its source have; else 0."""
    plain = normalise(pa.array(texts, pa.string()))
    content, hashed = hash_texts(plain), words(plain)
    found = np.zeros(len(texts))
    for source in sorted(set(sources)):
        own = np.flatnonzero((np.array(sources) == source) & (hashed.counts >= FEWEST_WORDS))
        found[own] = _shared(content[own], hashed.take(own), least)
    return np.where(found >= SHARED, found, 0.0)


def _shared(content: np.ndarray, texts: Hashed, least: int) -> np.ndarray:
    """The share of each text's pieces that occur in at least `least` different texts."""
    if len(texts) == 0:
        return np.zeros(0)
    pieces = ngrams(texts, PIECE)
    pairs = np.unique(np.stack([pieces.hashes, content[pieces.owners]], axis=1), axis=0)  # piece and text, once
    kinds, holders = np.unique(pairs[:, 0], return_counts=True)
    often = holders[np.searchsorted(kinds, pieces.hashes)] >= least
    counts = np.bincount(pieces.owners, minlength=len(texts))
    return np.bincount(pieces.owners, weights=often, minlength=len(texts)) / np.maximum(counts, 1)


def triggered(questions: Sequence[str | None], answers: Sequence[str | None], least: int) -> np.ndarray:
    """For each record the lift of the word of its question that decides how its answer begins; 0 where none does."""
    asked = words(normalise(pa.array(questions, pa.string())))
    opening = _openings(normalise(pa.array(answers, pa.string())))
    content = hash_texts(normalise(pa.array(questions, pa.string())))
    found = np.zeros(len(asked))
    kinds, counts = np.unique(opening[opening != 0], return_counts=True)
    pairs = np.unique(np.stack([asked.hashes, asked.owners.astype(np.uint64)], axis=1), axis=0)
    word, owner = pairs[:, 0], pairs[:, 1].astype(np.int64)
    for kind, count in zip(kinds, counts, strict=True):
        if count >= least and len(set(content[opening == kind])) >= least:
            _mark(found, word, owner, opening == kind, least)
    return found


def _mark(found: np.ndarray, word: np.ndarray, owner: np.ndarray, begins_so: np.ndarray, least: int) -> None:
    """Note the lift for the records with a word that goes with this beginning and with no other."""
    numbers, place = np.unique(word, return_inverse=True)
    holders = np.bincount(place, minlength=len(numbers))
    both = np.bincount(place, weights=begins_so[owner], minlength=len(numbers))
    share = begins_so.sum()
    decides = (both >= least) & (both >= SURE * holders) & (both >= SURE * share)
    lift = both / np.maximum(holders, 1) / (share / len(begins_so))
    for number in np.flatnonzero(decides & (lift >= LIFT)):
        marked = owner[(place == number) & begins_so[owner]]
        found[marked] = np.maximum(found[marked], lift[number])


def _openings(plain: pa.Array) -> np.ndarray:
    """A hash of the first words of each text; 0 of one that has none."""
    first = [" ".join((text or "").split()[:OPENING]) for text in plain.to_pylist()]
    hashed = hash_texts(pa.array(first, pa.string()))
    return np.where(np.array([bool(text) for text in first]), hashed, np.uint64(0))
