"""Pieces of text as numbers, so that a large lake can be searched for what was erased without keeping the text.

A text is brought to its letters and digits in lower case, whatever quoted or escaped it. A window of it is one number,
a polynomial over its characters. The needles are every few windows of the erased texts, the haystack is all of its
windows, so a quoted run that is a few characters longer than a window is always found.
"""

import html
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

LONG, SHORT = 32, 12  # characters of a window; shorter texts than SHORT are like too many others
STRIDE = {LONG: 16, SHORT: 6}
BASE = 0x9E3779B97F4A7C15 | 1  # odd, so that it has an inverse
INVERSE = pow(BASE, -1, 1 << 64)
AT_ONCE = 1 << 16  # characters: their windows fit into the second cache, which more than halves the time
MOST_BITS = 28
MOST_NEW = 1_000  # texts between two times that the needles are put in order
LOWER = bytes(range(256)).lower()
PUNCTUATION = bytes(code for code in range(128) if not chr(code).isalnum())
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrtbf/\\\"]))")


def plain(text: str) -> str:
    """The letters and digits of a text, in lower case."""
    if text.isascii():  # the same, many times faster
        return text.encode().translate(LOWER, PUNCTUATION).decode()
    codes = np.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), np.uint32)
    return codes[_is_letter()[codes]].tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _is_letter() -> np.ndarray:
    """For each code of Unicode whether it is a letter or a digit."""
    return np.fromiter(map(str.isalnum, map(chr, range(sys.maxunicode + 1))), bool, sys.maxunicode + 1)


def spellings(text: str) -> Iterator[str]:
    """A text as it stands and, where it may be quoted in a page or in JSON, as what it says."""
    yield plain(text)
    unescaped = html.unescape(text) if "&" in text else text
    if "\\" in unescaped:
        unescaped = ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", unescaped)
    if unescaped is not text:
        yield plain(unescaped)


def strings(value: Any) -> Iterator[str]:
    """All strings of a nested value; those of JSON in a string too."""
    if isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            try:
                yield from strings(json.loads(value))
            except ValueError:
                return
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def readings(value: Any) -> Iterator[str]:
    """All strings of a value that is searched. JSON without an escape says nothing that its own letters do not."""
    return iter((value,)) if isinstance(value, str) and "\\" not in value else strings(value)


def windows(letters: str, lengths: Iterable[int]) -> Iterator[np.ndarray]:
    """The number of each window of each of these lengths, by where it begins."""
    codes = _codes(letters)
    codes = (codes + np.uint64(1)) * np.uint64(0xD6E8FEB86659FD93)
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * _powers(BASE, len(codes)), out=sums[1:])
    for length in lengths:
        found = sums[length:] - sums[:-length]
        yield found * _powers(INVERSE, len(found))


def _codes(letters: str) -> np.ndarray:
    if letters.isascii():  # nearly all are, and numbers of one byte are made of it at once
        return np.frombuffer(letters.encode(), np.uint8).astype(np.uint64)
    return np.frombuffer(letters.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)


def _powers(base: int, count: int) -> np.ndarray:
    return _some_powers(base, 1 << max(count - 1, 1).bit_length())[:count]


@cache
def _some_powers(base: int, count: int) -> np.ndarray:
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _joined(texts: Iterable[str]) -> Iterator[str]:
    """Texts as one, so that numpy has enough to do, and not so many that they fill the memory."""
    some, size = list[str](), 0
    for text in texts:
        some.append(text)
        size += len(text)
        if size >= AT_ONCE:
            yield "\n".join(some)
            some, size = [], 0
    if some:
        yield "\n".join(some)


def _parts(letters: str) -> Iterator[str]:
    """A long text in pieces that share what a window may lie across."""
    return (letters[at : at + AT_ONCE + LONG] for at in range(0, len(letters), AT_ONCE))


def _none() -> dict[int, np.ndarray]:
    return {length: np.zeros(0, np.uint64) for length in (LONG, SHORT)}


@dataclass(slots=True)
class Hits:
    """Needles that were found, by their length: sorted, each once."""

    by_length: dict[int, np.ndarray] = field(default_factory=_none)

    def __bool__(self) -> bool:
        return any(len(found) for found in self.by_length.values())

    def add(self, others: "Hits") -> None:
        """Those of another place too."""
        for length, found in others.by_length.items():
            if len(found):
                self.by_length[length] = np.union1d(self.by_length[length], found)

    def without(self, others: "Hits") -> "Hits":
        """Those that are not among others."""
        theirs = others.by_length
        return Hits({length: np.setdiff1d(own, theirs[length]) for length, own in self.by_length.items()})


@dataclass(frozen=True, slots=True)
class Sieve:
    """Numbers with two tables of some of their bits, since nearly all that is asked for is none of them."""

    numbers: np.ndarray  # sorted
    first: np.ndarray
    second: np.ndarray
    bits: int

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Sieve":
        bits = min(max((16 * len(numbers)).bit_length(), 12), MOST_BITS)
        found = cls(numbers, np.zeros(1 << bits, bool), np.zeros(1 << bits, bool), bits)
        found.first[found._high(numbers)] = True
        found.second[found._low(numbers)] = True
        return found

    def among(self, others: np.ndarray) -> np.ndarray:
        """Those of others that are known, sorted, each once."""
        maybe = others[self.first[self._high(others)]]
        maybe = maybe[self.second[self._low(maybe)]]
        at = np.minimum(np.searchsorted(self.numbers, maybe), len(self.numbers) - 1)
        found = maybe[self.numbers[at] == maybe]
        return np.unique(found) if len(found) else found

    def _high(self, numbers: np.ndarray) -> np.ndarray:
        return (numbers >> np.uint64(64 - self.bits)).view(np.int64)

    def _low(self, numbers: np.ndarray) -> np.ndarray:
        return ((numbers >> np.uint64(8)) & np.uint64((1 << self.bits) - 1)).view(np.int64)


@dataclass(slots=True)
class Needles:
    """Windows of texts, by their length; `short` counts the texts that are too short to be told from others."""

    short: int = 0
    _known: Hits = field(default_factory=Hits)
    _new: dict[int, list[np.ndarray]] = field(default_factory=lambda: {LONG: [], SHORT: []})
    _ready: dict[int, Sieve] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Every few windows of a text, and its last one."""
        letters = plain(text)
        length = LONG if len(letters) >= LONG else SHORT
        if len(letters) < SHORT:
            self.short += 1
            return
        (found,) = windows(letters, [length])
        places = np.unique(np.append(np.arange(0, len(found), STRIDE[length]), len(found) - 1))
        self._new[length].append(found[places])
        if len(self._new[length]) > MOST_NEW:
            self._settled()

    def found_in(self, texts: Iterable[str]) -> Hits:
        """The needles that occur in these texts, which are looked through many at a time."""
        hits, filters = Hits(), self._filters()
        if not filters:
            return hits
        for some in _joined(texts):
            for letters in (part for spelling in spellings(some) for part in _parts(spelling)):
                for (length, one), numbers in zip(filters.items(), windows(letters, filters), strict=True):
                    hits.add(Hits(_none() | {length: one.among(numbers)}))
        return hits

    def occur_in(self, texts: Iterable[str]) -> bool:
        """Whether any of them does."""
        return bool(self.found_in(texts))

    def without(self, shared: Hits) -> "Needles":
        """The needles that are nobody else's."""
        return Needles(self.short, self._settled().without(shared))

    def count(self) -> int:
        """How many different windows they are."""
        return sum(map(len, self._settled().by_length.values()))

    def as_json(self) -> dict[str, Any]:
        known = self._settled().by_length
        return {"short": self.short, **{str(length): found.tobytes().hex() for length, found in known.items()}}

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> "Needles":
        found = {length: np.frombuffer(bytes.fromhex(told[str(length)]), np.uint64) for length in (LONG, SHORT)}
        return cls(told["short"], Hits(found))

    def _filters(self) -> dict[int, Sieve]:
        known = self._settled()
        if not self._ready:
            self._ready = {length: Sieve.of(found) for length, found in known.by_length.items() if len(found)}
        return self._ready

    def _settled(self) -> Hits:
        """All needles, those that were added since the last time too."""
        for length, parts in self._new.items():
            if parts:
                self._known.add(Hits(_none() | {length: np.unique(np.concatenate(parts))}))
                parts.clear()
                self._ready = {}
        return self._known
