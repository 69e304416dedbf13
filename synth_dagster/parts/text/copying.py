"""How much of a text stands in the texts behind it: its longest run of words there, and the share that they support.

Both are asked of pairs of a text and one that it was made from, so nothing is compared with all else. A run is told in
steps of `PIECE` words: consecutive pieces of the text that the other one holds, wherever they stand there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.text.hashed_words import Hashed, hash_texts, ngrams, normalise, offsets_of, words
from synth_dagster.services import Ancestors

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

PIECE = 5  # words
SAYS = 4  # letters of a word that says something
_APART = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Behind:
    """Some texts that people wrote, and pairs of a record and such a text, as places in both."""

    texts: pa.Array
    record: np.ndarray
    text: np.ndarray


def seeds_in_parts(ancestors: Ancestors, records: Sequence[bytes]) -> Iterator[Behind]:
    """The texts that people wrote behind records, those of a batch at a time: of a release they may be very many."""
    place = {record_id: number for number, record_id in enumerate(records)}
    for table in ancestors.generations():
        seeds = table.filter(pc.equal(table["synthetic_depth"], 0))
        pairs = [
            (place[heir], number)
            for number, heirs in enumerate(seeds["heirs"].to_pylist())
            for heir in heirs
            if heir in place
        ]
        record, text = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
        yield Behind(pc.fill_null(pa.chunked_array(seeds["text"]).combine_chunks(), ""), record, text)


def longest_copies(texts: Hashed, parts: Iterable[Behind]) -> np.ndarray:
    """For each text the words of the longest run that it has in common with a text behind it."""
    longest = np.zeros(len(texts), np.int64)
    for part in parts:
        records, own = np.unique(part.record, return_inverse=True)
        runs = longest_runs(texts.take(records), words(normalise(part.texts)), own, part.text)
        np.maximum.at(longest, part.record, runs)
    return longest


def longest_runs(texts: Hashed, others: Hashed, text: np.ndarray, other: np.ndarray) -> np.ndarray:
    """For each pair of a text and another the words of the longest run that both have; 0 for fewer than five."""
    pieces, theirs = ngrams(texts, PIECE).take(text), ngrams(others, PIECE)
    there = np.unique(theirs.hashes ^ _of(theirs.owners))
    hit = np.isin(pieces.hashes ^ _of(other[pieces.owners]), there)
    place = np.arange(len(hit))
    missed = np.maximum.accumulate(np.where(hit, -1, place)) if len(hit) else place
    before = np.maximum(missed, np.repeat(pieces.offsets[:-1], pieces.counts) - 1)  # a run begins in its own text
    found = np.zeros(len(text), np.int64)
    np.maximum.at(found, pieces.owners, np.where(hit, place - before, 0))
    return np.where(found > 0, found + PIECE - 1, 0)


def supported(claims: pa.Array, record: np.ndarray, parts: Iterable[Behind]) -> tuple[np.ndarray, np.ndarray]:
    """For each claim the share of its words that stand in some text behind its record, and whether there is a text.

    `record[i]` is whose claim i is, in ascending order. The share is NaN for a claim without words. Words of under four
    letters do not count: they stand everywhere.
    """
    said = _telling(claims)
    hit, has_any = np.zeros(len(said.hashes), bool), np.zeros(len(said), bool)
    for part in parts:
        own = _ranges(*(np.searchsorted(record, np.unique(part.record), side) for side in ("left", "right")))
        spoken, behind = said.take(own), _telling(part.texts).take(part.text)
        there = np.unique(behind.hashes ^ _of(part.record[behind.owners]))
        hit[_ranges(said.offsets[own], said.offsets[own + 1])] |= np.isin(
            spoken.hashes ^ _of(record[own][spoken.owners]), there
        )
        has_any[own] = True
    hits = np.bincount(said.owners, hit, minlength=len(said))
    return np.where(said.counts > 0, hits / np.maximum(said.counts, 1), np.nan), has_any


def _ranges(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """All numbers of each range, one range after the other."""
    counts = ends - starts
    return np.repeat(starts, counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def claims_of(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The sentences of texts, and which text each is of."""
    broken = pc.replace_substring_regex(pc.fill_null(texts, ""), r"([.!?。])\s+", r"\1" + "\n")
    lines = pc.split_pattern(broken, "\n")
    return pc.list_flatten(lines), pc.list_parent_indices(lines).to_numpy(zero_copy_only=False)


def _telling(texts: pa.Array) -> Hashed:
    """The words of at least four letters; of scripts without spaces each sign is one."""
    parts = pc.split_pattern(normalise(texts), " ")
    flat, owners = pc.list_flatten(parts), pc.list_parent_indices(parts).to_numpy(zero_copy_only=False)
    is_said = pc.or_(
        pc.greater_equal(pc.utf8_length(flat), SAYS), pc.match_substring_regex(flat, r"^[\p{Nd}\p{Han}\p{Hiragana}]")
    )
    chosen = is_said.to_numpy(zero_copy_only=False)
    return Hashed(hash_texts(flat.filter(is_said)), offsets_of(np.bincount(owners[chosen], minlength=len(texts))))


def _of(numbers: np.ndarray) -> np.ndarray:
    """What keeps the hashes of one text apart from those of another."""
    return (numbers.astype(np.uint64) + np.uint64(1)) * _APART
