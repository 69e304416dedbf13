"""Pieces of text as numbers, so that a large lake can be searched for what was erased without keeping the text.

A text is brought to its letters and digits in lower case, whatever quoted or escaped it. A window of it is one number,
a polynomial over its characters. The needles are every few windows of the erased texts, the haystack is all of its
windows, so a quoted run that is a few characters longer than a window is always found.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LONG, SHORT = 32, 12  # characters of a window; shorter texts than SHORT are like too many others
STRIDE = {LONG: 16, SHORT: 6}
BASE = 0x9E3779B97F4A7C15 | 1  # odd, so that it has an inverse
INVERSE = pow(BASE, -1, 1 << 64)
NOT_WORDS = re.compile(r"[\W_]+")
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrtbf/\\\"]))")


def plain(text: str) -> str:
    """The letters and digits of a text, in lower case."""
    return NOT_WORDS.sub("", text).lower()


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


def windows(letters: str, length: int) -> np.ndarray:
    """The number of each window, by where it begins."""
    if len(letters) < length:
        return np.zeros(0, np.uint64)
    codes = np.frombuffer(letters.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    codes = (codes + np.uint64(1)) * np.uint64(0xD6E8FEB86659FD93)
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * _powers(BASE, len(codes)), out=sums[1:])
    return (sums[length:] - sums[:-length]) * _powers(INVERSE, len(codes) - length + 1)


def _powers(base: int, count: int) -> np.ndarray:
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


@dataclass(slots=True)
class Needles:
    """Windows of texts, by their length; `short` counts the texts that are too short to be told from others."""

    by_length: dict[int, set[int]] = field(default_factory=lambda: {LONG: set(), SHORT: set()})
    short: int = 0
    _sorted: dict[int, np.ndarray] = field(default_factory=dict)

    def add(self, text: str) -> None:
        letters = plain(text)
        length = LONG if len(letters) >= LONG else SHORT
        if len(letters) < SHORT:
            self.short += 1
            return
        found = windows(letters, length)
        places = np.unique(np.append(np.arange(0, len(found), STRIDE[length]), len(found) - 1))
        self.by_length[length].update(found[places].tolist())
        self._sorted.clear()

    def found_in(self, texts: Iterable[str]) -> dict[int, set[int]]:
        """The needles that occur in these texts, which are looked through as one."""
        hits: dict[int, set[int]] = {LONG: set(), SHORT: set()}
        for letters in spellings("\n".join(texts)):
            for length, wanted in self._arrays():
                numbers = windows(letters, length)
                at = np.minimum(np.searchsorted(wanted, numbers), len(wanted) - 1)
                hits[length].update(numbers[wanted[at] == numbers].tolist())
        return hits

    def occur_in(self, texts: Iterable[str]) -> bool:
        return any(self.found_in(texts).values())

    def without(self, shared: dict[int, set[int]]) -> "Needles":
        """The needles that are nobody else's."""
        return Needles({length: found - shared[length] for length, found in self.by_length.items()}, self.short)

    def count(self) -> int:
        return sum(map(len, self.by_length.values()))

    def as_json(self) -> dict[str, Any]:
        return {"short": self.short, **{str(length): sorted(found) for length, found in self.by_length.items()}}

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> "Needles":
        return cls({length: set(told[str(length)]) for length in (LONG, SHORT)}, told["short"])

    def _arrays(self) -> list[tuple[int, np.ndarray]]:
        if not self._sorted:
            self._sorted = {
                length: np.array(sorted(found), np.uint64) for length, found in self.by_length.items() if found
            }
        return list(self._sorted.items())
