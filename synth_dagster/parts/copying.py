"""How much of a text stands in the texts behind it: its longest run of words there, and the share that they support.

Both are asked of pairs of a text and one that it was made from, so nothing is compared with all else. A run is told in
steps of `PIECE` words: consecutive pieces of the text that the other one holds, wherever they stand there.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.hashed_words import Hashed, hash_texts, ngrams, normalise, offsets_of
from synth_dagster.services import Ancestors

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

PIECE = 5  # words
SAYS = 4  # letters of a word that says something
_APART = np.uint64(0x9E3779B97F4A7C15)


def seeds_behind(ancestors: Ancestors, records: Sequence[bytes]) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """The texts that people wrote behind records, and pairs of a record and such a text, as places in both."""
    place = {record_id: number for number, record_id in enumerate(records)}
    texts: list[str] = []
    pairs: list[tuple[int, int]] = []
    for table in ancestors.generations():
        seeds = table.filter(pc.equal(table["synthetic_depth"], 0))
        for text, heirs in zip(seeds["text"].to_pylist(), seeds["heirs"].to_pylist(), strict=True):
            pairs += [(place[heir], len(texts)) for heir in heirs if heir in place]
            texts.append(text or "")
    record, seed = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    return pa.array(texts, pa.string()), record, seed


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


def supported(
    claims: pa.Array, record: np.ndarray, others: pa.Array, heir: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """For each claim of a record the share of its words that stand in a text behind it; NaN for one without words.

    `record[i]` is whose claim i is, and `heir[j]` was made from `others[other[j]]`. Words of under four letters do not
    count: they stand everywhere.
    """
    said, told = _telling(claims), _telling(others)
    behind = told.take(other)
    there = np.unique(behind.hashes ^ _of(heir[behind.owners]))
    hit = np.isin(said.hashes ^ _of(record[said.owners]), there)
    hits = np.bincount(said.owners, hit, minlength=len(said))
    return np.where(said.counts > 0, hits / np.maximum(said.counts, 1), np.nan)


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
