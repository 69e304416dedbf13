"""How answers are written down: the same columns in SQLite and in Postgres, the same packed text everywhere."""

import json
import time
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from synth_dagster.errors import TeacherError
from synth_dagster.teacher.cache import Stored, StoredVector

T = TypeVar("T")

SCHEMA_VERSION = 4

# {blob} and {real} are the database's own words for bytes and for seconds since 1970.
TABLES = (
    """create table if not exists calls (call_id {blob} primary key, model text not null, answer {blob} not null,
       tokens_in bigint not null, tokens_out bigint not null, usd text, prompt_hash text, run_id text not null,
       created_at text not null)""",
    "create table if not exists replay (logical_id {blob} primary key, call_id {blob} not null)",
    """create table if not exists vectors (call_id {blob} primary key, model text not null, vector {blob} not null,
       tokens_in bigint not null, usd text, run_id text not null, created_at text not null)""",
    "create index if not exists calls_by_run on calls (run_id)",
    "create index if not exists replay_by_call on replay (call_id)",
    "create table if not exists abilities (key {blob} primary key, found text not null, noted_at {real} not null)",
    "create table if not exists fence (place bigint primary key, word text not null)",
    "insert into fence values (0, '') on conflict do nothing",
)
"""Every version so far has only added tables: a file of an older version gets those that it lacks.

The one row of `fence` holds the word of the latest erasure."""

CALL = "call_id, model, answer, tokens_in, tokens_out, usd, prompt_hash, run_id"
VECTOR = "call_id, model, vector, tokens_in, usd, run_id"

Row = tuple[Any, ...]


def call_row(call_id: bytes, answer: Stored) -> Row:
    """An answer as a row of `calls`."""
    numbers = (answer.tokens_in, answer.tokens_out, _text(answer.usd))
    return (call_id, answer.model, packed(answer), *numbers, answer.prompt_hash, answer.run_id, now())


def stored_of(row: Row) -> Stored:
    """A row of CALL as an answer. Raises ValueError, TypeError or zlib.error for one that is damaged."""
    _, model, answer, tokens_in, tokens_out, usd, prompt_hash, run_id = row
    text, finish_reason, *logprobs = json.loads(zlib.decompress(answer))
    return Stored(
        model=model,
        text=text,
        finish_reason=finish_reason,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        usd=_decimal(usd),
        prompt_hash=prompt_hash,
        run_id=run_id,
        top_logprobs=logprobs[0] if logprobs else {},
    )


def packed(answer: Stored) -> bytes:
    """Text and finish reason, and log-probabilities where there are some, compressed."""
    logprobs = [dict(answer.top_logprobs)] if answer.top_logprobs else []
    return zlib.compress(json.dumps([answer.text, answer.finish_reason, *logprobs]).encode(), 1)


def vector_row(call_id: bytes, vector: StoredVector) -> Row:
    """An embedding as a row of `vectors`."""
    return (call_id, vector.model, vector.vector, vector.tokens_in, _text(vector.usd), vector.run_id, now())


def vector_of(row: Row) -> StoredVector:
    """A row of VECTOR as an embedding."""
    _, model, vector, tokens_in, usd, run_id = row
    return StoredVector(model=model, vector=bytes(vector), tokens_in=tokens_in, usd=_decimal(usd), run_id=run_id)


def read(decode: Callable[[Row], T], row: Row, damaged: Callable[[Exception], TeacherError]) -> T:
    """A row decoded. Raises what `damaged` makes of it where it says nothing that we wrote."""
    try:
        return decode(row)
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise damaged(error) from error


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else str(usd)


def _decimal(usd: str | None) -> Decimal | None:
    return None if usd is None else Decimal(usd)
