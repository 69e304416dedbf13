"""The answer cache is the checkpoint: what was paid for once is never asked again, whatever happens to the process.

An answer is durable before anybody sees it. One thread writes: it takes all answers that have arrived, commits them
together with full synchronisation, and only then wakes their callers (group commit), so safety costs one sync for many
answers. Across processes the first writer wins and the others get the winner's answer.

The key holds what can change an answer and nothing else: neither the role nor the address.
"""

import asyncio
import json
import queue
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeAlias

from synth_dagster.errors import TeacherError
from synth_dagster.records import Json, digest
from synth_dagster.services import Sampling

APPLICATION_ID = 0x53594E54  # "SYNT", so that no other program's SQLite file is taken for a cache
SCHEMA_VERSION = 1
GROUP = 256
BUSY_S = 60.0
CHECKED_BYTES = 64 << 20  # a smaller file is checked page by page when it is opened

TABLES = """
create table if not exists calls (
    call_id blob primary key,
    model text not null,
    answer blob not null,
    tokens_in integer not null,
    tokens_out integer not null,
    usd text,
    prompt_hash text,
    run_id text not null,
    created_at text not null
);
create table if not exists replay (logical_id blob primary key, call_id blob not null);
create table if not exists vectors (
    call_id blob primary key,
    model text not null,
    vector blob not null,
    tokens_in integer not null,
    usd text,
    run_id text not null,
    created_at text not null
);
create index if not exists calls_by_run on calls (run_id);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that can change an answer. `model` is the declared one."""

    messages: Sequence[Mapping[str, str]]
    model: str
    revision: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    schema: Json = None
    sample: int = 0

    def logical_id(self) -> bytes:
        """Names the request as the recipe declares it."""
        return digest("logical", self._fields())

    def call_id(self, attempt: int, *, served: str | None = None) -> bytes:
        """Names one call for it: which model was really asked, and for the how-manieth time."""
        return digest("call", self._fields() | {"model": served or self.model, "attempt": attempt})

    def _fields(self) -> dict[str, Json]:
        return {
            "messages": [dict(message) for message in self.messages],
            "model": self.model,
            "revision": self.revision,
            "sampling": asdict(self.sampling),
            "schema": self.schema,
            "sample": self.sample,
        }


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVector:
    """The embedding of one text: float32, little endian."""

    model: str
    vector: bytes
    tokens_in: int = 0
    usd: Decimal | None = None
    run_id: str = ""


Work: TypeAlias = Callable[[sqlite3.Connection], Any]


class AnswerCache:
    """A SQLite file of answers, for all runs, recipes and processes of a machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        _make_folder(path)
        self._reader = _opened(path, check=True)
        self._reading = threading.Lock()
        self._work: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._closed = False
        self._writer = threading.Thread(target=self._write, name="answer-cache", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, path: Path) -> Self:
        """The cache in that file, for a `with`; an empty one is begun where there is none."""
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Writes what is waiting, then closes the file."""
        if self._closed:
            return
        self._closed = True
        self._work.put(None)
        self._writer.join()
        with self._reading:
            self._reader.close()

    def get(self, call_id: bytes) -> Stored | None:
        """The answer of that call, if it was ever given."""
        row = self._row(
            "select model, answer, tokens_in, tokens_out, usd, prompt_hash, run_id from calls where call_id = ?",
            call_id,
        )
        return None if row is None else self._decoded(_stored, row)

    def replayed(self, logical_id: bytes) -> bytes | None:
        """The call whose answer was used for that request; None means the first attempt at the declared model."""
        row = self._row("select call_id from replay where logical_id = ?", logical_id)
        return None if row is None else row[0]

    def vector(self, call_id: bytes) -> StoredVector | None:
        """The embedding of that text, if it was ever made."""
        row = self._row("select model, vector, tokens_in, usd, run_id from vectors where call_id = ?", call_id)
        return None if row is None else self._decoded(_stored_vector, row)

    async def put(self, call_id: bytes, answer: Stored) -> Stored:
        """Keeps the answer; back when it is durable, with the answer that won if another process was first."""
        return await self._written(lambda connection: _put(connection, call_id, answer))

    async def put_vectors(self, vectors: Mapping[bytes, StoredVector]) -> None:
        """Keeps embeddings; back when they are durable."""
        await self._written(lambda connection: _put_vectors(connection, vectors))

    async def remember(self, logical_id: bytes, call_id: bytes) -> bytes:
        """Notes which call answered the request, for every later run; gives the call that was noted first."""
        return await self._written(lambda connection: _remember(connection, logical_id, call_id))

    async def forget(self, call_ids: Iterable[bytes]) -> int:
        """Erases these calls so that no byte of their text stays in the file; gives how many there were."""
        doomed = list(call_ids)
        gone = await self._written(lambda connection: _forget(connection, doomed))
        await asyncio.to_thread(self._flush_log)
        return gone

    def _row(self, sql: str, key: bytes) -> tuple[Any, ...] | None:
        with self._reading:
            try:
                return self._reader.execute(sql, (key,)).fetchone()
            except sqlite3.ProgrammingError as error:
                raise TeacherError("The answer cache is closed. Open it again before asking a teacher.") from error
            except sqlite3.DatabaseError as error:
                raise damaged(self.path, error) from error

    def _decoded(self, decode: Callable[..., Any], row: tuple[Any, ...]) -> Any:
        try:
            return decode(*row)
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise damaged(self.path, error) from error

    async def _written(self, work: Work) -> Any:
        if self._closed:
            raise TeacherError("The answer cache is closed. Open it again before asking a teacher.")
        future: Future[Any] = Future()
        self._work.put((work, future))
        return await asyncio.wrap_future(future)

    def _write(self) -> None:
        """The writer thread: all work that has arrived is one commit."""
        connection = _opened(self.path)
        try:
            while (first := self._work.get()) is not None:
                group, more = _group(first, self._work)
                self._commit(connection, group)
                if not more:
                    break
        finally:
            connection.close()

    def _commit(self, connection: sqlite3.Connection, group: list[tuple[Work, Future[Any]]]) -> None:
        try:
            connection.execute("begin immediate")
            results = [work(connection) for work, _ in group]
            connection.execute("commit")
        except Exception as error:  # noqa: BLE001 - whatever it was, every caller of the group must hear of it
            if connection.in_transaction:
                connection.execute("rollback")
            _settle([future for _, future in group], error=_unwritable(self.path, error))
        else:
            _settle([future for _, future in group], results=results)

    def _flush_log(self) -> None:
        """Erased text also stands in the write-ahead log until that is emptied."""
        connection = _opened(self.path)
        try:
            busy, _, _ = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        finally:
            connection.close()
        if busy:
            raise TeacherError(
                f"The answer cache {self.path} is being read by another process, so erased text may still stand in its "
                "log. End that process and erase again."
            )


def damaged(path: Path, error: Exception) -> TeacherError:
    """A cache that cannot be read is left exactly as it is: it is worth money."""
    return TeacherError(
        f"The answer cache {path} cannot be read ({error}). Nothing in it was changed. Restore it from a copy, or move "
        f"it away (mv '{path}' '{path}.damaged'): an empty one is then begun, and its answers are paid for again."
    )


# --------------------------------------------------------------------------------------------------------- file


def _opened(path: Path, *, check: bool = False) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        _prepare(connection, path)
        if check:
            _check(connection, path)
    except Exception as error:
        if connection:
            connection.close()
        raise _not_opened(path, error) from error
    return connection


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_opened(path, error) from error


def _not_opened(path: Path, error: Exception) -> Exception:
    if isinstance(
        error, sqlite3.OperationalError | OSError
    ):  # locked, read-only, a folder: the file itself may be well
        return TeacherError(
            f"The answer cache {path} cannot be opened ({error}). Nothing in it was changed. Correct its permissions, "
            "or end the program that holds it, and run again."
        )
    return damaged(path, error) if isinstance(error, sqlite3.Error) else error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if not _is_ours(connection, path):
        _create(connection, path)
    _refuse_newer(connection, path)
    connection.execute("pragma synchronous = full")
    connection.execute("pragma secure_delete = on")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("select call_id from calls limit 1").fetchone()
    if (
        path.stat().st_size < CHECKED_BYTES
        and (said := connection.execute("pragma quick_check(1)").fetchone()[0]) != "ok"
    ):
        raise sqlite3.DatabaseError(said)


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is a cache. An empty file is not yet one; anything else is refused."""
    # One statement sees one moment: another process may be creating the tables just now.
    application, tables = connection.execute(
        "select application_id, (select count(*) from sqlite_master) from pragma_application_id"
    ).fetchone()
    if application == APPLICATION_ID:
        return True
    if application or tables:
        raise TeacherError(f"{path} is a database of another program. Nothing was changed. Name another cache file.")
    return False


def _create(connection: sqlite3.Connection, path: Path) -> None:
    """Several processes may create the file at once; the switch to WAL ignores the busy timeout, so it is repeated."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute("begin immediate")
    if not _is_ours(connection, path):
        for statement in filter(str.strip, TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"pragma user_version = {SCHEMA_VERSION}")
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
    connection.execute("commit")


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("pragma user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise TeacherError(
            f"The answer cache {path} was written by a newer version (its schema is {version}, this version reads "
            f"up to {SCHEMA_VERSION}). Nothing in it was changed. Upgrade synth_dagster, or name another cache file."
        )


# ------------------------------------------------------------------------------------------------------ writing


def _group(
    first: tuple[Work, Future[Any]], work: "queue.SimpleQueue[tuple[Work, Future[Any]] | None]"
) -> tuple[list[tuple[Work, Future[Any]]], bool]:
    """What has arrived by now, and whether more may come. While one group is synchronised the next one gathers."""
    group = [first]
    while len(group) < GROUP:
        try:
            item = work.get_nowait()
        except queue.Empty:
            return group, True
        if item is None:
            return group, False
        group.append(item)
    return group, True


def _settle(futures: list[Future[Any]], *, results: Sequence[Any] = (), error: Exception | None = None) -> None:
    for index, future in enumerate(futures):
        with suppress(InvalidStateError):  # its caller was cancelled; the answer is kept all the same
            future.set_exception(error) if error else future.set_result(results[index])


def _unwritable(path: Path, error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error | OSError):
        return error
    return TeacherError(
        f"The answer cache {path} could not be written ({error}), so the work stops rather than pay twice. "
        "Free disk space or correct the permissions and run again: earlier answers are kept."
    )


def _put(connection: sqlite3.Connection, call_id: bytes, answer: Stored) -> Stored:
    packed = zlib.compress(json.dumps([answer.text, answer.finish_reason]).encode(), 1)
    row = (call_id, answer.model, packed, answer.tokens_in, answer.tokens_out, _text(answer.usd))
    inserted = connection.execute(
        "insert or ignore into calls values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, answer.prompt_hash, answer.run_id, _now()),
    )
    if inserted.rowcount:
        return answer
    winner = connection.execute(
        "select model, answer, tokens_in, tokens_out, usd, prompt_hash, run_id from calls where call_id = ?", (call_id,)
    )
    return _stored(*winner.fetchone())


def _put_vectors(connection: sqlite3.Connection, vectors: Mapping[bytes, StoredVector]) -> None:
    connection.executemany(
        "insert or ignore into vectors values (?, ?, ?, ?, ?, ?, ?)",
        [(key, v.model, v.vector, v.tokens_in, _text(v.usd), v.run_id, _now()) for key, v in vectors.items()],
    )


def _remember(connection: sqlite3.Connection, logical_id: bytes, call_id: bytes) -> bytes:
    connection.execute("insert or ignore into replay values (?, ?)", (logical_id, call_id))
    return connection.execute("select call_id from replay where logical_id = ?", (logical_id,)).fetchone()[0]


def _forget(connection: sqlite3.Connection, call_ids: list[bytes]) -> int:
    keys = [(call_id,) for call_id in call_ids]
    connection.executemany("delete from replay where call_id = ?", keys)
    vectors = connection.executemany("delete from vectors where call_id = ?", keys).rowcount
    return vectors + connection.executemany("delete from calls where call_id = ?", keys).rowcount


def _stored(model: str, packed: bytes, *rest: Any) -> Stored:
    text, finish_reason = json.loads(zlib.decompress(packed))
    tokens_in, tokens_out, usd, prompt_hash, run_id = rest
    return Stored(
        model=model,
        text=text,
        finish_reason=finish_reason,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        usd=_decimal(usd),
        prompt_hash=prompt_hash,
        run_id=run_id,
    )


def _stored_vector(model: str, vector: bytes, tokens_in: int, usd: str | None, run_id: str) -> StoredVector:
    return StoredVector(model=model, vector=vector, tokens_in=tokens_in, usd=_decimal(usd), run_id=run_id)


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else str(usd)


def _decimal(usd: str | None) -> Decimal | None:
    return None if usd is None else Decimal(usd)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
