"""A language model by counting: interpolated n-grams of words with Witten-Bell smoothing, in NumPy and without a GPU.

P(w | h) = (c(h, w) + t(h) P(w | h')) / (c(h) + t(h)): c counts, t(h) says how many different words followed h, and h'
is h without its first word; at the end of it stands one in so many words as there are, and one for all unknown ones
(Bell, Cleary and Witten 1990, interpolated as in Chen and Goodman 1998). A word has the blanks before it, so that
joined words are the text again.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from synth_dagster.parts.models.priors import Candidates
from synth_dagster.parts.tensors import packed, unpacked
from synth_dagster.parts.text.hashed_words import mixed, offsets_of

VERSION = "1"  # of what is learnt from the same texts: raise it when the sums below change
_WORD = re.compile(r"\s*(?:\w+(?:['\u2019]\w+)*|[^\w\s])|\s+\Z")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit is lost


class PriorSettings(BaseModel):
    """How it is learnt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order: int = Field(5, ge=1, le=8, description="Words of the longest run that is counted.")

    def learning(self) -> dict[str, int]:
        """These settings by name, without others that a method has beside them."""
        return {name: getattr(self, name) for name in PriorSettings.model_fields}


@dataclass(frozen=True)
class Counts:
    """What followed the contexts of one length: entries `starts[i]:starts[i + 1]` are those of context i."""

    contexts: np.ndarray  # hashes, ascending
    starts: np.ndarray
    words: np.ndarray  # ascending within a context
    counts: np.ndarray

    @classmethod
    def of(cls, contexts: np.ndarray, words: np.ndarray) -> "Counts":
        order = np.lexsort((words, contexts))
        contexts, words = contexts[order], words[order]
        new = np.append(True, (contexts[1:] != contexts[:-1]) | (words[1:] != words[:-1]))[: len(words)]
        first = np.flatnonzero(new)
        contexts, words = contexts[first], words[first]
        counts = np.diff(np.append(first, len(order)))
        different, entries = np.unique(contexts, return_counts=True)
        return cls(different, offsets_of(entries), words.astype(np.int64), counts.astype(np.int64))

    @cached_property
    def totals(self) -> np.ndarray:
        """How often each context was seen."""
        return np.add.reduceat(self.counts, self.starts[:-1]) if len(self.contexts) else np.zeros(0, np.int64)

    def places(self, contexts: np.ndarray) -> np.ndarray:
        """The number of each context, or -1."""
        if not len(self.contexts):
            return np.full(len(contexts), -1)
        found = np.minimum(np.searchsorted(self.contexts, contexts), len(self.contexts) - 1)
        return np.where(self.contexts[found] == contexts, found, -1)

    def followers(self, place: int) -> np.ndarray:
        return self.words[self.starts[place] : self.starts[place + 1]]

    @cached_property
    def keys(self) -> np.ndarray:
        """One number for each context and word, ascending."""
        return np.repeat(np.arange(len(self.contexts)), np.diff(self.starts)) * self.width + self.words

    @cached_property
    def width(self) -> int:
        return int(self.words.max(initial=0)) + 1

    def interpolated(self, places: np.ndarray, words: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """The probabilities of words after these contexts; where a context was never seen, those of the shorter."""
        seen = np.flatnonzero(places >= 0)
        if not len(seen):
            return lower
        at, said = places[seen], np.minimum(words[seen], self.width - 1)
        found = np.minimum(np.searchsorted(self.keys, at * self.width + said), len(self.keys) - 1)
        there = (self.keys[found] == at * self.width + said) & (words[seen] < self.width)
        kinds = self.starts[at + 1] - self.starts[at]
        made = lower.copy()
        made[seen] = (np.where(there, self.counts[found], 0) + kinds * lower[seen]) / (self.totals[at] + kinds)
        return made


@dataclass(frozen=True)
class NgramPrior:
    """A model that was learnt: its words, and what followed contexts of 0, 1, 2... words."""

    words: tuple[str, ...]  # ascending; the one after the last stands for all others
    orders: tuple[Counts, ...]

    @classmethod
    def learnt(cls, texts: Iterable[str], settings: PriorSettings) -> "NgramPrior":
        """From texts, in any order: the same set gives the same model."""
        read = [tokens_of(text) for text in texts]
        words = tuple(sorted({word for text in read for word in text}))
        number = {word: place for place, word in enumerate(words)}
        ids = np.array([number[word] for text in read for word in text], np.int64)
        places = np.concatenate([np.zeros(0, np.int64), *(np.arange(len(text)) for text in read)])
        orders = []
        for length in range(settings.order):
            at = np.flatnonzero(places >= length)
            orders.append(Counts.of(contexts(ids, at, length), ids[at]))
        return cls(words, tuple(orders))

    @property
    def name(self) -> str:
        return f"ngrams-{self._hash}"

    def tokens(self, text: str) -> list[str]:
        return tokens_of(text)

    def probabilities(self, tokens: Sequence[str]) -> np.ndarray:
        ids = self._ids(tokens)
        found = np.full(len(ids), 1 / (len(self.words) + 1))
        for length, counts in enumerate(self.orders):
            at = np.arange(min(length, len(ids)), len(ids))
            found[at] = counts.interpolated(counts.places(contexts(ids, at, length)), ids[at], found[at])
        return found

    def likeliest(self, tokens: Sequence[str], places: Sequence[int], most: int) -> list[Candidates]:
        """Exact: whatever followed a context of a place, and of all others the most frequent words."""
        ids, at = self._ids(tokens), np.array(places, np.int64)
        reach = [self._reached(counts, ids, at, length) for length, counts in enumerate(self.orders)]
        options = [self._options([found[place] for found in reach], most) for place in range(len(at))]
        owners = np.repeat(np.arange(len(at)), [len(one) for one in options])
        words = np.array([word for one in options for word in one], np.int64)
        chances = np.full(len(words), 1 / (len(self.words) + 1))
        for counts, found in zip(self.orders, reach, strict=True):
            chances = counts.interpolated(found[owners], words, chances)
        order = np.lexsort((words, -chances, owners))
        starts = offsets_of(np.bincount(owners, minlength=len(at)))
        best = [order[start : min(start + most, end)] for start, end in pairwise(starts.tolist())]
        return [Candidates([self.words[one] for one in words[some]], np.log(chances[some])) for some in best]

    def _reached(self, counts: Counts, ids: np.ndarray, at: np.ndarray, length: int) -> np.ndarray:
        """The number of each place's context of a length, or -1."""
        found = np.full(len(at), -1)
        there = np.flatnonzero(at >= length)
        found[there] = counts.places(contexts(ids, at[there], length))
        return found

    def _options(self, contexts_of_place: Sequence[int], most: int) -> list[int]:
        """The words among which the likeliest of a place are."""
        reached = zip(self.orders[1:], contexts_of_place[1:], strict=True)
        known = {word for counts, found in reached if found >= 0 for word in counts.followers(found).tolist()}
        others = islice((word for word in self._commonest if word not in known), most)
        return [*known, *others]

    def packed(self) -> bytes:
        """As safetensors: plain numbers, and the words as JSON."""
        arrays = {
            f"{length}.{name}": getattr(counts, name).astype(np.int64)
            for length, counts in enumerate(self.orders)
            for name in ("contexts", "starts", "words", "counts")
        }
        return packed(arrays, {"words": json.dumps(self.words), "orders": str(len(self.orders))})

    @classmethod
    def unpacked(cls, data: bytes) -> "NgramPrior":
        """Raises MethodError for bytes that are no such model."""
        arrays, about = unpacked(data)
        orders = (
            Counts(*(arrays[f"{length}.{name}"] for name in ("contexts", "starts", "words", "counts")))
            for length in range(int(about["orders"]))
        )
        return cls(tuple(json.loads(about["words"])), tuple(orders))

    @cached_property
    def _hash(self) -> str:
        return hashlib.sha256(self.packed()).hexdigest()[:16]

    @cached_property
    def _commonest(self) -> list[int]:
        first = self.orders[0]
        return first.words[np.lexsort((first.words, -first.counts))].tolist()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def _ids(self, tokens: Sequence[str]) -> np.ndarray:
        unknown = len(self.words)
        return np.array([self._numbers.get(token, unknown) for token in tokens], np.int64)


def tokens_of(text: str) -> list[str]:
    """Words and marks, each with the blanks before it; what is blank at the end of a text is a token."""
    return _WORD.findall(text)


def contexts(ids: np.ndarray, at: np.ndarray, length: int) -> np.ndarray:
    """A hash of the so many words before each place, never negative; a place must have as many before it."""
    hashed = mixed(ids.astype(np.uint64) + np.uint64(1))
    found = np.zeros(len(at), np.uint64)
    for step in range(length):
        found = found * _MULTIPLIER + hashed[at - length + step]
    return (mixed(found) >> np.uint64(1)).astype(np.int64)
