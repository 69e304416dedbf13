"""The lines of a provider's files: requests as they go up, answers and failures as they come. Pure functions.

A file of answers is not trusted: it may hold a line twice, lines of others, and broken ones; none of them does harm.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from synth_dagster.teacher.batches.ledger import ANSWERED, FINAL, Asked
from synth_dagster.teacher.cache import Stored
from synth_dagster.teacher.faults import status_fault
from synth_dagster.teacher.forms import read_chat, read_embeddings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Vectors:
    """The embeddings of one request, in the order of its texts, and the tokens they took."""

    vectors: Sequence[bytes]
    tokens_in: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one request: its answer, or why there is none."""

    outcome: str
    answer: Stored | Vectors | None = None


def line_of(call_id: bytes, path: str, body: Mapping[str, Any]) -> bytes:
    """A request of a batch as the provider reads it; its `custom_id` is the call id."""
    request = {"custom_id": call_id.hex(), "method": "POST", "url": f"/v1{path}", "body": body}
    return json.dumps(request, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def in_parts(lines: Iterable[T], size: Callable[[T], int], *, most: int, most_bytes: int) -> Iterator[list[T]]:
    """The lines in order, in parts that stay within both limits; a line that alone is too long is a part alone."""
    part: list[T] = []
    total = 0
    for line in lines:
        if part and (len(part) == most or total + size(line) > most_bytes):
            yield part
            part, total = [], 0
        part.append(line)
        total += size(line)
    if part:
        yield part


def results(rows: Iterable[bytes], asked: Mapping[str, Asked], model: str) -> Iterator[tuple[Asked, Result]]:
    """The result of each row of a file that belongs to one of our requests, by their `custom_id`."""
    for row in rows:
        try:
            found = json.loads(row)
            ours = asked.get(str(found.get("custom_id")))
        except (ValueError, RecursionError, AttributeError):
            continue
        if ours is not None:
            yield ours, _result(found, ours, model)


def _result(found: Mapping[str, Any], asked: Asked, model: str) -> Result:
    try:
        response = found.get("response") or {}
        status = response.get("status_code")
        if status == 200:
            return Result(ANSWERED, _answer(response["body"], asked, model))
        return Result(_failure(found, response, status))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return Result("damaged")


def _answer(body: Mapping[str, Any], asked: Asked, model: str) -> Stored | Vectors:
    if asked.texts:
        return Vectors(*read_embeddings(body, len(asked.texts), asked.tokens_in))
    return read_chat(body, model, asked.tokens_in)


def _failure(found: Mapping[str, Any], response: Mapping[str, Any], status: Any) -> str:
    """A word for a failure, without the provider's own words, which may quote the request."""
    if isinstance(status, int):
        fault = status_fault(status, json.dumps(response.get("body")))
        return fault.what if fault.what in FINAL else f"HTTP {status}"
    code = (found.get("error") or {}).get("code")
    known = ("batch_expired", "batch_cancelled", "request_timeout")
    return code.removeprefix("batch_") if code in known else "failed"
