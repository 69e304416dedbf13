"""What was erased must not return, and nothing may be kept that tells what it was: keyed hashes with the lake's key.

A tombstone is HMAC-SHA256 over a scope and its parts. Who has the metadata can ask whether a given record was erased;
nobody can list what was.
"""

import hmac
import secrets
import time
from collections.abc import Iterable
from hashlib import sha256

from synth_dagster.lake.database import Database, Row, Transaction
from synth_dagster.records import Json, canonical_json

KEY = "tombstones"


class Tombstones:
    """The tombstones of one lake, as they stand when this is made."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._marks = {row["mac"] for row in database.rows("select mac from tombstones")}
        self._secret = _key(database) if self._marks else b""

    def __bool__(self) -> bool:
        return bool(self._marks)

    def has_key(self, dataset: str, source: str, native_key: str) -> bool:
        """Whether this item of a delivery was erased whole."""
        return self._has("key", dataset, source, native_key)

    def has_passage(self, dataset: str, source: str, native_key: str, ordinal: int) -> bool:
        """Whether this piece of an item was erased."""
        return self._has("passage", dataset, source, native_key, ordinal)

    def has_content(self, content_hash: bytes) -> bool:
        """Whether this content was erased wherever it stands."""
        return self._has("content", content_hash.hex())

    def has_record(self, record_id: bytes) -> bool:
        return self._has("record", record_id.hex())

    def _has(self, *parts: Json) -> bool:
        return bool(self._marks) and mac(self._secret, *parts) in self._marks


def mac(secret: bytes, *parts: Json) -> str:
    return hmac.new(secret, canonical_json(list(parts)).encode(), sha256).hexdigest()


def erasure_of(database: Database, record: str) -> Row | None:
    """The `erasure` that a record with this whole id went with, its `state`, and `since` when; None for any other."""
    if database.row("select 1 from tombstones limit 1") is None:
        return None
    joined = "tombstones join erasures on erasures.erasure = tombstones.erasure"
    marked = mac(_key(database), "record", record)
    return database.row(f"select tombstones.erasure, state, since from {joined} where mac = ?", (marked,))


def lake_key(database: Database) -> bytes:
    """The key of a lake, which is made when it is first asked for."""
    database.write("insert into lake_keys values (?, ?) on conflict do nothing", (KEY, secrets.token_hex(32)))
    return _key(database)


def _key(database: Database) -> bytes:
    row = database.row("select secret from lake_keys where name = ?", (KEY,))
    assert row is not None
    return bytes.fromhex(row["secret"])


def bury(transaction: Transaction, erasure: str, marks: Iterable[str]) -> None:
    """Write tombstones down; twice is once."""
    now = time.time()
    for mark in sorted(set(marks)):
        transaction.execute("insert into tombstones values (?, ?, ?) on conflict do nothing", (mark, erasure, now))
