"""Addresses of a whole batch as bytes: hosts, words and letters, and which of them may stand in a list.

Nothing here is asked address by address. A piece is a span of one array of bytes, its hash is the difference of two
prefix sums of a polynomial, and a list is a table of bits by hash: what it lets through is looked at as text, in full.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]

BLOCK = 1 << 20  # bytes at a time: fewer calls, and what is made of them stays near the processor

_BASE = 0x9E3779B1  # odd, so that it has an inverse modulo 2^32
_MIX = np.uint32(0x85EBCA6B)
_BITS_AN_ENTRY, _LEAST_BITS = 16, 18  # 1 in 64 of what is in no list is looked at in full, at most: (2 / 16)^2

_BYTES = np.arange(256)

# What ends the plain host of an address, what makes it one to be read in full, and the dots inside.
_PLAIN, _END, _PORT, _ODD, _DOT = range(5)
_CLASSES = np.array([_PLAIN if 32 < byte < 127 else _ODD for byte in _BYTES], np.uint8)
_CLASSES[list(b"/?#")] = _END
_CLASSES[list(b":")] = _PORT
_CLASSES[list(b"@[\\")] = _ODD
_CLASSES[ord(".")] = _DOT
_MARKS = (_CLASSES != _PLAIN).tobytes()

_HTTPS, _HTTP = (np.uint64(int.from_bytes(scheme, "little")) for scheme in (b"https://", b"http://"))
_SEVEN = np.uint64((1 << 56) - 1)


@dataclass(frozen=True)
class Spans:
    """Pieces of a block: where each begins and ends, in bytes, and to which address it belongs."""

    starts: Numbers
    ends: Numbers
    owners: Numbers

    def chosen(self, which: NDArray[np.bool_]) -> "Spans":
        return Spans(self.starts[which], self.ends[which], self.owners[which] if len(self.owners) else self.owners)


class Block:
    """Some addresses as one array of bytes, each followed by a line break."""

    def __init__(self, urls: pa.Array) -> None:
        lines = pa.concat_arrays([urls.cast(pa.binary()), pa.array([b""])])
        joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines), b"\n")
        _, offsets, _ = lines.buffers()
        limits = np.frombuffer(offsets, np.int32)[: len(lines)] + np.arange(len(lines))  # with the breaks before
        self.urls = urls
        self.starts, self.ends = limits[:-1], limits[1:] - 1
        self.bytes = np.frombuffer(joined.buffers()[2], np.uint8)[: limits[-1]]
        self.small = self.bytes | (_between(self.bytes, "A", "Z").view(np.uint8) << np.uint8(5))

    def __len__(self) -> int:
        return len(self.urls)

    @cached_property
    def text(self) -> str:
        """A character a byte, so that spans cut it; only of ASCII pieces it tells what they say."""
        return self.bytes.tobytes().decode("latin-1")

    def cut(self, spans: Spans) -> list[str]:
        text = self.text if len(spans.starts) else ""
        return [text[start:end] for start, end in zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)]

    @property
    def whole(self) -> Spans:
        return Spans(self.starts, self.ends, np.arange(len(self)))

    @cached_property
    def _lettered(self) -> NDArray[np.bool_]:
        return _between(self.small, "a", "z") | _between(self.small, "0", "9")

    @cached_property
    def words(self) -> Spans:
        """Runs of ASCII letters and digits; owners are left to be asked of the few that matter (`owners_of`)."""
        letters = self._lettered
        turns = np.flatnonzero(letters[1:] != letters[:-1]) + 1
        if letters[:1].any():
            turns = np.concatenate([[0], turns])
        return Spans(turns[0::2], turns[1::2], turns[:0])

    @cached_property
    def word_hashes(self) -> NDArray[np.uint32]:
        return self.hashes(self.words)

    def owners_of(self, spans: Spans) -> Numbers:
        return np.searchsorted(self.starts, spans.starts, side="right") - 1

    @cached_property
    def letters(self) -> tuple[bytes, Numbers]:
        """All addresses as nothing but their ASCII letters and digits, in small letters, and where each begins."""
        counts = np.add.reduceat(self._lettered, self.starts, dtype=np.int64)
        return np.compress(self._lettered, self.small).tobytes(), np.concatenate([[0], np.cumsum(counts)])

    @cached_property
    def _marks(self) -> tuple[Numbers, Numbers]:
        """Where bytes stand that no plain host holds, and where dots."""
        marks = np.flatnonzero(np.frombuffer(self.bytes.tobytes().translate(_MARKS), bool))
        dots = self.bytes[marks] == ord(".")
        return np.compress(~dots, marks), np.compress(dots, marks)

    @cached_property
    def hosts(self) -> tuple[Spans, NDArray[np.bool_]]:
        """The host of each address, and which are plain: after http(s):// or nothing, of visible ASCII, without a user
        or brackets, so that it is what `hosts_of` says but for capitals. Others have no span that may be used."""
        head, room = _eights(self.small)[self.starts], self.ends - self.starts
        https, http = (head == _HTTPS) & (room >= 8), ((head & _SEVEN) == _HTTP) & (room >= 7)
        starts = self.starts + 8 * https + 7 * http
        stops, _ = self._marks
        first = np.searchsorted(stops, starts)
        ends, after = stops[first], stops[np.minimum(first + 1, len(stops) - 1)]  # the last of all is a line break
        kind, next_kind = _CLASSES[self.bytes[ends]], _CLASSES[self.bytes[after]]
        ended = (kind == _END) | (ends == self.ends)
        port = (kind == _PORT) & ((next_kind == _END) | (after == self.ends))
        plain = (ends > starts) & (ended | (port & (https | http)))
        ends = ends - (plain & (self.bytes[ends - 1] == ord(".")))
        plain &= (self.bytes[starts] != ord(".")) & (self.bytes[ends - 1] != ord("."))
        return Spans(starts, ends, np.arange(len(self))), plain

    def tails(self, hosts: Spans) -> Spans:
        """What follows a dot of the hosts and has another dot: among these, or the host, is the registered domain."""
        _, dots = self._marks
        first, last = np.searchsorted(dots, hosts.starts), np.searchsorted(dots, hosts.ends)
        counts = np.maximum(last - first - 1, 0)
        before = np.cumsum(counts) - counts
        owners = np.repeat(np.arange(len(counts)), counts)
        chosen = np.arange(len(owners)) + (first - before)[owners]
        return Spans(dots[chosen] + 1, hosts.ends[owners], hosts.owners[owners])

    @cached_property
    def _sums(self) -> NDArray[np.uint32]:
        powers, _ = _powers(len(self.small))
        sums = np.empty(len(self.small) + 1, np.uint32)
        sums[0] = 0
        np.multiply(self.small, powers[: len(self.small)], out=sums[1:])
        return np.cumsum(sums, out=sums)

    def hashes(self, spans: Spans) -> NDArray[np.uint32]:
        """Of each span in small letters: the same wherever it stands."""
        _, inverse = _powers(len(self.small))
        found = (self._sums[spans.ends] - self._sums[spans.starts]) * inverse[spans.starts]
        return (found ^ (found >> np.uint32(15))) * _MIX


def _between(data: NDArray[np.uint8], first: str, last: str) -> NDArray[np.bool_]:
    return (data - np.uint8(ord(first))) <= np.uint8(ord(last) - ord(first))


def _eights(data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The eight bytes that begin at each place, zeros behind the last."""
    return np.ndarray((len(data),), "<u8", np.append(data, np.zeros(8, np.uint8)), strides=(1,))


@lru_cache(maxsize=4)
def _powers_of(size: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    bases = (_BASE, pow(_BASE, -1, 1 << 32))
    one, other = (np.full(size, base, np.uint32) for base in bases)
    one[0] = other[0] = 1
    return np.cumprod(one, dtype=np.uint32), np.cumprod(other, dtype=np.uint32)


def _powers(size: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    return _powers_of(max(1 << size.bit_length(), 2 * BLOCK))


def blocks(urls: pa.Array) -> Iterator[Block]:
    """The addresses in their order, so many at a time that they have about BLOCK bytes, an address at least."""
    urls = urls.cast(pa.string())
    sizes = np.cumsum(pc.binary_length(urls).to_numpy(zero_copy_only=False).astype(np.int64) + 1)
    start = 0
    while start < len(urls):
        done = sizes[start - 1] if start else 0
        end = max(int(np.searchsorted(sizes, done + BLOCK, side="right")), start + 1)
        yield Block(urls.slice(start, end - start))
        start = end


class Parts:
    """Which of many texts of ASCII hold one of some parts.

    As many bytes are looked at as the shortest part has, eight at most: by a hash of 16 bits at every place, then by
    themselves, and only where they are those that a part begins with is the whole part compared.
    """

    def __init__(self, parts: Collection[str]) -> None:
        """None may be empty."""
        self._width = min(8, *map(len, parts)) if parts else 8
        self._parts: dict[bytes, tuple[bytes, ...]] = {}
        for part in (part.encode() for part in parts):
            start = part[: self._width]
            self._parts[start] = (*self._parts.get(start, ()), part)
        self._table = np.zeros(1 << 16, bool)
        self._table[[self._hashes(np.frombuffer(start, np.uint8))[0] for start in self._parts]] = True
        self._starts = np.array([int.from_bytes(start, "little") for start in self._parts], np.uint64)

    def are_in(self, texts: bytes, offsets: Numbers) -> NDArray[np.bool_]:
        """Of texts that lie one behind the other."""
        found = np.zeros(len(offsets) - 1, bool)
        data = np.frombuffer(texts, np.uint8)
        if len(data) < self._width or not self._parts:
            return found
        at = np.flatnonzero(self._table.take(self._hashes(data)))
        at = at[np.isin(_eights(data)[at] & np.uint64((1 << 8 * self._width) - 1), self._starts)]
        owners = np.searchsorted(offsets, at, side="right") - 1
        for owner, place, end in zip(owners.tolist(), at.tolist(), offsets[owners + 1].tolist(), strict=True):
            if texts.startswith(self._parts[texts[place : place + self._width]], place, end):
                found[owner] = True
        return found

    def _hashes(self, data: NDArray[np.uint8]) -> NDArray[np.uint16]:
        places, values = len(data) - self._width + 1, data.astype(np.uint16)
        found = values[:places].copy()
        for step in range(1, self._width):
            found *= np.uint16(0x9E37)
            found += values[step : step + places]
        return found


class Sieve:
    """Two bits a hash: never says no of an entry (ASCII letters in either case), and seldom yes of what is none."""

    def __init__(self, entries: Collection[str]) -> None:
        self._shift = np.uint32(32 - min(max((len(entries) * _BITS_AN_ENTRY).bit_length(), _LEAST_BITS), 31))
        self._bits = np.zeros(1 << (29 - int(self._shift)), np.uint8)
        for block in blocks(pa.array(list(entries), pa.string())):
            hashes = block.hashes(block.whole)
            for one in (hashes, hashes * _MIX):
                byte, bit = self._place(one)
                np.bitwise_or.at(self._bits, byte, np.uint8(1) << bit)

    def may_hold(self, hashes: NDArray[np.uint32]) -> NDArray[np.bool_]:
        found = self._are_set(hashes)
        found[found] = self._are_set(hashes[found] * _MIX)  # few are left to ask a second time
        return found

    def _are_set(self, hashes: NDArray[np.uint32]) -> NDArray[np.bool_]:
        byte, bit = self._place(hashes)
        return (self._bits.take(byte) >> bit & np.uint8(1)).view(bool)

    def _place(self, hashes: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        at = hashes >> self._shift
        return at >> np.uint32(3), at.astype(np.uint8) & np.uint8(7)
