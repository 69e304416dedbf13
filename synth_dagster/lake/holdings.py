"""Which files of a lake name which records, so that an erasure finds what it touches without reading what it does not.

The lineage index knows what tables show. A lake holds more: past versions, candidates, verdicts, signals, rejects. This
index has a line for each key that a file names and says how often, for every file of rows that lies in the lake. It is
derived: a file it does not know is read, one that is gone is struck out at once with all its bytes, and where the index
is damaged or of another layout it is made again. Every question first catches up.
"""

import json
import math
import platform
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from uuid import uuid4

import numpy as np

from synth_dagster.lake.array_file import Damaged, write_arrays
from synth_dagster.lake.doomed import Stored, stored_entries
from synth_dagster.lake.holdings_rows import KINDS, Names, Told, merged, names_of
from synth_dagster.lake.holdings_segments import LAYOUT, Held, HeldFile, Part, Segment, arranged, part_of
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.leases import Lease
from synth_dagster.storage import NotThere, is_bucket
from synth_dagster.storage.folder import write_whole

MOST = 4_000_000  # names in one segment: what is sorted, or written anew for a file that is gone, in some 300 MB
FANOUT = 8  # so many segments of one size become one
SMALLEST = 4_096
WAIT_S = 3_600.0  # for another process that builds
NOT_HELD = Told(0, False, ())


@dataclass(slots=True)
class _Pending:
    """What was read and is not in a segment yet."""

    files: list[HeldFile] = field(default_factory=list)
    names: list[Names] = field(default_factory=list)

    @property
    def weight(self) -> int:
        return sum(map(len, self.names))

    def add(self, stored: Stored, etag: str, found: tuple[Told, Names] | None) -> None:
        self.files.append(HeldFile(stored, etag, found[0] if found else NOT_HELD, found is not None))
        if found:
            self.names.append(found[1])


class Holdings:
    """The index of one lake, on this machine."""

    def __init__(self, lake: Lake, *, most: int = MOST, fanout: int = FANOUT) -> None:
        self.lake, self.most, self.fanout = lake, most, fanout
        self.folder = lake.store.derived / "holdings"
        self.catalog = self.folder / "catalog.json"

    def now(self) -> Held:
        """What the lake holds now. An index that is damaged is made again first."""
        while True:
            catalog = self._catalog()
            try:
                opened = [self._segment(part) for part in self.parts(catalog)]
            except Damaged:
                self._repair(catalog)
                continue
            if not self._differs(opened):
                return Held(opened)
            self.catch_up()

    def catch_up(self) -> int:
        """Read what has come since the last time, and strike out what is gone; how many files were read."""
        with self._lease() as lease:
            try:
                return self._catch_up(self.parts(), lease)
            except Damaged:
                return self._catch_up([], lease)

    def rebuild(self) -> int:
        """Throw the index away and read everything; how many files were read."""
        with self._lease() as lease:
            return self._catch_up([], lease)

    def _repair(self, seen: bytes) -> None:
        """Make the index again, where another has not just replaced what was being opened."""
        with self._lease() as lease:
            if self._catalog() == seen:
                self._catch_up([], lease)

    def check(self) -> None:
        """Read every byte. Raises Damaged when one has changed since it was written."""
        for part in self.parts():
            if self._segment(part).checksum() != part.checksum:
                raise Damaged(f"{self.folder / part.name} has other bytes than were written")

    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.folder.glob("*") if path.is_file())

    def _lease(self) -> AbstractContextManager[Lease]:
        """The index of a lake in a bucket is one for each machine."""
        name = f"holdings/{platform.node()}" if is_bucket(self.lake.store.url) else "holdings"
        return self.lake.lease(name, "exclusive", wait_s=WAIT_S)

    # ------------------------------------------------------------------------------------------------------ reading

    def _catalog(self) -> bytes:
        """As it is written; nothing where there is none."""
        try:
            return self.catalog.read_bytes()
        except FileNotFoundError:
            return b""

    def parts(self, catalog: bytes | None = None) -> list[Part]:
        """The segments that the catalog names."""
        catalog = self._catalog() if catalog is None else catalog
        if not catalog:
            return []
        try:
            told = json.loads(catalog)
            if (told["layout"], told["kinds"]) != (LAYOUT, list(KINDS)):
                raise Damaged(f"{self.catalog} is of another layout")
            return [part_of(one) for one in told["segments"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{self.catalog} is no catalog") from error

    def _segment(self, part: Part) -> Segment:
        found = Segment(self.folder / part.name, part.size, part.files)
        found.check(part.modified, part.checksum)
        return found

    def _there(self) -> dict[str, tuple[Stored, str]]:
        """Every file of rows that lies in the lake, and what it is."""
        return {stored.name: (stored, entry.etag) for stored, entry in stored_entries(self.lake)}

    def _differs(self, opened: Sequence[Segment]) -> bool:
        known = {file.stored.name: file.etag for segment in opened for file in segment.files}
        return known != {name: etag for name, (_, etag) in self._there().items()}

    # ------------------------------------------------------------------------------------------------------ catching up

    def _catch_up(self, parts: Sequence[Part], lease: Lease) -> int:
        """A long build is written in several segments: after a kill the next one goes on with what is missing."""
        there = self._there()
        parts = self._without_gone(parts, {name: etag for name, (_, etag) in there.items()})
        known = {file.stored.name for part in parts for file in part.files}
        read, pending = 0, _Pending()
        for name in sorted(there.keys() - known):
            stored, etag = there[name]
            try:
                found = names_of(self.lake.store.local(name), stored.dataset, len(pending.files))
            except (NotThere, FileNotFoundError):
                continue  # a candidate that gave way meanwhile
            pending.add(stored, etag, found)
            read += 1
            if pending.weight >= self.most:
                parts = self._named([*parts, self._written(pending.files, merged(pending.names))], lease)
                pending = _Pending()
        if pending.files:
            parts.append(self._written(pending.files, merged(pending.names)))
        while chosen := _to_merge(parts, self.most, self.fanout):
            parts = [*(part for part in parts if part not in chosen), self._merged(chosen)]
        self._named(parts, lease)
        return read

    def _without_gone(self, parts: Sequence[Part], there: Mapping[str, str]) -> list[Part]:
        """Segments without files that are gone or others now: not a byte of those stays."""
        kept: list[Part] = []
        for part in parts:
            stays = np.array([there.get(file.stored.name) == file.etag for file in part.files], bool)
            if stays.all():
                kept.append(part)
            elif stays.any():
                names = self._segment(part).whole()
                names = names.of(stays[names.file])
                places = np.cumsum(stays) - 1
                files = [file for file, stay in zip(part.files, stays.tolist(), strict=True) if stay]
                kept.append(self._written(files, Names(names.keys, names.kind, places[names.file], names.count)))
        return kept

    def _merged(self, chosen: Sequence[Part]) -> Part:
        files: list[HeldFile] = []
        names: list[Names] = []
        for part in chosen:
            one = self._segment(part).whole()
            names.append(Names(one.keys, one.kind, one.file + len(files), one.count))
            files += part.files
        return self._written(files, merged(names))

    def _written(self, files: Sequence[HeldFile], names: Names) -> Part:
        """Write a segment. Nobody sees it before the catalog names it."""
        path = self.folder / f"{uuid4().hex}.segment"
        checksum = write_arrays(path, LAYOUT, arranged(names))
        status = path.stat()
        return Part(path.name, len(names), status.st_size, status.st_mtime_ns, checksum, tuple(files))

    def _named(self, parts: Sequence[Part], lease: Lease) -> list[Part]:
        """Let these be the index, and remove what it has no longer. Whoever has a segment mapped keeps it."""
        told = {"layout": LAYOUT, "kinds": KINDS, "segments": [asdict(part) for part in parts]}
        data = json.dumps(told).encode()
        lease.check()
        write_whole(self.catalog, lambda file: file.write(data), needed=len(data))
        known = {self.catalog.name, *(part.name for part in parts)}
        for path in self.folder.iterdir():
            if path.name not in known:
                path.unlink(missing_ok=True)
        return list(parts)


def _to_merge(parts: Sequence[Part], most: int, fanout: int) -> list[Part]:
    """The segments of one size where there are many, the smallest that together are not too many; else none."""
    sizes: dict[int, list[Part]] = {}
    for part in sorted(parts, key=lambda part: part.weight):
        if part.weight < most:
            sizes.setdefault(int(math.log(max(part.weight / SMALLEST, 1), fanout)), []).append(part)
    for _, some in sorted(sizes.items()):
        together = np.cumsum([part.weight for part in some])
        fitting = some[: int(np.searchsorted(together, most, "right"))]
        if len(some) >= fanout and len(fitting) > 1:
            return fitting
    return []
