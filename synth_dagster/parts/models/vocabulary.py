"""Texts as the symbols of a student, and back: bytes, which know every text, or the words of some texts.

Symbol 0 is the end of a text in both, and never stands inside one.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

_PIECE = re.compile(r"\s*(?:\d|[^\W\d]+|[^\w\s])|\s+\Z")


@dataclass(frozen=True, slots=True)
class Bytes:
    """Each byte is a symbol: 257 with the end."""

    size: int = 257

    def symbols(self, text: str) -> list[int]:
        return [byte + 1 for byte in text.encode("utf-8", "replace")]

    def text(self, symbols: Sequence[int]) -> str:
        """Bytes that are no UTF-8 become the mark for such."""
        return bytes(symbol - 1 for symbol in symbols if symbol).decode("utf-8", "replace")


@dataclass(frozen=True)
class Words:
    """Words, single digits and marks, each with the blanks before it: joined they are the text again."""

    words: tuple[str, ...]  # symbol n is word n - 2; symbol 1 stands for all others

    @classmethod
    def of(cls, texts: Iterable[str], *, most: int = 4_000) -> "Words":
        """The commonest words of texts, at most so many; the same texts in any order give the same."""
        counts = Counter(piece for text in texts for piece in pieces_of(text))
        return cls(tuple(sorted(sorted(counts, key=lambda piece: (-counts[piece], piece))[:most])))

    @property
    def size(self) -> int:
        return len(self.words) + 2

    def symbols(self, text: str) -> list[int]:
        return [self.symbol(piece) for piece in pieces_of(text)]

    def symbol(self, piece: str) -> int:
        """Of one word with its blanks."""
        return self._places.get(piece, 1)

    def text(self, symbols: Sequence[int]) -> str:
        """An unknown word becomes a blank and the mark for what cannot be shown."""
        return "".join(" \ufffd" if symbol == 1 else self.words[symbol - 2] for symbol in symbols if symbol)

    def packed(self) -> str:
        """As JSON, to stand beside a student's weights."""
        return json.dumps(self.words)

    @classmethod
    def unpacked(cls, text: str) -> "Words":
        return cls(tuple(json.loads(text)))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words, 2)}


def pieces_of(text: str) -> list[str]:
    """Words, single digits and marks with the blanks before them; what is blank at the end is a piece."""
    return _PIECE.findall(text)
