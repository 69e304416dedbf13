"""One try at a request, and what is asked after it."""

from dataclasses import dataclass, replace

from synth_dagster.services import Unusable
from synth_dagster.teacher.cache import Request
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.structured import repairing


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
