"""One try at a request, and the list of the calls that stand behind a record."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from synth_dagster.services import Unusable
from synth_dagster.teacher.cache import Request
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.structured import repairing

_recorders: ContextVar[tuple[list[bytes], ...]] = ContextVar("recorders", default=())


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is asked, of whom, for the how-manieth time from 0; `call_id` names it by what was asked at first."""

    endpoint: Endpoint
    request: Request
    number: int
    call_id: bytes
    prompt_hash: str


def asked_next(request: Request, asked: Request, problem: Unusable) -> Request:
    """What is asked after an answer that cannot be used: to repair it, once, and then the request anew.

    It follows from the answer and from nothing else, so that it is the same whenever the kept answer is met again.
    """
    if problem.why and asked is request:
        return replace(request, messages=repairing(request.messages, problem.raw, problem.why))
    return request


@contextmanager
def recording() -> Iterator[list[bytes]]:
    """The ids of all calls used inside the block, by this task and those that it starts.

    The list is complete, sorted and without repetition when the block ends: arrival order would not be the same twice.
    """
    calls: list[bytes] = []
    token = _recorders.set((*_recorders.get(), calls))
    try:
        yield calls
    finally:
        _recorders.reset(token)
        calls[:] = sorted(set(calls))


def record(call_id: bytes) -> None:
    """Notes a call for every block that is recording."""
    for calls in _recorders.get():
        calls.append(call_id)
