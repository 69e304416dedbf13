"""A small SQLite file that many threads and processes of one machine write: one short transaction a call.

WAL lets readers go on while one writes; the busy timeout makes writers queue. A connection belongs to one thread of one
process. `user_version` is the number of migrations that a file has seen.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from synth_dagster.errors import LakeError
from synth_dagster.lake.database import BUSY_SECONDS, Database, Transaction
from synth_dagster.storage.folder import is_full


class SqliteDatabase(Database):
    """One file."""

    clock = "((julianday('now') - 2440587.5) * 86400.0)"
    number = "integer primary key autoincrement"

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self.path, self.name = path, path.name
        self._local = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._worded():
            self._migrate(migrations)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._worded():
            return self._connection().execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        with self._worded():
            return self._connection().execute(sql, values).fetchone()

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        with self._worded():
            connection = self._connection()
            try:
                if durable:
                    connection.execute("pragma synchronous = full")
                connection.execute("begin immediate")
                yield connection
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise
            finally:
                if durable:
                    connection.execute("pragma synchronous = normal")

    def close(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> sqlite3.Connection:
        owner = os.getpid()  # a forked child must not use its parent's connection
        if getattr(self._local, "connection", None) is None or self._local.owner != owner:
            self._local.connection, self._local.owner = _connect(self.path), owner
        return self._local.connection

    def _version(self, transaction: Transaction | None = None) -> int:
        connection = cast("sqlite3.Connection", transaction or self._connection())
        return int(connection.execute("pragma user_version").fetchone()[0])

    def _set_version(self, transaction: Transaction, version: int) -> None:
        transaction.execute(f"pragma user_version = {version}")

    @contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._in_words(error) from error

    def _in_words(self, error: sqlite3.DatabaseError) -> Exception:
        """The sentence for a bad day; a mistake of this program stays what it is."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the extended codes carry the plain one in the low byte
        if is_full(error, self.path.parent):
            code = sqlite3.SQLITE_FULL
        sentence = {
            sqlite3.SQLITE_FULL: f"The disk under {self.path.parent} is full: {self.name} cannot grow. Nothing was "
            "changed. Make room and run the command again.",
            sqlite3.SQLITE_BUSY: f"{self.path} was held by another process for {BUSY_SECONDS:g} s. Nothing was "
            "changed. Wait for that process to end, or stop it, and run the command again.",
            sqlite3.SQLITE_READONLY: f"{self.path} may not be written by this user. Give the rights, or open another.",
            sqlite3.SQLITE_CORRUPT: f"{self.path} is damaged: {error}. Restore it from a backup.",
            sqlite3.SQLITE_NOTADB: f"{self.path} is damaged: {error}. Restore it from a backup.",
            sqlite3.SQLITE_IOERR: f"The disk under {self.path.parent} does not answer ({error}). Nothing was changed.",
        }.get(code)
        return LakeError(sentence) if sentence else error


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise LakeError(
            f"{path} cannot be opened: {error}. Check that the folder exists and may be written."
        ) from error
    connection.row_factory = sqlite3.Row
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma synchronous = normal")
    _write_ahead(connection)
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL. The switch itself does not wait for the busy timeout, so we do."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
