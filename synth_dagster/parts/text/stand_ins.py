"""Pieces of a text exchanged for stand-ins: all at once, whole words only, the same piece for the same stand-in.

What is not named cannot change. A stand-in is never replaced in turn.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from synth_dagster.parts.text.words import STOP_WORDS


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A text with stand-ins; where pieces stood before and what stands there now, and how much of it changed."""

    text: str
    before: tuple[tuple[int, int], ...]
    after: tuple[tuple[int, int], ...]

    @property
    def characters(self) -> int:
        """How many characters of the text before were exchanged."""
        return sum(end - start for start, end in self.before)


def exchanged(text: str, stand_ins: Mapping[str, str]) -> Exchanged:
    """The text with each piece exchanged wherever it stands; a longer piece goes before one inside it."""
    if not stand_ins:
        return Exchanged(text, (), ())
    pattern = re.compile("|".join(_whole(piece) for piece in sorted(stand_ins, key=lambda one: (-len(one), one))))
    pieces: list[str] = []
    before, after = [], []
    at = length = 0
    for found in pattern.finditer(text):
        new = stand_ins[found[0]]
        pieces += [text[at : found.start()], new]
        length += found.start() - at
        before.append(found.span())
        after.append((length, length + len(new)))
        at, length = found.end(), length + len(new)
    return Exchanged("".join([*pieces, text[at:]]), tuple(before), tuple(after))


def stands_in(piece: str, text: str) -> bool:
    """Whether a piece stands in a text as whole words."""
    return re.search(_whole(piece), text) is not None


def may_be_exchanged(piece: str, stand_in: str) -> bool:
    """Whether a piece is worth exchanging: no blank, no single sign, no everyday word, and not for itself."""
    bare = piece.strip()
    return len(bare) > 1 and bare.casefold() not in STOP_WORDS and piece not in stand_in


def _whole(piece: str) -> str:
    before = r"(?<!\w)" if re.match(r"\w", piece) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", piece) else ""
    return before + re.escape(piece) + after
