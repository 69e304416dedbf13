"""Calls that are paid: reserved in the budget before, settled after, durable in the cache before anybody sees them."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from synth_dagster.errors import SynthError
from synth_dagster.services import Sampling, Unusable
from synth_dagster.teacher.attempts import Attempt
from synth_dagster.teacher.budget import Budget, Reservation
from synth_dagster.teacher.cache import AnswerCache, Stored
from synth_dagster.teacher.faults import Fault
from synth_dagster.teacher.forms import (
    chat_body,
    embedding_body,
    read_chat,
    read_embeddings,
    shared_out,
    upper_tokens,
    upper_tokens_of,
)
from synth_dagster.teacher.probe import Probes
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.usage import Usage
from synth_dagster.teacher.wire import HandOver, Sending
from synth_dagster.teacher.wires import Wires

if TYPE_CHECKING:
    from synth_dagster.teacher.telemetry import Operation, Telemetry


class Calls(Protocol):
    """Whoever answers what the cache cannot: an endpoint for money, or a rehearsal for nothing."""

    async def chat(self, attempt: Attempt, /) -> Stored:
        """The answer, kept."""
        ...

    async def embed(self, endpoint: Endpoint, model: str, texts: Mapping[bytes, str], /) -> dict[bytes, bytes]:
        """The vectors of these texts as float32 bytes, kept."""
        ...


class PaidCalls:
    """The calls of one run."""

    def __init__(
        self,
        wires: Wires,
        cache: AnswerCache,
        budget: Budget,
        usage: Usage,
        probes: Probes,
        *,
        run_id: str,
        telemetry: "Telemetry | None" = None,
    ) -> None:
        self._wires, self._cache, self._budget, self._usage = wires, cache, budget, usage
        self._probes, self._run_id, self._telemetry = probes, run_id, telemetry

    async def chat(self, attempt: Attempt, /) -> Stored:
        endpoint, request, role = attempt.endpoint, attempt.request, attempt.endpoint.role
        estimate = upper_tokens(request)
        told = self._told("chat", endpoint, request.model, request.sampling)

        async def keep(answer: Stored, reservation: Reservation) -> Stored:
            if told:
                told.answered(answer.model, answer.tokens_in, answer.tokens_out, answer.finish_reason)
            usd = reservation.settle(answer.tokens_in, answer.tokens_out, cached_in=answer.cached_in)
            self._usage.roles[role].paid(answer.tokens_in, answer.tokens_out, usd)
            answer = replace(answer, usd=usd, prompt_hash=attempt.prompt_hash, run_id=self._run_id)
            stored = await self._cache.put(attempt.call_id, answer)
            await self._probes.save(endpoint, request.model)
            self._usage.changed()
            return stored

        sending = Sending(
            endpoint=endpoint,
            model=request.model,
            path="/chat/completions",
            body=lambda dialect: _begun(told, chat_body(request, attempt.number, dialect)),
            read=lambda found: read_chat(found, request.model, estimate),
            reserve=lambda: self._budget.reserve(request.model, estimate, request.sampling.max_tokens),
            keep=keep,
            text="\n".join(message["content"] for message in request.messages),
            tokens=estimate + request.sampling.max_tokens,
            tokens_of=lambda answer: answer.tokens_in + answer.tokens_out,
            schema=request.schema,
            on_retry=lambda fault: self._retried(role, told, fault),
        )
        try:
            await self._probes.ready(endpoint, request.model, has_schema=request.schema is not None)
            with told or nullcontext():
                return await self._wires.of(endpoint).send(sending)
        except HandOver:
            self._usage.count_retry(role, f"handed over to {endpoint.fallback}")
            raise
        except (SynthError, Unusable) as problem:
            self._usage.roles[role].fail(problem.reason if isinstance(problem, Unusable) else "not answered")
            raise

    async def embed(self, endpoint: Endpoint, model: str, texts: Mapping[bytes, str], /) -> dict[bytes, bytes]:
        estimate = upper_tokens_of(texts.values())
        told = self._told("embeddings", endpoint, model)

        async def keep(answer: tuple[list[bytes], int], reservation: Reservation) -> dict[bytes, bytes]:
            vectors, tokens = answer
            if told:
                told.answered(model, tokens, None)
            usd = reservation.settle(tokens, 0)
            self._usage.roles[endpoint.role].paid(tokens, 0, usd)
            made = dict(zip(texts, vectors, strict=True))
            await self._cache.put_vectors(shared_out(made, model, tokens, usd, self._run_id))
            await self._probes.save(endpoint, model)
            self._usage.changed()
            return made

        sending = Sending(
            endpoint=endpoint,
            model=model,
            path="/embeddings",
            body=lambda dialect: _begun(told, embedding_body(list(texts.values()), model, dialect)),
            read=lambda found: read_embeddings(found, len(texts), estimate),
            reserve=lambda: self._budget.reserve(model, estimate, 0),
            keep=keep,
            text="\n".join(texts.values()),
            tokens=estimate,
            tokens_of=lambda answer: answer[1],
            on_retry=lambda fault: self._retried(endpoint.role, told, fault),
        )
        await self._probes.ready(endpoint, model, has_schema=False)
        with told or nullcontext():
            return await self._wires.of(endpoint).send(sending)

    def _retried(self, role: str, told: "Operation | None", fault: Fault) -> None:
        self._usage.count_retry(role, fault.kind)
        if told:
            told.failed(str(fault.status or fault.what))

    def _told(self, name: str, endpoint: Endpoint, model: str, sampling: Sampling | None = None) -> "Operation | None":
        """What telemetry is told of one call, where there is telemetry."""
        return self._telemetry.operation(name, endpoint, model, sampling) if self._telemetry else None


def _begun(told: "Operation | None", body: dict[str, Any]) -> dict[str, Any]:
    """A request's body, which is written when the request is sent: telemetry hears that it begins."""
    if told:
        told.begin()
    return body
