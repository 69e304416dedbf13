"""The decoding search: whether an erased record is still anywhere that can be reached.

Every file of a lake is searched, what a bucket keeps of removed ones too, and what stands beside it: folders, databases
on a server, objects of another bucket. A file that was searched before and hashes to the same is not searched again.
What cannot be searched is named: a proof that is silent about a place would be none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from synth_dagster.errors import SynthError
from synth_dagster.governance.erase_look import Going, Seen, Wanted, look_at_bytes, look_at_file, look_at_rows
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.shingles import Hits
from synth_dagster.storage import OldVersion, Store
from synth_dagster.storage.postgres import Schema

READ_AHEAD = 32

Rowed = Callable[[str], Going | None]
"""For the name of a file in the lake: which of its rows go, where it is a table's; None for any other."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a server that a program sees."""

    schema: Schema


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a store in a bucket, with what it keeps of removed ones."""

    store: Store


Place: TypeAlias = Path | Tables | Objects


@dataclass(slots=True)
class Found:
    """What a search came to: the places that hold something, and all places with what they hash to."""

    with_ids: list[str] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    not_searched: list[str] = field(default_factory=list)
    hits: dict[str, Hits] = field(default_factory=dict, repr=False)
    shared: Hits = field(default_factory=Hits, repr=False)  # pieces of text that rows that stay have too
    unchanged: int = 0  # since they were searched before

    def add(self, name: str, told: dict[str, Any], seen: Seen | None) -> None:
        """A place; None where what it hashes to tells that nothing is there."""
        self.files[name] = told
        if seen is None:
            self.unchanged += 1
            return
        if seen.has_id:
            self.with_ids.append(name)
        if seen.hits:
            self.hits[name] = seen.hits
        self.shared.add(seen.shared)

    @property
    def with_text(self) -> list[str]:
        """The places that hold a piece of text that is nobody else's."""
        return [name for name, hits in self.hits.items() if hits.without(self.shared)]

    @property
    def clean(self) -> bool:
        return not self.with_ids and not self.with_text

    def as_json(self) -> dict[str, Any]:
        told = {"with_ids": sorted(self.with_ids), "with_text": sorted(self.with_text)}
        return {"files": len(self.files), "unchanged": self.unchanged} | told


def search(
    lake: Lake,
    wanted: Wanted,
    *,
    others: Mapping[str, Place],
    but: Sequence[str] = (),
    rowed: Rowed = lambda _: None,
    clean: Mapping[str, Any] | None = None,
    beside: Set[str] = frozenset(),
) -> Found:
    """Search a lake and other places, by the names they are told under; `but` begin names to pass over.

    `clean` are what files hashed to that were searched before for the same, and held nothing. `beside` are files of
    tables that are not opened, which is told.
    """
    found, known = Found(), clean or {}
    for name, path in _files(lake, others, found, beside):
        if not name.startswith(tuple(but)):
            _look_at(name, path, wanted, found, rowed(name), known)
    if beside:
        found.not_searched.append(f"{len(beside):,} files of batches that hold none of the records, as their ids say")
    if in_bucket(lake):
        _look_at_objects("", lake.store, wanted, found, known, but, passed_over=(".parquet",))
    search_places(wanted, others, found, known)
    return found


def search_places(wanted: Wanted, others: Mapping[str, Place], found: Found, known: Mapping[str, Any]) -> None:
    """Search servers and buckets beside a lake. One that cannot be reached is named."""
    for name, place in others.items():
        try:
            if isinstance(place, Tables):
                for table, told, seen in _tables(name, place, wanted):
                    found.add(table, told, seen)
            elif isinstance(place, Objects):
                _look_at_objects(f"{name}/", place.store, wanted, found, known, ())
        except SynthError as error:
            found.not_searched.append(f"{name}: {error}")


def in_bucket(lake: Lake) -> bool:
    """Whether the lake's files are objects that are read as copies."""
    return str(lake.store.folder) != lake.store.url


def _files(lake: Lake, others: Mapping[str, Place], found: Found, beside: Set[str]) -> Iterator[tuple[str, Path]]:
    """All files of this machine that belong to it, temporary ones too; those of a bucket as copies."""
    seen: set[Path] = set()
    if in_bucket(lake):
        names = (entry.name for entry in lake.store.entries() if entry.name.endswith(".parquet"))
        names = (name for name in names if name not in beside)
        while some := list(islice(names, READ_AHEAD)):
            for name, path in zip(some, lake.store.local_all(some), strict=True):
                seen.add(path.resolve())
                yield name, path
    own = "copies" if in_bucket(lake) else ""
    roots = {own: lake.store.folder, "derived": lake.store.derived, **others}
    for name, root in roots.items():
        paths = _below(root) if isinstance(root, Path) else []
        for path in paths:
            if path.is_file() and (resolved := path.resolve()) not in seen:
                seen.add(resolved)
                inside = path.relative_to(root).as_posix() if root.is_dir() else path.name
                told = f"{name}/{inside}".lstrip("/")
                if told not in beside:
                    yield told, path


def _below(root: Path) -> list[Path]:
    return sorted(root.rglob("*")) if root.is_dir() else [root, *root.parent.glob(f"{root.name}-*")]


def _look_at(
    name: str, path: Path, wanted: Wanted, found: Found, going: Going | None, known: Mapping[str, Any]
) -> None:
    try:
        with path.open("rb") as file:
            told = {"size": path.stat().st_size, "sha256": file_digest(file, "sha256").hexdigest()}
        is_known = known.get(name) == told and not path.with_name(f"{path.name}-wal").exists()
        seen = None if is_known else look_at_file(path, wanted, going)
    except FileNotFoundError:
        return  # a temporary file of another program that is gone
    except OSError:
        found.not_searched.append(f"{name}: it cannot be read")
        return
    found.add(name, told, seen)


def _look_at_objects(
    prefix: str,
    store: Store,
    wanted: Wanted,
    found: Found,
    known: Mapping[str, Any],
    but: Sequence[str],
    passed_over: tuple[str, ...] = (),
) -> None:
    """The objects of a bucket, then what it keeps of those that were replaced or removed."""
    names = (entry.name for entry in store.entries())
    wished = (name for name in names if not name.startswith(tuple(but)) and not name.endswith(passed_over or ("\0",)))
    for name, data in _contents(store, wished):
        _look_at_content(f"{prefix}{name}", data, wanted, found, known)
    try:
        for old in store.old_versions():
            name = f"{prefix}{old_name(old)}"
            if name in known:  # a version never changes
                found.add(name, dict(known[name]), None)
            else:
                _look_at_content(name, store.read_old(old), wanted, found, known)
    except SynthError as error:
        found.not_searched.append(f"{prefix}old versions of objects, if the bucket keeps them: {error}")


def old_name(old: OldVersion) -> str:
    """How a search calls what a bucket keeps of a replaced or removed file."""
    return f"{old.name}@{old.version}"


def _look_at_content(name: str, data: bytes, wanted: Wanted, found: Found, known: Mapping[str, Any]) -> None:
    told = {"size": len(data), "sha256": sha256(data).hexdigest()}
    found.add(name, told, None if known.get(name) == told else look_at_bytes(data, wanted))


def _contents(store: Store, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Some at a time: between here and a bucket every request is a wait."""
    from concurrent.futures import ThreadPoolExecutor

    more = iter(names)
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        while some := list(islice(more, READ_AHEAD)):
            yield from zip(some, pool.map(store.read, some), strict=True)


def _tables(name: str, place: Tables, wanted: Wanted) -> Iterator[tuple[str, dict[str, Any], Seen]]:
    """Every row of every table."""
    for table in place.schema.tables():
        seen, count, hashed = Seen(), 0, sha256()
        for rows in place.schema.rows(table):
            look_at_rows(rows, wanted, seen)
            count += len(rows)
            hashed.update(repr(rows).encode())
        yield f"{name}/{table.replace(chr(34), '')}", {"rows": count, "sha256": hashed.hexdigest()}, seen


def erase_old_versions(store: Store, wanted: Wanted, clean: Mapping[str, Any]) -> int:
    """Remove what a bucket keeps of removed files where it holds something; how many versions those were."""
    count = 0
    for old in list(store.old_versions()):
        if old_name(old) not in clean:
            seen = look_at_bytes(store.read_old(old), wanted)
            if seen.has_id or seen.hits:
                store.erase_old(old)
                count += 1
    return count
