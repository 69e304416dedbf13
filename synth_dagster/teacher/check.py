"""What `synth teacher check` says: whether each role can be reached, how fast it answers and what it supports.

Every finding is one line. The questions are tiny, are not cached and cost a few tokens at a real endpoint.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synth_dagster.errors import SynthError
from synth_dagster.records import Json
from synth_dagster.services import Sampling, Unusable
from synth_dagster.teacher.budget import Budget, Reservation
from synth_dagster.teacher.cache import Request
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.faults import CHECK, address, whose
from synth_dagster.teacher.forms import chat_body, embedding_body, read_chat, read_embeddings
from synth_dagster.teacher.probe import probe_body, probe_of, seen_in
from synth_dagster.teacher.roles import EMBEDDER, Endpoint
from synth_dagster.teacher.structured import Mode
from synth_dagster.teacher.wire import Sending, Wire

# A check is asked by somebody who waits: it gives up long before a run would.
PATIENCE_S = 5.0
BURST = 8  # calls that are sent at once to see how many a minute go through

GREETING = ({"role": "user", "content": "Say the word ready."},)


@dataclass(frozen=True, slots=True)
class RoleFinding:
    """What is known about one role. Each `supports` is True, False, or None where it was not tried."""

    role: str
    address: str
    models: tuple[str, ...]
    reached: bool
    problem: str = ""  # one line; empty where all is well
    latency_s: float | None = None
    schema: bool | None = None
    n: bool | None = None
    seed: bool | None = None
    logprobs: bool | None = None
    batch: bool | None = None
    embeddings: bool | None = None
    calls_a_minute: float | None = None  # that likely go through: as a small burst went, within the limits known
    requests_allowed: float | None = None  # a minute, as the endpoint's headers say
    tokens_allowed: float | None = None
    listed: tuple[str, ...] = ()  # the models that the endpoint lists

    def line(self) -> str:
        """The finding as one line for a terminal."""
        head = f"{self.role}: {', '.join(self.models)} at {self.address}"
        if not self.reached:
            return f"{head} {self.problem}"
        names = ("schema", "n", "seed", "logprobs", "batch", "embeddings")
        supports: dict[str, bool | None] = {name: getattr(self, name) for name in names}
        known = ", ".join(f"{name} {'yes' if value else 'no'}" for name, value in supports.items() if value is not None)
        rate = f", about {self.calls_a_minute:,.0f} a minute" if self.calls_a_minute else ""
        allowed = f"; it allows {self._allowed()} a minute" if self._allowed() else ""
        return f"{head}: answers in {self.latency_s or 0:.2f} s{rate}; {known}{allowed}" + (
            f"; {self.problem}" if self.problem else ""
        )

    def _allowed(self) -> str:
        told = (("requests", self.requests_allowed), ("tokens", self.tokens_allowed))
        return " and ".join(f"{limit:,.0f} {what}" for what, limit in told if limit is not None)


async def check(endpoints: Mapping[str, Endpoint]) -> list[RoleFinding]:
    """A finding for each role, in the order given; never raises for an endpoint that fails."""
    return list(await asyncio.gather(*(_check(endpoint) for endpoint in endpoints.values())))


async def _check(endpoint: Endpoint) -> RoleFinding:
    """Each address by itself: one that is dead is not seen beside one that works."""
    alone = [replace(endpoint, base_url=one, base_urls=()) for one in endpoint.addresses]
    found = await asyncio.gather(*map(_check_address, alone))
    return found[0] if len(found) == 1 else _together(endpoint, found)


def _together(endpoint: Endpoint, found: Sequence[RoleFinding]) -> RoleFinding:
    """One finding on a role of several addresses: what the first that works supports, and the rates of all."""
    working = [one for one in found if one.reached]
    problems = [f"{one.address} {one.problem}" for one in found if one.problem]
    said = f"{len(problems)} of {len(found)} addresses: {'; '.join(problems)}" if problems else ""
    rates = {name: _sum(getattr(one, name) for one in working) for name in RATES}
    return replace((working or found)[0], address=address(endpoint), problem=said, **rates)


RATES = ("calls_a_minute", "requests_allowed", "tokens_allowed")


def _sum(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None


async def _check_address(endpoint: Endpoint) -> RoleFinding:
    endpoint = replace(endpoint, patience_s=min(endpoint.patience_s, PATIENCE_S))
    wire = Wire([endpoint])
    try:
        listed = await _listed(wire)
        ask = _embedding if endpoint.role == EMBEDDER else _chat
        found = await ask(wire, endpoint)
        missing = [model for model in endpoint.models if listed and model not in listed]
        problem = f"it does not list {', '.join(missing)}" if missing else ""
        return _finding(endpoint, reached=True, problem=problem, listed=listed, **found)
    except (SynthError, Unusable) as error:
        return _finding(endpoint, reached=False, problem=_bare(str(error), endpoint))
    finally:
        await wire.close()


def _bare(said: str, endpoint: Endpoint) -> str:
    """A sentence without what stands in the line already: role, address, and the advice to check."""
    return said.removeprefix(f"{whose(endpoint)} ").removesuffix(f"; {CHECK}")


def _finding(endpoint: Endpoint, **found: Any) -> RoleFinding:
    return RoleFinding(endpoint.role, address(endpoint), endpoint.models, **found)


async def _chat(wire: Wire, endpoint: Endpoint) -> dict[str, Any]:
    """Every model must answer; what is supported is asked of the first."""
    latency = 0.0
    for model in reversed(endpoint.models):
        began = time.monotonic()
        await _post(
            wire, endpoint, model, lambda dialect, model=model: chat_body(_request(endpoint, model), 0, dialect)
        )
        latency = time.monotonic() - began
    measured = await _rate(wire, endpoint)
    requests, tokens = wire.told()
    limits = [limit for limit in (measured, requests, endpoint.requests_per_minute) if limit is not None]
    return {
        "latency_s": latency,
        "schema": await _has_schema(wire, endpoint),
        "n": await _has_n(wire, endpoint),
        "seed": wire.dialects.of(endpoint.models[0]).seed,
        "logprobs": await _has_logprobs(wire, endpoint),
        "batch": await _has_batches(wire),
        "calls_a_minute": min(limits) if measured is not None else None,
        "requests_allowed": requests,
        "tokens_allowed": tokens,
    }


async def _embedding(wire: Wire, endpoint: Endpoint) -> dict[str, Any]:
    began = time.monotonic()
    model = endpoint.models[0]
    await _post(
        wire,
        endpoint,
        model,
        lambda dialect: embedding_body(["ready"], model, dialect),
        read=lambda found: read_embeddings(found, 1, 0),
        path="/embeddings",
    )
    return {"latency_s": time.monotonic() - began, "embeddings": True}


async def _has_schema(wire: Wire, endpoint: Endpoint) -> bool:
    """Whether the endpoint takes a schema and keeps to it."""
    request = probe_of(endpoint, endpoint.models[0])
    asked: list[Mode] = []

    def body(dialect: Dialect) -> dict[str, Any]:
        asked.append(dialect.mode)
        return probe_body(request, dialect)

    try:
        stored = await _post(wire, endpoint, request.model, body, schema=request.schema)
    except (SynthError, Unusable):
        return False
    return seen_in(stored, asked[-1]).mode == "json_schema"


async def _has_n(wire: Wire, endpoint: Endpoint) -> bool:
    request = _request(endpoint, endpoint.models[0], temperature=1.0)
    try:
        choices = await _post(
            wire,
            endpoint,
            request.model,
            lambda dialect: chat_body(request, 0, dialect) | {"n": 2},
            read=lambda found: len(found["choices"]),
        )
    except (SynthError, Unusable):
        return False
    return choices == 2


async def _has_logprobs(wire: Wire, endpoint: Endpoint) -> bool:
    """Whether the endpoint gives the probabilities that it is asked for."""
    request = _request(endpoint, endpoint.models[0])
    try:
        return await _post(
            wire,
            endpoint,
            request.model,
            lambda dialect: chat_body(request, 0, dialect) | {"logprobs": True},
            read=lambda found: bool((found["choices"][0].get("logprobs") or {}).get("content")),
        )
    except (SynthError, Unusable):
        return False


async def _has_batches(wire: Wire) -> bool:
    """Whether the endpoint lists provider batches, as those do that take them."""
    try:
        return isinstance(json.loads(await wire.get("/batches"))["data"], list)
    except (ValueError, KeyError, TypeError):
        return False


async def _rate(wire: Wire, endpoint: Endpoint) -> float | None:
    """Calls a minute of a small burst, as many at once as a run would send; nothing where one of them fails."""
    request = _request(endpoint, endpoint.models[0])
    burst = min(BURST, endpoint.max_in_flight or BURST)
    began = time.monotonic()
    asked = (_post(wire, endpoint, request.model, lambda dialect: chat_body(request, 0, dialect)) for _ in range(burst))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    if any(isinstance(answer, BaseException) for answer in answers):
        return None
    return 60 * burst / max(time.monotonic() - began, 1e-3)


def _request(endpoint: Endpoint, model: str, *, temperature: float = 0.0) -> Request:
    sampling = endpoint.sampling(Sampling(temperature=temperature, max_tokens=64))
    return Request(messages=GREETING, model=model, sampling=sampling)


async def _post(
    wire: Wire,
    endpoint: Endpoint,
    model: str,
    body: Callable[[Dialect], dict[str, Any]],
    *,
    read: Callable[[dict[str, Any]], Any] | None = None,
    path: str = "/chat/completions",
    schema: Json = None,
) -> Any:
    """One question outside of any run's budget."""
    unbounded = Budget()

    def reserve() -> Awaitable[Reservation]:
        return unbounded.reserve(model, 0, 0)

    async def keep(answer: Any, reservation: Reservation) -> Any:
        reservation.release()
        return answer

    sending = Sending(
        endpoint=endpoint,
        model=model,
        path=path,
        body=body,
        read=read or (lambda found: read_chat(found, model, 0)),
        reserve=reserve,
        keep=keep,
        text="",
        schema=schema,
        quiet=True,
    )
    return await wire.send(sending)


async def _listed(wire: Wire) -> tuple[str, ...]:
    """The models that the endpoint lists; nothing where it keeps no list."""
    content = await wire.get("/models")
    try:
        return tuple(str(entry["id"]) for entry in json.loads(content)["data"])
    except (ValueError, KeyError, TypeError):
        return ()
