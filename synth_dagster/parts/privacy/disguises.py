"""What a text says to whoever undoes its disguises: look-alikes, marks that nobody sees, escapes, base64, spacing.

A search for addresses, keys or orders reads characters; a model reads through them. Each reading undoes one kind of
disguise over the whole text, and what it makes readable is searched as the text itself is. Of most texts there is no
other reading, which a fast search over whole columns finds out.
"""

import base64
import binascii
import codecs
import html
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.privacy.look_alikes import folded, signs_of_folding
from synth_dagster.parts.text.prefilter import may_match

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

Prefilter: TypeAlias = Callable[[pa.Array], np.ndarray]

SPLIT = "split over fields"
ENCODED = ("base64", "hexadecimal")  # readings of a part that nobody reads as it stands
_SEAM = 48  # characters on each side of a seam
_LONGEST = 20_000  # characters of a blob that is decoded

_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_BACKWARDS = re.compile("[\u202e\u2067]([^\u202c\u2069\n]{1,2000})")
_ENTITY = re.compile(r"&(?:#\d{2,7}|#[xX][0-9a-fA-F]{2,6}|[A-Za-z]{2,12});")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}){3}|%(?:20|40|3A|2F|3a|2f)")
_BACKSLASH = re.compile(r"\\u\{?([0-9a-fA-F]{4,6})\}?|\\x([0-9a-fA-F]{2})")
_BASE64 = re.compile(
    rf"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{{16,{_LONGEST}}}(?:\r?\n[A-Za-z0-9+/_\-]{{1,200}}){{0,500}}={{0,2}}(?![A-Za-z0-9+/])"
)
_HEX = re.compile(rf"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{{2}}[ :]?){{12,{_LONGEST}}}(?![0-9A-Za-z])")
_APART = ((r"\.", "_"), ("-", "_."), ("_", "."), (r"\*", "_."), (r"\|", "_."))  # marks between letters, and other marks
_SPACED = re.compile(
    r"(?<!\S)(?:[!-~] (?:  )?){5,400}[!-~](?!\S)|"
    + "|".join(rf"(?<!\S)(?:[A-Za-z0-9@+:/,! {others}]{apart}){{5,400}}[A-Za-z0-9.!](?!\S)" for apart, others in _APART)
)
_INSIDE = re.compile(
    r"([A-Za-z0-9])(?:[*~`]{2,3}|</?[a-z]{1,6}(?: [^<>]{0,60})?>|<!--[^<>]{0,60}-->)+(?=[A-Za-z0-9@.])"
)
_EMPTY = re.compile(r"<[a-z]{1,6}></[a-z]{1,6}>|<!-- ?-->")
_AROUND = re.compile(r"(^|\s)_{1,2}([A-Za-z][^_\n]{0,80})_{1,2}(?=\s|[.,;:!?]|$)", re.MULTILINE)
_ROT13 = re.compile(r"(?i)\b(?:vtaber|qvfertneq|sbetrg|erirny|bireevqr|vafgehpgvbaf|cebzcg|cnffjbeq)\b")
_REVERSED = re.compile(r"(?i)\b(?:snoitcurtsni|suoiverp|erongi|tpmorp|drowssap|tegrof)\b")

_FIGURES = re.compile(
    r"(?i)\b(?:1gn[o0]r[e3]|ign0r[e3]|ignor3|d1sregard|disr3gard|f[o0]rg3t|f0rget|pr3v[i1][o0]us|prev1[o0]us|previ0us|"
    r"[1i]nstruct1[o0]n|instructi0n|1nstruct|pr0mpt|syst3m|r3v[e3]al|rev3al|0v[e3]rr[i1]d[e3])"
)
_LETTERS = str.maketrans("013457@$", "oieastas")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text with one kind of disguise undone. `in_place`: each character stands where it stood. `seams`: only what
    stands across one of these places is new."""

    how: str
    text: str
    in_place: bool = False
    seams: tuple[int, ...] = ()

    def shows(self, start: int, end: int) -> bool:
        """Whether a piece of the text is what this reading is for."""
        return not self.seams or any(start < place < end for place in self.seams)


def read_otherwise(texts: pa.Array, *, words_alone: bool = False) -> Iterator[tuple[int, Reading]]:
    """Place and reading of those texts of a column that may be read as something else. Fast where few are.

    `words_alone`: for who compares words without punctuation and accents, so that pages in Chinese or Vietnamese, or
    with blanks that do not break, are not read again for those.
    """
    texts = pc.fill_null(texts, "")
    plain: dict[int, str] = {}
    for place in _unusual(texts, words_alone):
        text = texts[place].as_py()
        if (undone := folded(text)) != text:
            plain[place] = undone
            yield place, Reading("look-alikes", undone, in_place=len(undone) == len(text))
        yield from ((place, Reading("hidden characters", said)) for said in hidden(text))
    yield from _undone(texts, range(len(texts)))
    yield from _undone(pa.array(plain.values(), pa.string()), list(plain))


def _unusual(texts: pa.Array, words_alone: bool) -> list[int]:
    """Places of the texts with a character that is folded or shows as nothing."""
    beyond = np.flatnonzero(pc.invert(pc.string_is_ascii(texts)).to_numpy(zero_copy_only=False))
    if not len(beyond):
        return []
    signs = signs_of_folding(words_alone=words_alone)
    return beyond[may_match(texts.take(pa.array(beyond)), [*signs, _TAGS])].tolist()


def _undone(texts: pa.Array, places: Sequence[int]) -> Iterator[tuple[int, Reading]]:
    signed = np.flatnonzero(may_match(texts, [sign for _, signs in _UNDONE.values() for sign in signs]))
    texts, places = texts.take(pa.array(signed)), [places[number] for number in signed.tolist()]
    for how, (undo, signs) in _UNDONE.items():
        for number in np.flatnonzero(may_match(texts, signs)).tolist():
            text = texts[number].as_py()
            undone = undo(text)
            if undone and undone != text:
                yield places[number], Reading(how, undone)


@dataclass(frozen=True)
class Looked:
    """A column of texts that is looked through, with the other readings of those that have any."""

    name: str
    ids: Sequence[bytes]
    texts: pa.Array
    rows: Sequence[int]  # of each reading
    readings: Sequence[Reading]

    @classmethod
    def of(cls, name: str, ids: Sequence[bytes], texts: pa.Array, across: Iterable[tuple[int, Reading]]) -> "Looked":
        """`across` are readings that others made: row and reading."""
        found = [*across, *read_otherwise(texts)]
        return cls(name, ids, texts, [row for row, _ in found], [reading for _, reading in found])

    def text(self, row: int) -> str:
        return self.texts[row].as_py() or ""

    def that(self, may: "Prefilter | None") -> Iterator[tuple[int, str]]:
        """Row and text of all that is not empty, or of those that may hold what is looked for."""
        says = pc.greater(pc.utf8_length(pc.fill_null(self.texts, "")), 0).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(says if may is None else may(self.texts)).tolist():
            yield row, self.text(row)

    def readings_that(self, may: "Prefilter") -> Iterator[tuple[int, Reading]]:
        for place in np.flatnonzero(may(self._as_texts)).tolist():
            yield self.rows[place], self.readings[place]

    def readings_of(self, row: int) -> list[Reading]:
        return self._by_row.get(row, [])

    @cached_property
    def _by_row(self) -> Mapping[int, list[Reading]]:
        found: dict[int, list[Reading]] = {}
        for row, reading in zip(self.rows, self.readings, strict=True):
            found.setdefault(row, []).append(reading)
        return found

    @cached_property
    def _as_texts(self) -> pa.Array:
        return pa.array([reading.text for reading in self.readings], pa.string())


def seams(texts: pa.Array, titles: pa.ChunkedArray | None, *, turns: bool) -> Iterator[tuple[int, Reading]]:
    """What stands across the end of a title and the beginning of its text, and of one turn and the next, as one piece
    and as two words."""
    if titles is not None:
        for row, (title, text) in enumerate(zip(titles.to_pylist(), texts.to_pylist(), strict=True)):
            if title and text:
                yield row, _sewn([(title, text)])
    if turns:
        for row, text in enumerate(texts.to_pylist()):
            if pairs := list(pairwise((text or "").split("\n\n"))):
                yield row, _sewn(pairs)


def _sewn(pairs: Iterable[tuple[str, str]]) -> Reading:
    """The ends and beginnings of pairs, each a line without a blank between them and a line with one."""
    made, places, length = list[str](), list[int](), 0
    for end, beginning in pairs:
        for between in ("", " "):
            before = end[-_SEAM:].rstrip() if between else end[-_SEAM:]
            piece = f"{before}{between}{beginning[:_SEAM].lstrip()}"
            places.append(length + len(before))
            made.append(piece)
            length += len(piece) + 1
    return Reading(SPLIT, "\n".join(made), seams=tuple(places))


def hidden(text: str) -> Iterator[str]:
    """What is written in characters that show as nothing, or backwards."""
    for found in _TAGS.finditer(text):
        yield "".join(chr(ord(sign) - 0xE0000) for sign in found[0])
    for found in _BACKWARDS.finditer(text):
        yield found[1][::-1]


def _unescaped(text: str) -> str:
    """HTML, percent signs and backslashes, once each."""
    plain = html.unescape(text) if _ENTITY.search(text) else text
    if _PERCENT.search(plain):
        plain = unquote(re.sub(r"(?<=\w)\+(?=\w)", " ", plain), errors="replace")
    return _BACKSLASH.sub(_character, plain) if _BACKSLASH.search(plain) else plain


def _character(found: re.Match[str]) -> str:
    number = int(found[1] or found[2], 16)
    return chr(number) if number <= sys.maxunicode and not 0xD800 <= number < 0xE000 else found[0]


def _from_base64(text: str) -> str:
    """What blobs of base64 say, one a line."""
    return "\n".join(filter(None, (_of_base64(found[0]) for found in _BASE64.finditer(text))))


def _from_hex(text: str) -> str:
    return "\n".join(filter(None, (_of_hex(found[0]) for found in _HEX.finditer(text))))


def _of_base64(blob: str) -> str:
    """What a blob says; words on the lines before or after it may have been taken for its own."""
    lines = blob.split()
    tried = (lines, lines[1:], lines[:-1], lines[1:-1]) if len(lines) > 1 else (lines,)
    return next(filter(None, (_said("".join(one)) for one in tried)), "")


def _said(digits: str) -> str:
    bare = digits.rstrip("=").replace("-", "+").replace("_", "/")
    if bare.isalpha() and (bare.islower() or bare.isupper()):
        return ""  # a long word
    try:
        return _words(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    except (binascii.Error, ValueError):
        return ""


def _of_hex(blob: str) -> str:
    digits = re.sub(r"[ :]", "", blob)
    return _words(bytes.fromhex(digits)) if len(digits) % 2 == 0 else ""


def _words(data: bytes) -> str:
    """The text that bytes are, empty for what is none."""
    wide = len(data) > 3 and data[1::2].count(0) > len(data) // 4
    try:
        said = data.decode("utf-16-le" if wide else "utf-8")
    except UnicodeDecodeError:
        return ""
    return said if said.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else ""


def _joined(text: str) -> str:
    """Words whose letters stand apart, as words again: every second character is a letter or the end of a word."""
    return _SPACED.sub(lambda found: found[0][::2], text)


def _bare(text: str) -> str:
    """Without empty tags, and without tags and marks of emphasis around and inside words."""
    return _AROUND.sub(r"\1\2", _INSIDE.sub(r"\1", _EMPTY.sub("", text)))


def _turned(text: str) -> str:
    """Shifted by half the alphabet, or read from the end, where words of it say that it was."""
    if _ROT13.search(text):
        return codecs.encode(text, "rot13")
    return text[::-1] if _REVERSED.search(text) else ""


def _spelt(text: str) -> str:
    return text.translate(_LETTERS)


_UNDONE: Mapping[str, tuple[Callable[[str], str], Sequence[re.Pattern[str]]]] = {
    "escapes": (_unescaped, [_ENTITY, _PERCENT, _BACKSLASH]),
    "base64": (_from_base64, [_BASE64]),
    "hexadecimal": (_from_hex, [_HEX]),
    "spaced letters": (_joined, [_SPACED]),
    "marks in words": (_bare, [_INSIDE, _EMPTY, _AROUND]),
    "turned round": (_turned, [_ROT13, _REVERSED]),
    "figures for letters": (_spelt, [_FIGURES]),
}
