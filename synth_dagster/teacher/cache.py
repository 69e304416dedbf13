"""The answer cache is the checkpoint: what was paid for once is never asked again, whatever happens to the process.

An answer is durable before anybody sees it, and the first writer wins: all others get the winner's answer. The key
holds what can change an answer and nothing else: neither the role nor the address.

Three places keep answers alike: a SQLite file of this machine, a Postgres schema and a bucket that a team shares. They
stand in `caches/`, one a file.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Self, TypeVar

from synth_dagster.errors import TeacherError
from synth_dagster.records import Json, canonical_json, digest, digest_of
from synth_dagster.services import Sampling
from synth_dagster.storage import S3Options

CLAIMED_S = 600.0  # how long another process may ask for an answer before we ask for it too
LOOK_S = 0.05  # how often it is looked for meanwhile, at first
LONGEST_LOOK_S = 1.0

T = TypeVar("T")

SAMPLING = tuple(one.name for one in fields(Sampling))
LATER = "top_logprobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that can change an answer. `model` is the declared one."""

    messages: Sequence[Mapping[str, str]]
    model: str
    revision: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    schema: Json = None
    sample: int = 0
    _json: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def logical_id(self) -> bytes:
        """Names the request as the recipe declares it."""
        return digest_of(f'["logical",{self._text()}]')

    def call_id(self, attempt: int, *, served: str | None = None) -> bytes:
        """Names one call for it: which model was really asked, and for the how-manieth time.

        The number also stands for the turns by which a wrong answer is repaired: they follow from the request and from
        the answers to the attempts before, which are kept under the lower numbers. How the endpoint is asked for the
        schema is no part of it: that is found out anew, and an answer that was paid for must not be lost by it.
        """
        asked = self if served in (None, self.model) else replace(self, model=served)
        return digest_of(f'["call",{{"attempt":{attempt},{asked._text()[1:]}]')  # it is the first of all names

    def _text(self) -> str:
        """The fields as canonical JSON, made once: a prompt is long, and its request has several names."""
        if not self._json:
            self._json.append(canonical_json(self._fields()))
        return self._json[0]

    def _fields(self) -> dict[str, Json]:
        return {
            "messages": [dict(message) for message in self.messages],
            "model": self.model,
            "revision": self.revision,
            "sampling": self._sampling(),
            "schema": self.schema,
            "sample": self.sample,
        }

    def _sampling(self) -> dict[str, Json]:
        """It is flat, so no copy of it is needed. What came later stands here only where it is asked for: the names of
        all other requests are what they were, and so their answers are found."""
        told = {name: getattr(self.sampling, name) for name in SAMPLING}
        return told if self.sampling.top_logprobs else {name: told[name] for name in SAMPLING if name != LATER}


def vector_id(text: str, model: str, revision: str | None) -> bytes:
    """Names the embedding of a text."""
    return digest("vector", text, model, revision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A teacher's answer as it is kept. `usd` is None where the price is unknown."""

    model: str  # as the endpoint names itself
    text: str
    finish_reason: str
    tokens_in: int = 0
    tokens_out: int = 0
    usd: Decimal | None = None
    prompt_hash: str | None = None
    run_id: str = ""
    top_logprobs: Mapping[str, float] = field(default_factory=dict)  # of the first token, where they were asked for
    cached_in: int = field(default=0, compare=False)  # of `tokens_in`, from the provider's own cache; priced, not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVector:
    """The embedding of one text: float32, little endian."""

    model: str
    vector: bytes
    tokens_in: int = 0
    usd: Decimal | None = None
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Erased:
    """What a write gives that was refused: an erasure has begun since, and this is its word."""

    word: str


class AnswerCache(ABC):
    """Answers, for all runs, recipes and processes that open the same place; safe for many tasks, loops and threads.

    An erasure leaves its word here before it looks for what goes. A cache knows the word of the time when it was
    opened, and writes no answer where it finds another one, unless whoever asks still holds what erasures wait for: a
    machine that was stopped for longer than its leases last would else put back what is gone.
    """

    word: str = ""  # of the latest erasure that we know of
    holds: Callable[[], bool] | None = None  # whether we still hold what erasures wait for; None: we never did

    @classmethod
    def open(cls, where: Path | str, s3: S3Options | None = None) -> "AnswerCache":
        """The cache in a file, or at postgresql://... or s3://...; an empty one is begun where there is none.

        Raises TeacherError for one that cannot be used, which is left as it is.
        """
        scheme, mark, _ = str(where).partition("://")
        if not mark:
            from synth_dagster.teacher.caches.file import FileCache

            return FileCache(Path(where))
        if scheme in ("postgresql", "postgres"):
            from synth_dagster.teacher.caches.postgres import PostgresCache

            return PostgresCache(str(where))
        if scheme == "s3":
            from synth_dagster.teacher.caches.bucket import BucketCache

            return BucketCache(str(where), s3 or S3Options())
        raise TeacherError(
            f"Answers cannot be kept in a {scheme}:// address. Set SYNTH_ANSWERS to a file of this machine, to "
            "postgresql://USER@HOST:PORT/DATABASE?schema=NAME or to s3://BUCKET/PREFIX."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Writes what is waiting, then lets go of the place."""

    @abstractmethod
    async def get(self, call_id: bytes) -> Stored | None:
        """The answer of that call, if it was ever given."""

    @abstractmethod
    async def replayed(self, logical_id: bytes) -> bytes | None:
        """The call whose answer was used for that request; None means the first attempt at the declared model."""

    @abstractmethod
    async def vectors(self, call_ids: Iterable[bytes]) -> dict[bytes, StoredVector]:
        """Those of the embeddings that were ever made."""

    @abstractmethod
    async def put(self, call_id: bytes, answer: Stored) -> Stored:
        """Keeps the answer; back when it is durable, with the answer that won if another process was first."""

    @abstractmethod
    async def put_vectors(self, vectors: Mapping[bytes, StoredVector]) -> None:
        """Keeps embeddings; back when they are durable."""

    @abstractmethod
    async def raise_fence(self, word: str) -> None:
        """From here on nobody writes an answer who began before, but for those who are waited for; twice is once."""

    async def _fenced(self, write: Callable[[], Awaitable[T | Erased]]) -> T:
        """What the write gives. Raises TeacherError where records were erased, and we may have read them before."""
        while isinstance(done := await write(), Erased):
            if self.holds is None or not await asyncio.to_thread(self.holds):
                raise TeacherError(
                    "Records were erased while a teacher was asked, and the step that asked had not kept its lease, as "
                    "when a machine is stopped for a while. The answer may speak of them and was not kept. Run it "
                    "again: earlier answers are kept."
                )
            self.word = done.word  # that erasure has waited for us, or is not about what we have read
        return done

    @abstractmethod
    async def remember(self, logical_id: bytes, call_id: bytes) -> bytes:
        """Notes which call answered the request, for every later run; gives the call that was noted first."""

    @abstractmethod
    async def forget(self, call_ids: Iterable[bytes]) -> int:
        """Erases these calls so that no byte of their text stays in the place; gives how many there were."""

    @abstractmethod
    def answers(self) -> Iterator[tuple[bytes, Stored]]:
        """Every answer that is kept, with its call; for whoever is in no event loop."""

    @abstractmethod
    def embedded_by(self) -> dict[str, int]:
        """How many embeddings of which model are kept; for whoever is in no event loop."""

    @abstractmethod
    async def ability(self, key: bytes, newer_than: float) -> str | None:
        """What an endpoint was found to be able to do, where it was found after that time (seconds since 1970)."""

    @abstractmethod
    async def note_ability(self, key: bytes, found: str, noted_at: float | None = None) -> None:
        """Notes what an endpoint was found to be able to do, in place of what was noted before; None is now."""

    @abstractmethod
    async def claim(self, call_id: bytes) -> bool:
        """Whether no other process asks for this answer now. A claim ends with `unclaim`, or with its process."""

    @abstractmethod
    async def unclaim(self, call_id: bytes) -> None:
        """Ends a claim of ours."""

    @asynccontextmanager
    async def asking(self, call_id: bytes) -> AsyncIterator[Stored | None]:
        """Around a call that is to be paid: the answer, where another process was faster; else it is ours to ask.

        A claim is advice, so that two processes do not pay twice. One whose holder takes too long is passed over: the
        first writer wins in any case.
        """
        claimed = await self._claimed(call_id)
        try:
            yield await self.get(
                call_id
            )  # also when nobody was waited for: it may have been put since it was looked for
        finally:
            if claimed:
                await self.unclaim(call_id)

    async def _claimed(self, call_id: bytes) -> bool:
        until, pause = time.monotonic() + CLAIMED_S, LOOK_S
        while not await self.claim(call_id):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK_S)
        return True


CLOSED = "The answer cache is closed. Open it again before asking a teacher."
