"""Answers in a SQLite file of this machine.

One thread writes: it takes all answers that have arrived, commits them together with full synchronisation, and only
then wakes their callers, so safety costs one sync for many answers. Reading takes microseconds and is done at once.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from synth_dagster.errors import TeacherError
from synth_dagster.parts.text.words import one_line
from synth_dagster.storage.folder import is_full
from synth_dagster.teacher.cache import CLOSED, AnswerCache, Erased, Stored, StoredVector
from synth_dagster.teacher.caches.claims import Claims
from synth_dagster.teacher.caches.disks import network_disk
from synth_dagster.teacher.caches.groups import Grouped
from synth_dagster.teacher.caches.rows import (
    CALL,
    SCHEMA_VERSION,
    TABLES,
    VECTOR,
    Row,
    call_row,
    read,
    stored_of,
    vector_of,
    vector_row,
)

log = logging.getLogger(__name__)

APPLICATION_ID = 0x53594E54  # "SYNT", so that no other program's SQLite file is taken for a cache
BUSY_S = 60.0
CHECKED_BYTES = 64 << 20  # a smaller file is checked page by page when it is opened
AT_ONCE = 500  # values of one `in (...)`

Work: TypeAlias = Callable[[sqlite3.Connection], Any]
Put: TypeAlias = tuple[Row, Stored]


class FileCache(AnswerCache):
    """A SQLite file of answers, for all runs, recipes and processes of a machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        _make_folder(path)
        _warn_of_network(path)
        self._reader = _opened(path, check=True)
        self._reading = threading.Lock()
        self._claims = Claims(path.with_name(path.name + "-claims"))
        self._writer = _opened(path)
        self.word = _word_of(self._writer)
        self._written: Grouped[Put | Work] = Grouped("answer-cache", self._commit, done=self._writer.close)

    def close(self) -> None:
        self._written.close()
        self._claims.close()
        with self._reading:
            self._reader.close()

    async def get(self, call_id: bytes) -> Stored | None:
        row = self._row(f"select {CALL} from calls where call_id = ?", call_id)
        return None if row is None else read(stored_of, row, self._damaged)

    async def replayed(self, logical_id: bytes) -> bytes | None:
        row = self._row("select call_id from replay where logical_id = ?", logical_id)
        return None if row is None else row[0]

    async def vectors(self, call_ids: Iterable[bytes]) -> dict[bytes, StoredVector]:
        wanted, found = list(call_ids), dict[bytes, StoredVector]()
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            sql = f"select {VECTOR} from vectors where call_id in ({_marks(len(some))})"
            found |= {row[0]: read(vector_of, row, self._damaged) for row in self._rows(sql, some)}
        return found

    async def put(self, call_id: bytes, answer: Stored) -> Stored:
        row = call_row(call_id, answer)
        return await self._fenced(lambda: self._written((row, answer)))

    async def put_vectors(self, vectors: Mapping[bytes, StoredVector]) -> None:
        rows = [vector_row(call_id, vector) for call_id, vector in vectors.items()]

        def write(connection: sqlite3.Connection) -> Erased | int:
            return self._erased(connection) or _insert(connection, "vectors", rows)

        await self._fenced(lambda: self._written(write))

    async def raise_fence(self, word: str) -> None:
        await self._written(lambda connection: connection.execute("update fence set word = ?", (word,)))

    async def remember(self, logical_id: bytes, call_id: bytes) -> bytes:
        return await self._written(partial(_remember, logical_id=logical_id, call_id=call_id))

    async def forget(self, call_ids: Iterable[bytes]) -> int:
        doomed = list(call_ids)
        gone = await self._written(partial(_forget, call_ids=doomed))
        await asyncio.to_thread(self._flush_log)
        return gone

    def drop(self, call_ids: Sequence[bytes]) -> None:
        """`forget` for whoever is in no event loop, when nobody else has the file open."""
        connection = _opened(self.path)
        try:
            _forget(connection, list(call_ids))
            connection.execute("pragma wal_checkpoint(truncate)")
        finally:
            connection.close()

    def answers(self) -> Iterator[tuple[bytes, Stored]]:
        connection = _opened(self.path)
        try:
            for row in connection.execute(f"select {CALL} from calls"):
                yield bytes(row[0]), read(stored_of, row, self._damaged)
        finally:
            connection.close()

    def embedded_by(self) -> dict[str, int]:
        return dict(self._rows("select model, count(*) from vectors group by model", ()))

    async def ability(self, key: bytes, newer_than: float) -> str | None:
        row = self._row("select found, noted_at from abilities where key = ?", key)
        return row[0] if row is not None and row[1] > newer_than else None

    async def note_ability(self, key: bytes, found: str, noted_at: float | None = None) -> None:
        row = (key, found, noted_at or time.time())
        await self._written(lambda connection: connection.execute("replace into abilities values (?, ?, ?)", row))

    async def claim(self, call_id: bytes) -> bool:
        return self._claims.take(call_id)

    async def unclaim(self, call_id: bytes) -> None:
        self._claims.give_back(call_id)

    def _row(self, sql: str, key: bytes) -> Row | None:
        return next(iter(self._rows(sql, (key,))), None)

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Row]:
        with self._reading:
            try:
                return self._reader.execute(sql, values).fetchall()
            except sqlite3.ProgrammingError as error:
                raise TeacherError(CLOSED) from error
            except sqlite3.DatabaseError as error:
                raise damaged(self.path, error) from error

    def _damaged(self, error: Exception) -> TeacherError:
        return damaged(self.path, error)

    def _commit(self, items: Sequence[Put | Work]) -> list[Any]:
        """One transaction for all that has arrived."""
        connection = self._writer
        puts = [item for item in items if isinstance(item, tuple)]
        try:
            connection.execute("begin immediate")
            erased = self._erased(connection) if puts else None
            kept = iter([erased] * len(puts) if erased else _put(connection, puts))
            results = [next(kept) if isinstance(item, tuple) else item(connection) for item in items]
            connection.execute("commit")
        except Exception as error:
            if connection.in_transaction:
                connection.execute("rollback")
            raise _unwritable(self.path, error) from error
        return results

    def _erased(self, connection: sqlite3.Connection) -> Erased | None:
        word = _word_of(connection)
        return None if word == self.word else Erased(word)

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
    """A cache that cannot be read is left exactly as it is: it is worth money. One line, whatever SQLite says."""
    away = path.with_name(f"damaged-{path.stem}")
    return TeacherError(
        f"The answer cache {path} cannot be read ({one_line(str(error))}). Nothing in it was changed. Move it away "
        f"with the files beside it (mkdir '{away}' && mv '{path}'* '{away}'), since SQLite would mix them into another "
        "one. Then put a copy in its place, or go on: an empty one is begun, and its answers are paid for again."
    )


# --------------------------------------------------------------------------------------------------------- file


def _opened(path: Path, *, check: bool = False) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        _prepare(connection, path, check=check)
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


@cache
def _warn_of_network(path: Path) -> None:
    """Once for each file: SQLite may lose answers there that a crash of another machine meets."""
    kind = network_disk(path)
    if kind is not None:
        log.warning(
            "The answer cache %s stands on a network file system (%s), where SQLite is not safe: answers that were "
            "paid for may be lost. Set SYNTH_ANSWERS to a file on a disk of this machine; a team shares answers on "
            "Postgres or in a bucket (docs/team.md).",
            path,
            kind,
        )


def _not_opened(path: Path, error: Exception) -> Exception:
    if is_full(error, path.parent):
        return _unwritable(path, error)
    if isinstance(
        error, sqlite3.OperationalError | OSError
    ):  # locked, read-only, a folder: the file itself may be well
        return TeacherError(
            f"The answer cache {path} cannot be opened ({error}). Nothing in it was changed. Correct its permissions, "
            "or end the program that holds it, and run again."
        )
    return damaged(path, error) if isinstance(error, sqlite3.Error) else error


def _prepare(connection: sqlite3.Connection, path: Path, *, check: bool) -> None:
    if not _is_ours(connection, path):
        _create(connection, path)
    version = _version(connection)
    if version > SCHEMA_VERSION:
        raise TeacherError(
            f"The answer cache {path} was written by a newer version (its schema is {version}, this version reads "
            f"up to {SCHEMA_VERSION}). Nothing in it was changed. Upgrade synth_dagster, or name another cache file"
            " (SYNTH_ANSWERS)."
        )
    if check:
        _check(connection, path)
    if version < SCHEMA_VERSION:
        _make_tables(connection, path)
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
        raise TeacherError(
            f"{path} is a database of another program. Nothing was changed. Name another cache file (SYNTH_ANSWERS)."
        )
    return False


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("pragma user_version").fetchone()[0]


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
    _make_tables(connection, path)


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("begin immediate")
    if not _is_ours(connection, path) or _version(connection) < SCHEMA_VERSION:  # no other process was faster
        for statement in TABLES:
            connection.execute(statement.format(blob="blob", real="real"))
        connection.execute(f"pragma user_version = {SCHEMA_VERSION}")
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
    connection.execute("commit")


# ------------------------------------------------------------------------------------------------------ writing


def _unwritable(path: Path, error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error | OSError):
        return error
    return TeacherError(
        f"The answer cache {path} could not be written ({error}), so the work stops rather than pay twice. "
        "Free disk space or correct the permissions and run again: earlier answers are kept."
    )


def _word_of(connection: sqlite3.Connection) -> str:
    return connection.execute("select word from fence").fetchone()[0]


def _put(connection: sqlite3.Connection, puts: Sequence[Put]) -> list[Stored]:
    """For each answer the one that is kept: itself, or the one that was there."""
    if _insert(connection, "calls", [row for row, _ in puts]) == len(puts):
        return [answer for _, answer in puts]
    kept = (connection.execute(f"select {CALL} from calls where call_id = ?", (row[0],)).fetchone() for row, _ in puts)
    return [stored_of(row) for row in kept]


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Row]) -> int:
    """How many rows were new. One statement for many rows: between statements Python's lock is waited for each time."""
    new = 0
    for start in range(0, len(rows), 64):
        some = rows[start : start + 64]
        values = [value for row in some for value in row]
        new += connection.execute(_insertion(table, len(some), len(some[0])), values).rowcount
    return new


@cache
def _insertion(table: str, rows: int, columns: int) -> str:
    return f"insert or ignore into {table} values {', '.join([f'({_marks(columns)})'] * rows)}"


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _remember(connection: sqlite3.Connection, logical_id: bytes, call_id: bytes) -> bytes:
    connection.execute("insert or ignore into replay values (?, ?)", (logical_id, call_id))
    return connection.execute("select call_id from replay where logical_id = ?", (logical_id,)).fetchone()[0]


def _forget(connection: sqlite3.Connection, call_ids: list[bytes]) -> int:
    keys = [(call_id,) for call_id in call_ids]
    connection.executemany("delete from replay where call_id = ?", keys)
    vectors = connection.executemany("delete from vectors where call_id = ?", keys).rowcount
    return vectors + connection.executemany("delete from calls where call_id = ?", keys).rowcount
