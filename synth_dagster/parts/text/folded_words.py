"""The words of texts as hashes, straight from their bytes: the words of `normalise`, many times faster.

Letters become lower case and lose their accents, all else but digits becomes blank, in place: what a character folds to
is never longer than itself. Then a word is where its bytes begin and how many they are, and it is hashed eight bytes at
a time, for all words at once. A character of a script that is written without spaces is a word.
"""

import hashlib
import unicodedata
from collections.abc import Iterator
from functools import cache

import numpy as np
import pyarrow as pa

from synth_dagster.parts.text.hashed_words import Hashed, mixed, offsets_of

BYTES_AT_ONCE = 1 << 19  # so that what one step leaves is still in the processor's cache for the next
_LONG = 64  # bytes of a word from which on it is hashed alone
_BLANK, _GONE = 0x20, 0xFF  # 0xFF is no byte of UTF-8
_HIGHEST = 0x110000
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x19E0, 0x19FF),
    (0x2E80, 0x2FDF),  # Han
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3038, 0x303B),
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFF),
)


def folded_words(texts: pa.Array, *, digits_to_zero: bool = False) -> Hashed:
    """The words of each text; null is as an empty one. A text in which UTF-8 is broken has words too, if odd ones."""
    data, offsets = bytes_of(texts)
    hashes, counts = [np.zeros(0, np.uint64)], np.zeros(len(texts), np.int64)
    for first, bounds in _pieces(data, offsets):
        found, per_text = _words_of(data[bounds[0] : bounds[-1]], bounds - bounds[0], _folds(digits_to_zero))
        hashes.append(found)
        counts[first : first + len(per_text)] += per_text
    return Hashed(np.concatenate(hashes), offsets_of(counts))


def bytes_of(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """All bytes of texts, and where each begins and the last one ends; a null takes none."""
    texts = texts.fill_null("") if texts.null_count else texts
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, places, held = texts.buffers()
    if not len(texts) or held is None:
        return np.zeros(0, np.uint8), np.zeros(len(texts) + 1, np.int64)
    offsets = np.frombuffer(places, width)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return np.frombuffer(held, np.uint8)[offsets[0] : offsets[-1]], offsets - offsets[0]


def _pieces(data: np.ndarray, offsets: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The first text and the bounds of the texts of a piece; a text that is longer than a piece is cut at blanks."""
    first, count = 0, len(offsets) - 1
    while first < count:
        last = int(np.searchsorted(offsets, offsets[first] + BYTES_AT_ONCE, side="right")) - 1
        if last > first:
            yield first, offsets[first : last + 1]
        else:
            last = first + 1
            yield from ((first, bounds) for bounds in _cut(data, int(offsets[first]), int(offsets[last])))
        first = last


def _cut(data: np.ndarray, start: int, end: int) -> Iterator[np.ndarray]:
    """One long text in pieces: each ends after a blank, or where a character begins if it has none."""
    while end - start > BYTES_AT_ONCE:
        window = data[start : start + BYTES_AT_ONCE]
        blanks = np.flatnonzero(window <= _BLANK)
        heads = blanks + 1 if len(blanks) else np.flatnonzero((window & 0xC0) != 0x80)
        size = int(heads[-1]) if len(heads) and heads[-1] else BYTES_AT_ONCE
        yield np.array([start, start + size])
        start += size
    yield np.array([start, end])


def _words_of(data: np.ndarray, bounds: np.ndarray, folds: "_Folds") -> tuple[np.ndarray, np.ndarray]:
    """The hashes of all words of some texts, and how many words each has."""
    plain, bounds, alone = folds.folded(data, bounds)
    is_word = np.append(plain != _BLANK, False)
    begins = is_word.copy()
    begins[1:] &= ~is_word[:-1]
    for places in (bounds, *alone):  # where a word begins though no blank stands before it
        begins[places] = is_word[places]
    ends = ~is_word | begins
    ends[1:] &= is_word[:-1]
    ends[0] = False
    at = np.flatnonzero(begins)
    return hash_spans(plain, at, np.flatnonzero(ends) - at), np.diff(np.searchsorted(at, bounds))


def hash_spans(data: np.ndarray, at: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """A hash of each run of bytes, from where it begins and how long it is."""
    padded = np.append(data, np.zeros(8, np.uint8))
    eights = np.ndarray((len(data) + 1,), "<u8", padded, strides=(1,))  # the eight bytes that begin at each place
    hashes = _eight(eights, at, sizes)
    for done in range(8, _LONG, 8):
        longer = np.flatnonzero(sizes > done)
        if not len(longer):
            break
        rest = _eight(eights, at[longer] + done, sizes[longer] - done)
        hashes[longer] = mixed(hashes[longer]) + rest * np.uint64(0x9FB21C651E98DF25)
    for word in np.flatnonzero(sizes > _LONG).tolist():
        whole = hashlib.blake2b(data[at[word] : at[word] + sizes[word]].tobytes(), digest_size=8).digest()
        hashes[word] = np.frombuffer(whole, "<u8")[0]
    return mixed(hashes + sizes.astype(np.uint64))


def _eight(eights: np.ndarray, at: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The next eight bytes of each run, those after its end as zero."""
    return eights[at] & _MASKS[np.minimum(sizes, 8)]


_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)


class _Folds:
    """What characters fold to: ASCII by arithmetic, and all others as was met and learnt so far."""

    def __init__(self, digits_to_zero: bool) -> None:
        self._digits_to_zero = digits_to_zero
        # threads that meet a character at the same time learn the same of it
        self._bytes = np.zeros((_HIGHEST, 4), np.uint8)
        self._known = np.zeros(_HIGHEST, bool)
        self._alone = np.zeros(_HIGHEST, bool)

    def folded(self, data: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """The folded bytes, the bounds of the texts in them, and where characters that are words begin and end."""
        plain = _folded_ascii(data, self._digits_to_zero)
        if not len(data) or data.max() < 0x80:
            return plain, bounds, []
        at, sizes, points = _code_points(data)
        self._learn(points)
        new = self._bytes[points]
        for step in range(4):
            there = sizes > step
            plain[at[there] + step] = new[there, step]
        alone = self._alone[points]
        ends = [at[alone], at[alone] + sizes[alone]]
        stays = plain != _GONE
        if stays.all():
            return plain, bounds, ends
        places = offsets_of(stays)
        return plain[stays], places[bounds], [places[end] for end in ends]

    def _learn(self, points: np.ndarray) -> None:
        for point in np.unique(points[~self._known[points]]).tolist():
            self._bytes[point] = np.frombuffer(_folded(point, self._digits_to_zero).ljust(4, b"\xff"), np.uint8)
            self._alone[point] = any(low <= point <= high for low, high in _UNSPACED) and self._bytes[point, 0] >= 0x80
            self._known[point] = True


@cache
def _folds(digits_to_zero: bool) -> _Folds:
    return _Folds(digits_to_zero)


def _folded_ascii(data: np.ndarray, digits_to_zero: bool) -> np.ndarray:
    """Letters small, digits as they are or 0, blanks for all else; bytes beyond ASCII stay.

    All masks are bytes, 0xFF for yes: 16 and more of them go through a processor at once, and other threads go on.
    """
    small = data | np.uint8(0x20)
    plain = (small ^ np.uint8(_BLANK)) & _between(small, "a", "z")
    plain ^= (np.uint8(0x30 ^ _BLANK) if digits_to_zero else data ^ np.uint8(_BLANK)) & _between(data, "0", "9")
    plain ^= (data ^ np.uint8(_BLANK)) & -(data >> np.uint8(7))
    plain ^= np.uint8(_BLANK)
    return plain


def _between(data: np.ndarray, first: str, last: str) -> np.ndarray:
    above = data - np.uint8(ord(first))
    return -(above <= np.uint8(ord(last) - ord(first))).view(np.uint8)


def _code_points(data: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where characters beyond ASCII begin, how many bytes they have, and which they are."""
    at = np.flatnonzero(data >= 0x80)
    at = at[(data[at] & 0xC0) == 0xC0]
    heads = data[at]
    sizes = 2 + (heads >= 0xE0).astype(np.int64) + (heads >= 0xF0)
    sizes = np.minimum(sizes, len(data) - at)  # a text that is cut in a character
    points = heads & np.array([0, 0x7F, 0x1F, 0x0F, 0x07], np.uint32)[sizes]
    for step in range(1, 4):
        there = sizes > step
        points[there] = (points[there] << np.uint32(6)) | (data[at[there] + step] & np.uint32(0x3F))
    return at, sizes, np.minimum(points, _HIGHEST - 1)


def _folded(point: int, digits_to_zero: bool) -> bytes:
    """UTF-8 of what a character folds to, blanks of its own length where it is no part of a word."""
    if 0xD800 <= point < 0xE000:
        return b"   "
    character = chr(point)
    plain = unicodedata.normalize("NFD", character.lower())
    kept = [_folded_one(one, digits_to_zero) for one in plain]
    if " " in kept:
        return b" " * len(character.encode())
    folded = unicodedata.normalize("NFC", "".join(kept)).encode()
    size = len(character.encode())
    return folded if len(folded) <= size else character.encode()  # Ⱥ, whose small letter has a byte more


def _folded_one(character: str, digits_to_zero: bool) -> str:
    kind = unicodedata.category(character)
    if kind == "Mn":
        return ""
    if kind == "Nd" and digits_to_zero:
        return "0"
    return character if kind[0] in "LNM" else " "
