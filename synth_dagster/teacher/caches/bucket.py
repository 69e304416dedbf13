"""Answers as objects of a bucket, for the machines of a team that has no server.

An object is put only if there is none of its name (`If-None-Match: *`), so the first writer wins on any machine; what a
machine has read or written it keeps in a SQLite file, so nothing is fetched twice. Objects, each named by its id:

    cache/<2 hex>/<id>      an answer
    replay/<2 hex>/<id>     the call that was used for a request, where it was not the first attempt
    vectors/<2 hex>/<id>    an embedding
    abilities/<2 hex>/<id>  what an endpoint was found to be able to do, and when
    erased/<2 hex>/<id>     says to every machine that its own copy has to go
"""

import asyncio
import base64
import json
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from synth_dagster.errors import StorageError, TeacherError
from synth_dagster.records import canonical_json
from synth_dagster.storage import NotThere, S3Options
from synth_dagster.storage.bucket import BucketStore
from synth_dagster.storage.fence import fence_of, raise_fence
from synth_dagster.teacher.cache import CLOSED, AnswerCache, Erased, Stored, StoredVector
from synth_dagster.teacher.caches.file import FileCache

T = TypeVar("T")

FORMAT = "answers.json"
VERSION = 1
READ_AHEAD = 256
AT_ONCE = 32  # requests to the bucket, as many as its client keeps connections


class BucketCache(AnswerCache):
    """The objects under one prefix, behind a SQLite file of this machine."""

    def __init__(self, url: str, options: S3Options) -> None:
        self._store = BucketStore(url, options)
        self._store.prepare()  # refuses a bucket where a second writer would win
        self._check_format()
        self._front = FileCache(self._store.derived / "answers.sqlite")
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="answer-cache")
        self._closed = False
        try:
            self.word = fence_of(self._store)
            self._noted = {_id_of(entry.name) for entry in self._store.entries("replay/")}
            self._forget_erased()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._closed = True
        self._threads.shutdown()
        self._front.close()

    async def get(self, call_id: bytes) -> Stored | None:
        stored = await self._front.get(call_id)
        if stored is None and (found := await self._read(_name("cache", call_id))) is not None:
            stored = await self._front.put(call_id, self._decoded(_stored_of, found, call_id))
        return stored

    async def replayed(self, logical_id: bytes) -> bytes | None:
        """Notes are rare: those of the bucket are listed once, when it is opened, and later ones are ours."""
        noted = await self._front.replayed(logical_id)
        if noted is None and logical_id in self._noted:
            noted = await self._read(_name("replay", logical_id))
            if noted is not None:
                await self._front.remember(logical_id, noted)
        return noted

    async def vectors(self, call_ids: Iterable[bytes]) -> dict[bytes, StoredVector]:
        wanted = list(call_ids)
        found = await self._front.vectors(wanted)
        missing = [call_id for call_id in wanted if call_id not in found]
        read = await asyncio.gather(*(self._read(_name("vectors", call_id)) for call_id in missing))
        fetched = {
            call_id: self._decoded(_vector_of, content, call_id)
            for call_id, content in zip(missing, read, strict=True)
            if content is not None
        }
        if fetched:
            await self._front.put_vectors(fetched)
        return found | fetched

    async def put(self, call_id: bytes, answer: Stored) -> Stored:
        if not await self._fenced(partial(self._created, _name("cache", call_id), _packed(answer))):
            found = await self._read(_name("cache", call_id))
            answer = answer if found is None else self._decoded(_stored_of, found, call_id)
        return await self._front.put(call_id, answer)

    async def put_vectors(self, vectors: Mapping[bytes, StoredVector]) -> None:
        await asyncio.gather(
            *(
                self._fenced(partial(self._created, _name("vectors", call_id), _packed_vector(vector)))
                for call_id, vector in vectors.items()
            )
        )
        await self._front.put_vectors(vectors)

    async def _created(self, name: str, content: bytes) -> bool | Erased:
        """Whether the object is ours. No request makes one only if another says something: so it is looked at after,
        and what came too late goes again.
        """
        created = await self._in_thread(self._store.create, name, content)
        word = await self._in_thread(fence_of, self._store)
        if word == self.word:
            return created
        if created:
            await self._in_thread(self._store.erase, name)
        return Erased(word)

    async def raise_fence(self, word: str) -> None:
        await self._in_thread(raise_fence, self._store, word)

    async def remember(self, logical_id: bytes, call_id: bytes) -> bytes:
        if not await self._in_thread(self._store.create, _name("replay", logical_id), call_id):
            call_id = await self._read(_name("replay", logical_id)) or call_id
        self._noted.add(logical_id)
        return await self._front.remember(logical_id, call_id)

    async def forget(self, call_ids: Iterable[bytes]) -> int:
        """Also older versions that a bucket keeps. Other machines lose their copies when they next open the cache."""
        doomed = list(call_ids)
        gone = sum(await asyncio.gather(*(self._in_thread(self._erase, call_id) for call_id in doomed)))
        if self._noted:
            await self._forget_notes(set(doomed))
        await self._front.forget(doomed)
        return gone

    def answers(self) -> Iterator[tuple[bytes, Stored]]:
        for name, content in self._contents("cache/"):
            yield _id_of(name), self._decoded(_stored_of, content, _id_of(name))

    def embedded_by(self) -> dict[str, int]:
        """Each is read: in a bucket no index tells their models."""
        vectors = (self._decoded(_vector_of, content, _id_of(name)) for name, content in self._contents("vectors/"))
        return dict(Counter(vector.model for vector in vectors))

    async def ability(self, key: bytes, newer_than: float) -> str | None:
        own = await self._front.ability(key, newer_than)
        if own is not None or (found := await self._read(_name("abilities", key))) is None:
            return own
        text, noted_at = self._decoded(_ability_of, found, key)
        if noted_at <= newer_than:
            return None
        await self._front.note_ability(key, text, noted_at)
        return text

    async def note_ability(self, key: bytes, found: str, noted_at: float | None = None) -> None:
        at, name = noted_at or time.time(), _name("abilities", key)

        def replace() -> None:
            self._store.remove(name)
            self._store.create(name, json.dumps([found, at]).encode())  # one of two machines that do so at once

        await self._in_thread(replace)
        await self._front.note_ability(key, found, at)

    async def claim(self, call_id: bytes) -> bool:
        """Among the processes of this machine. Two machines that ask for the same at once both pay, and agree after."""
        return await self._front.claim(call_id)

    async def unclaim(self, call_id: bytes) -> None:
        await self._front.unclaim(call_id)

    # ------------------------------------------------------------------------------------------------------- bucket

    def _check_format(self) -> None:
        """Begin a cache, or see that the one there is of a version that we read."""
        ours = canonical_json({"format": "synth_dagster answers", "version": VERSION}).encode()
        if self._store.create(FORMAT, ours):
            return
        try:
            version = json.loads(self._store.read(FORMAT))["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(FORMAT, error) from error
        if version > VERSION:
            raise TeacherError(
                f"The answer cache {self._store.url} was written by a newer version (its format is {version}, this "
                f"version reads up to {VERSION}). Nothing in it was changed. Upgrade synth_dagster, or name another "
                "prefix."
            )

    def _forget_erased(self) -> None:
        """Drop the copies of what another machine has erased since."""
        erased = [_id_of(entry.name) for entry in self._store.entries("erased/")]
        if erased:
            self._front.drop(erased)

    def _erase(self, call_id: bytes) -> bool:
        self._store.create(_name("erased", call_id), b"")
        answer, vector = (self._store.erase(_name(kind, call_id)) for kind in ("cache", "vectors"))
        return answer or vector

    async def _forget_notes(self, doomed: set[bytes]) -> None:
        """The notes that lead to an erased call; they hold no text, but would lead nowhere."""
        for logical_id in list(self._noted):
            if await self.replayed(logical_id) in doomed:
                await self._in_thread(self._store.erase, _name("replay", logical_id))
                self._noted.discard(logical_id)

    def _contents(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """All objects of a kind, many at a time."""
        names = (entry.name for entry in self._store.entries(prefix))
        while some := list(islice(names, READ_AHEAD)):
            yield from zip(some, self._threads.map(self._store.read, some), strict=True)

    async def _read(self, name: str) -> bytes | None:
        def read() -> bytes | None:
            try:
                return self._store.read(name)
            except NotThere:
                return None

        return await self._in_thread(read)

    async def _in_thread(self, work: Callable[..., T], *given: Any) -> T:
        if self._closed:
            raise TeacherError(CLOSED)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)
        except StorageError as error:
            raise TeacherError(f"The answer cache cannot be used. {error}") from error

    def _decoded(self, decode: Callable[[bytes], T], content: bytes, call_id: bytes) -> T:
        try:
            return decode(content)
        except (ValueError, KeyError, TypeError, zlib.error, ArithmeticError) as error:
            raise self._damaged(call_id.hex(), error) from error

    def _damaged(self, name: str, error: Exception) -> TeacherError:
        return TeacherError(
            f"The object '{name}' of the answer cache {self._store.url} cannot be read ({error}). Nothing was changed. "
            "Restore it from a copy, or delete it: what it held is then paid for again."
        )


def _name(kind: str, call_id: bytes) -> str:
    named = call_id.hex()
    return f"{kind}/{named[:2]}/{named}"


def _id_of(name: str) -> bytes:
    return bytes.fromhex(name.rpartition("/")[2])


def _packed(answer: Stored) -> bytes:
    fields = {name: getattr(answer, name) for name in Stored.__slots__}
    return _squeezed(fields | {"usd": None if answer.usd is None else str(answer.usd)})


def _stored_of(content: bytes) -> Stored:
    fields = json.loads(zlib.decompress(content))
    usd = fields.pop("usd")
    return Stored(**fields, usd=None if usd is None else Decimal(usd))


def _ability_of(content: bytes) -> tuple[str, float]:
    found, noted_at = json.loads(content)
    return str(found), float(noted_at)


def _packed_vector(vector: StoredVector) -> bytes:
    fields = {name: getattr(vector, name) for name in StoredVector.__slots__}
    fields |= {"vector": base64.b64encode(vector.vector).decode()}
    return _squeezed(fields | {"usd": None if vector.usd is None else str(vector.usd)})


def _vector_of(content: bytes) -> StoredVector:
    fields = json.loads(zlib.decompress(content))
    usd, vector = fields.pop("usd"), base64.b64decode(fields.pop("vector"), validate=True)
    return StoredVector(**fields, vector=vector, usd=None if usd is None else Decimal(usd))


def _squeezed(fields: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(fields).encode(), 6)
