"""Answers in a schema of a Postgres server, for the machines of a team.

Questions and answers of many callers go in groups, one round trip a group; the server commits a group as SQLite does,
with one sync. Two connections, each in a thread of its own: one asks, one writes. Claims are advisory locks of the
one that asks: the server lets go of them when its process or its network ends.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from synth_dagster.errors import TeacherError
from synth_dagster.storage.postgres import Used, schema_at
from synth_dagster.teacher.cache import AnswerCache, Erased, Stored, StoredVector
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

T = TypeVar("T")
Connection = Any  # psycopg's, which is typed for SQL that is spelled out

ANSWERS = Used("answer cache", "SYNTH_ANSWERS", TeacherError)
MAKING = 0x53594E54  # the lock of those who make the tables

Asked = tuple[str, bytes]  # what is asked for, and its key
Work = Callable[[Connection], Any]
Put = tuple[Row, Stored]


class PostgresCache(AnswerCache):
    """One schema of a server. Its tables stand beside the lake's metadata, or in a schema of their own."""

    def __init__(self, url: str) -> None:
        self._place = schema_at(url, ANSWERS)
        self._make()
        self._asking, self._writing = _Session(self._place), _Session(self._place)
        self.word = self._asking.run(_word_of)
        self._claims: set[bytes] = set()
        self._guard = threading.Lock()
        self._asked: Grouped[Asked] = Grouped("answer-cache-asks", self._answer, done=self._asking.close)
        self._written: Grouped[Put | Work] = Grouped("answer-cache-writes", self._commit, done=self._writing.close)

    def close(self) -> None:
        self._written.close()
        self._asked.close()

    async def get(self, call_id: bytes) -> Stored | None:
        row = await self._asked(("calls", call_id))
        return None if row is None else read(stored_of, row, self._damaged)

    async def replayed(self, logical_id: bytes) -> bytes | None:
        row = await self._asked(("replay", logical_id))
        return None if row is None else bytes(row[1])

    async def vectors(self, call_ids: Iterable[bytes]) -> dict[bytes, StoredVector]:
        wanted = list(call_ids)
        rows = await self._written(lambda connection: list(_rows(connection, "vectors", wanted)))
        return {bytes(row[0]): read(vector_of, row, self._damaged) for row in rows}

    async def put(self, call_id: bytes, answer: Stored) -> Stored:
        row = call_row(call_id, answer)
        return await self._fenced(lambda: self._written((row, answer)))

    async def put_vectors(self, vectors: Mapping[bytes, StoredVector]) -> None:
        rows = [vector_row(call_id, vector) for call_id, vector in vectors.items()]

        def write(connection: Connection) -> Erased | int:
            return self._erased(connection) or _insert(connection, "vectors", rows)

        await self._fenced(lambda: self._written(write))

    async def raise_fence(self, word: str) -> None:
        await self._written(lambda connection: connection.execute("update fence set word = %s", (word,)))

    async def remember(self, logical_id: bytes, call_id: bytes) -> bytes:
        return await self._written(lambda connection: _remember(connection, logical_id, call_id))

    async def forget(self, call_ids: Iterable[bytes]) -> int:
        doomed = list(call_ids)
        gone = await self._written(lambda connection: _forget(connection, doomed))
        await self._asked(("vacuum", b""))
        return gone

    def answers(self) -> Iterator[tuple[bytes, Stored]]:
        with (
            self._place.connected(patient=True) as connection,
            connection.transaction(),
            connection.cursor(name="answers") as cursor,
        ):
            for row in cursor.execute(cast("Any", f"select {CALL} from calls")):
                yield bytes(row[0]), read(stored_of, row, self._damaged)

    def embedded_by(self) -> dict[str, int]:
        with self._place.connected(patient=True) as connection:
            return dict(connection.execute("select model, count(*) from vectors group by model").fetchall())

    async def ability(self, key: bytes, newer_than: float) -> str | None:
        row = await self._asked(("abilities", key))
        return row[1] if row is not None and row[2] > newer_than else None

    async def note_ability(self, key: bytes, found: str, noted_at: float | None = None) -> None:
        row = (key, found, noted_at or time.time())
        await self._written(lambda connection: connection.execute(NOTE_ABILITY, row))

    async def claim(self, call_id: bytes) -> bool:
        with self._guard:
            if call_id in self._claims:
                return False
            self._claims.add(call_id)
        if await self._asked(("claim", call_id)):
            return True
        self._claims.discard(call_id)
        return False

    async def unclaim(self, call_id: bytes) -> None:
        try:
            await self._asked(("unclaim", call_id))
        finally:
            self._claims.discard(call_id)

    # -------------------------------------------------------------------------------------------------------- groups

    def _answer(self, items: Sequence[Asked]) -> list[Any]:
        """What a group asks for: one query for each kind of question."""
        found: dict[Asked, Any] = {}
        for kind in dict.fromkeys(kind for kind, _ in items):
            keys = list({key for one, key in items if one == kind})
            found |= {(kind, key): value for key, value in self._looked_up(kind, keys).items()}
        return [found.get(item) for item in items]

    def _looked_up(self, kind: str, keys: list[bytes]) -> dict[bytes, Any]:
        if kind in ("claim", "unclaim"):
            verb = "pg_try_advisory_lock" if kind == "claim" else "pg_advisory_unlock"
            sql = f"select number, {verb}(number) from unnest(%s::bigint[]) as number"
            locked = dict(self._asking.run(lambda one: one.execute(sql, ([_number(key) for key in keys],)).fetchall()))
            return {key: locked[_number(key)] for key in keys}
        if kind == "vacuum":
            self._asking.run(_vacuum)
            return {}
        rows = self._asking.run(lambda one: list(_rows(one, kind, keys)))
        return {bytes(row[0]): row for row in rows}

    def _commit(self, items: Sequence[Put | Work]) -> list[Any]:
        """One transaction for all that has arrived. All of it may be tried again: a second try changes nothing."""
        return self._writing.run(lambda connection: self._transaction(connection, items))

    def _transaction(self, connection: Connection, items: Sequence[Put | Work]) -> list[Any]:
        puts = [item for item in items if isinstance(item, tuple)]
        with connection.transaction():
            erased = self._erased(connection) if puts else None
            kept = iter([erased] * len(puts) if erased else _put(connection, puts))
            return [next(kept) if isinstance(item, tuple) else item(connection) for item in items]

    def _erased(self, connection: Connection) -> Erased | None:
        word = _word_of(connection, " for share")  # the next erasure waits until this transaction is over
        return None if word == self.word else Erased(word)

    def _make(self) -> None:
        """The schema and its tables, where nobody has made them."""
        session = _Session(self._place, patient=False)
        try:
            session.run(self._made)
        finally:
            session.close()

    def _made(self, connection: Connection) -> None:
        (encoding,) = connection.execute("select current_setting('server_encoding')").fetchone()
        if encoding != "UTF8":
            raise self._place.not_utf8()
        if _version(connection) == SCHEMA_VERSION:
            return
        with connection.transaction():
            connection.execute(f"select pg_advisory_xact_lock({MAKING})")
            version = _version(connection)
            if version > SCHEMA_VERSION:
                raise TeacherError(
                    f"The answer cache {self._place.name} was written by a newer version (its schema is {version}, "
                    f"this version reads up to {SCHEMA_VERSION}). Nothing in it was changed. Upgrade synth_dagster, or "
                    "name another schema."
                )
            _make_tables(connection, self._place.schema)

    def _damaged(self, error: Exception) -> TeacherError:
        return TeacherError(
            f"An answer in {self._place.name} cannot be read ({error}). Nothing was changed. Restore the table 'calls' "
            "from a copy, or delete that row: it is then paid for again."
        )


class _Session:
    """One connection, made anew when the server has dropped it."""

    def __init__(self, place: Any, *, patient: bool = True) -> None:
        self._place = place
        self._connection: Connection | None = place.connected(patient=patient)

    def run(self, work: Callable[[Connection], T]) -> T:
        """What the work gives; once more on a new connection where the old one was lost."""
        from psycopg import Error, OperationalError

        try:
            try:
                return work(self._open())
            except OperationalError:
                if self._connection is not None and not self._connection.closed:
                    raise
                return work(self._open())
        except Error as error:
            sentence = self._place.sentence(error)
            if sentence is None:
                raise
            raise TeacherError(sentence) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._place.connected(patient=True)
        return self._connection


# --------------------------------------------------------------------------------------------------------------- SQL

KEYS = {"calls": "call_id", "vectors": "call_id", "replay": "logical_id", "abilities": "key"}
COLUMNS = {"calls": CALL, "vectors": VECTOR, "replay": "logical_id, call_id", "abilities": "key, found, noted_at"}
NOTE_ABILITY = """insert into abilities values (%s, %s, %s)
    on conflict (key) do update set found = excluded.found, noted_at = excluded.noted_at"""


def _word_of(connection: Connection, lock: str = "") -> str:
    return connection.execute(f"select word from fence{lock}").fetchone()[0]


def _put(connection: Connection, puts: Sequence[Put]) -> list[Stored]:
    """For each answer the one that is kept: itself, or the one that was there."""
    # in one order, so that two writers of the same answers do not wait for each other
    if _insert(connection, "calls", sorted((row for row, _ in puts), key=lambda row: row[0])) == len(puts):
        return [answer for _, answer in puts]
    kept = {bytes(row[0]): stored_of(row) for row in _rows(connection, "calls", [row[0] for row, _ in puts])}
    return [kept[row[0]] for row, _ in puts]


def _insert(connection: Connection, table: str, rows: Sequence[Row]) -> int:
    """How many rows were new."""
    if not rows:
        return 0
    marks = f"({', '.join(['%s'] * len(rows[0]))})"
    sql = f"insert into {table} values {', '.join([marks] * len(rows))} on conflict do nothing"
    return connection.execute(sql, [value for row in rows for value in row]).rowcount


def _rows(connection: Connection, table: str, keys: Sequence[bytes]) -> list[Row]:
    sql = f"select {COLUMNS[table]} from {table} where {KEYS[table]} = any(%s::bytea[])"
    return connection.execute(sql, (list(keys),)).fetchall()


def _remember(connection: Connection, logical_id: bytes, call_id: bytes) -> bytes:
    connection.execute("insert into replay values (%s, %s) on conflict do nothing", (logical_id, call_id))
    (row,) = _rows(connection, "replay", [logical_id])
    return bytes(row[1])


def _forget(connection: Connection, call_ids: list[bytes]) -> int:
    connection.execute("delete from replay where call_id = any(%s::bytea[])", (call_ids,))
    gone = (
        connection.execute(f"delete from {table} where call_id = any(%s::bytea[])", (call_ids,))
        for table in ("vectors", "calls")
    )
    return sum(result.rowcount for result in gone)


def _vacuum(connection: Connection) -> None:
    """A deleted row stays in the file until the table is written anew."""
    for table in ("calls", "vectors", "replay"):
        connection.execute(f"vacuum full {table}")


def _version(connection: Connection) -> int:
    (made,) = connection.execute("select to_regclass('answers_version') is not null").fetchone()
    if not made:
        return 0
    return connection.execute("select coalesce(max(version), 0) from answers_version").fetchone()[0]


def _make_tables(connection: Connection, schema: str) -> None:
    known = connection.execute("select 1 from pg_namespace where nspname = %s", (schema,)).fetchone()
    if known is None:
        connection.execute(f"create schema {schema}")
    for statement in TABLES:
        connection.execute(statement.format(blob="bytea", real="double precision"))
    connection.execute("create table if not exists answers_version (version bigint not null)")
    connection.execute("insert into answers_version values (%s)", (SCHEMA_VERSION,))


def _number(call_id: bytes) -> int:
    return int.from_bytes(call_id[:8], signed=True)
