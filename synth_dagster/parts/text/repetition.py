"""How much of a text repeats itself: lines, paragraphs and runs of words, for many texts at once.

Paper: arXiv:2112.11446, table A1, as datatrove counts it: the commonest run of 2, 3 or 4 words by all its places, and
repeated runs of 5 to 10 words by a scan that jumps over a run that it has seen. A run of n + 1 words can only be
repeated where a run of n words is, so each length looks only at the places that the one before has left.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.text.english_words import Words

TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = 24


@dataclass(frozen=True, slots=True)
class Pieces:
    """Lines or paragraphs of several texts: the text of each, its content as a number, its length in characters."""

    owners: np.ndarray
    contents: np.ndarray
    lengths: np.ndarray

    @classmethod
    def split(cls, texts: pa.Array, pattern: str) -> "Pieces":
        """The parts of each text between matches of the pattern; the first and the last may be empty."""
        return cls.of(pc.split_pattern_regex(texts, pattern))

    @classmethod
    def of(cls, lists: pa.ListArray) -> "Pieces":
        """Lists of strings, one list a text."""
        flat = lists.flatten()
        contents = flat.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        owners = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
        return cls(owners, contents, pc.utf8_length(flat).to_numpy(zero_copy_only=False))

    def repeated(self, texts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each text its pieces, those that stood before, and the characters of the latter."""
        first = np.zeros(len(self.owners), bool)
        keys = self.owners.astype(np.int64) * (1 + int(self.contents.max(initial=0))) + self.contents
        first[np.unique(keys, return_index=True)[1]] = True
        again = self.owners[~first]
        return (
            np.bincount(self.owners, minlength=texts),
            np.bincount(again, minlength=texts),
            np.bincount(again, weights=self.lengths[~first], minlength=texts),
        )


def repeated_runs(words: Words) -> dict[str, np.ndarray]:
    """Characters of the commonest run (`top_2` to `top_4`) and in repeated runs (`repeated_5` to `repeated_10`)."""
    owners, texts = words.owners, len(words.counts)
    reach = np.concatenate([[0], np.cumsum(words.lengths)])
    at = np.arange(len(words.hashes))
    hashes = words.hashes + owners.astype(np.uint64) * np.uint64(0xD6E8FEB86659FD93)  # runs of other texts differ
    found: dict[str, np.ndarray] = {}
    for n in range(2, max(REPEATED) + 1):
        there = at + n <= words.offsets[1:][owners[at]]
        at, hashes = at[there], hashes[there]
        hashes = (hashes * _FACTOR) ^ (hashes >> np.uint64(32))
        hashes += words.hashes[at + n - 1]
        groups = _Groups.of(hashes)
        if n in TOP:
            found[f"top_{n}"] = _commonest(n, at, groups, words, reach)
        at, hashes, group = at[groups.members], hashes[groups.members], groups.numbers
        if n in REPEATED:
            hits = at[_jumping_hits(at, group, n)]
            found[f"repeated_{n}"] = np.bincount(owners[hits], weights=reach[hits + n] - reach[hits], minlength=texts)
    return found


@dataclass(frozen=True, slots=True)
class _Groups:
    """Which of many values occur more than once."""

    members: np.ndarray  # places of values that occur again, ascending
    numbers: np.ndarray  # the group of each member
    firsts: np.ndarray  # the first place of each group
    sizes: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "_Groups":
        order = np.argsort(values)
        ordered = values[order]
        same = ordered[1:] == ordered[:-1]
        several = np.zeros(len(values), bool)
        several[1:] = same
        several[:-1] |= same
        begins = several.copy()
        begins[1:] &= ~same
        starts = np.flatnonzero(begins[several])
        members = order[several]
        sizes = np.diff(np.append(starts, len(members)))
        firsts = np.minimum.reduceat(members, starts) if len(starts) else members
        numbers = np.repeat(np.arange(len(starts)), sizes)
        ascending = np.argsort(members)
        return cls(members[ascending], numbers[ascending], firsts, sizes)


def _commonest(n: int, at: np.ndarray, groups: _Groups, words: Words, reach: np.ndarray) -> np.ndarray:
    """Characters, blanks between words included, of the run that occurs most often; of equals, the first."""
    texts = len(words.counts)
    first = np.where(words.counts >= n, words.offsets[:-1], 0)  # where nothing is repeated, the first run counts
    times = (words.counts >= n).astype(np.int64)
    owners = words.owners[at[groups.firsts]]
    order = np.lexsort((groups.firsts, -groups.sizes, owners))
    best = order[np.unique(owners[order], return_index=True)[1]]
    first[owners[best]], times[owners[best]] = at[groups.firsts[best]], groups.sizes[best]
    ends = np.minimum(first + n, len(words.lengths))
    return (reach[ends] - reach[first] + n - 1) * times if texts else np.zeros(0)


def _jumping_hits(at: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
    """Which repeated runs a scan counts that reads on n words further after each run that it has seen before.

    Whether a run was seen depends on which were jumped over, and that on what was seen. So it is guessed that all were
    read, and corrected until nothing changes: each round settles at least the next run, in practice nearly all.
    """
    count = len(at)
    if count == 0:
        return np.zeros(0, bool)
    read = np.ones(count, bool)
    after = np.searchsorted(at, at + n)
    hit = np.zeros(count, bool)
    for _ in range(_ROUNDS):
        seen = _seen_before(read, group)
        if (seen & read == hit & read).all() and hit.any():
            return hit & read
        hit = seen
        read = _reached(np.where(hit, after, np.arange(1, count + 1)))
    return _walked(at, group, n)


def _seen_before(read: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Whether a run of the same group stands before and was read."""
    count = len(group)
    first = np.full(int(group.max()) + 1, count)
    places = np.flatnonzero(read)[::-1]
    first[group[places]] = places  # the last assignment is the first place
    return np.arange(count) > first[group]


def _reached(after: np.ndarray) -> np.ndarray:
    """The places that are read from place 0 on, when `after` says which comes next: by jumps of 1, 2, 4, ..."""
    count = len(after)
    jump = np.append(after, count)
    reached = np.zeros(count + 1, bool)
    reached[0] = True
    for _ in range(count.bit_length()):
        reached[jump[np.flatnonzero(reached)]] = True
        jump = jump[jump]
    return reached[:-1]


def _walked(at: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
    """The scan itself, for what does not settle: one step a run that is repeated."""
    hits, seen, free = np.zeros(len(at), bool), set(), 0
    for place, (where, which) in enumerate(zip(at.tolist(), group.tolist(), strict=True)):
        if where < free:
            continue
        if which in seen:
            hits[place], free = True, where + n
        seen.add(which)
    return hits
