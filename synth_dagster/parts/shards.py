"""Content-defined shards: a stream cut where its content says so, so that a change touches only the shards around it.

A cut comes after an item whose hash is the smallest among its `reach` neighbours on either side. That depends on
nothing further away, so an insertion, a deletion or a change moves no cut beyond that distance: at most three shards
become others, wherever it happens. (The usual cut, where a hash falls below a threshold, depends on where the shard
began as soon as there is a smallest size, and one change can then run through many shards.) Two cuts are more than
`reach` apart, so shards hold at least about half the target, and about the target on average.

Only hashes wait for their neighbours, so the memory is that of `target` hashes, however long the stream is.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import tee
from typing import NamedTuple, Protocol

from synth_dagster.records import Json, digest

FIRST = "start"  # the first shard is always called so: what stands before all others has no neighbour to name it
LARGEST = 4  # times the target: where equal items in a row leave no smallest hash, the cut is made here


class Delivered(Protocol):
    """What can be sharded: it has a key, says where it stands, and what of it matters."""

    @property
    def native_key(self) -> str: ...

    @property
    def locator(self) -> str: ...

    @property
    def repeat(self) -> int:
        """How often its key has come so far, this item included; 1 where it never came before."""
        ...

    def identity(self) -> Json:
        """All that a change would have to change; not the position."""
        ...


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of items. `key` survives changes elsewhere, equal digests mean equal content, `start` is where to read."""

    key: str
    digest: str
    count: int
    start: str
    repeats: Mapping[
        int, int
    ]  # place in the shard -> how often the key of the item there has come so far, if more than once


class _Mark(NamedTuple):
    native_key: str
    digest: bytes
    start: str
    repeat: int

    @property
    def height(self) -> int:
        return int.from_bytes(self.digest[:8])


def shards(
    items: Iterable[Delivered], *, target: int, smallest: int | None = None, largest: int | None = None
) -> Iterator[Shard]:
    """Cut a stream into shards of about `target` items.

    No shard but a last one is smaller than `smallest` (more than half the target if not given) or larger than `largest`
    (four targets); a forced cut at `largest` is the only one that depends on where the shard began.
    """
    reach = target // 2 if smallest is None else smallest - 1
    limit = max(largest or LARGEST * target, reach + 1)
    seen, ahead = tee(_Mark(item.native_key, _digest(item), item.locator, item.repeat) for item in items)
    used: set[str] = set()
    shard: list[_Mark] = []
    for mark, cut in zip(seen, valleys((mark.height for mark in ahead), reach), strict=True):
        shard.append(mark)
        if cut or len(shard) >= limit:
            yield _closed(shard, used)
            shard = []
    if shard:
        yield _closed(shard, used)


def digest_of(items: Iterable[Delivered]) -> str:
    """The digest of a shard that holds these items in this order."""
    return _over(_digest(item) for item in items)


def valleys(heights: Iterable[int], reach: int) -> Iterator[bool]:
    """For each number, whether it is the smallest among its `reach` neighbours on both sides; the leftmost of equals.

    The first and last `reach` numbers have too few neighbours to be. One answer for each number, in order.
    """
    rising: deque[tuple[int, int]] = deque()  # who may still be the smallest of the window, left to right
    last = -1
    for last, height in enumerate(heights):
        while rising and rising[-1][1] > height:
            rising.pop()
        rising.append((last, height))
        if rising[0][0] < last - 2 * reach:
            rising.popleft()
        if last >= reach:
            yield last >= 2 * reach and rising[0][0] == last - reach
    yield from (False for _ in range(min(reach, last + 1)))


def _closed(shard: list[_Mark], used: set[str]) -> Shard:
    key = _free(_key(shard[0].native_key) if used else FIRST, used)
    used.add(key)
    repeats = {place: mark.repeat for place, mark in enumerate(shard) if mark.repeat > 1}
    return Shard(key, _over(mark.digest for mark in shard), len(shard), shard[0].start, repeats)


def _key(native_key: str) -> str:
    """Lower-case letters and digits, safe in a path, in SQL and in a partition key, whatever the native key is."""
    return digest("shard", native_key).hex()[:12]


def _free(key: str, used: set[str]) -> str:
    """Two shards that begin with the same native key are told apart by their order."""
    return next(name for name in (key, *(f"{key}-{n}" for n in range(2, len(used) + 3))) if name not in used)


def _digest(item: Delivered) -> bytes:
    return digest(item.native_key, item.identity())


def _over(digests: Iterable[bytes]) -> str:
    whole = hashlib.blake2b(digest_size=16)
    for part in digests:
        whole.update(part)
    return whole.hexdigest()
