"""T0: a deterministic program in place of a model, with worlds of exact ground truth and faults at set rates.

It implements `services.Teacher` in process. Which fault strikes which request depends on the request's hash alone, so
the same faults come in any order of work; `planted` says afterwards which answer was spoiled and how.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from synth_dagster.prompt import Prompt
from synth_dagster.records import digest
from synth_dagster.services import Answer, Call, Reply, Sampling, Unusable, record
from tests.scripted_teacher.faults import SPOILERS, Rates, drawn_fault, share
from tests.scripted_teacher.reading import Request

R = TypeVar("R", bound=Reply)
ANY = Sampling()


class World(Protocol):
    """What a scripted teacher knows: an answer for a request, as JSON or as text; None if the task is not its own."""

    def answer(self, request: Request) -> dict[str, Any] | str | None: ...


class ScriptedTeacher:
    def __init__(
        self,
        *worlds: World,
        models: Sequence[str] = ("scripted",),
        faults: Mapping[str, Rates] | None = None,
        seed: int = 0,
        jitter: int = 0,
    ) -> None:
        """`faults` is task -> fault -> rate. With `jitter`, each answer waits for up to so many turns of the loop."""
        self.worlds, self.faults, self.seed, self.jitter = worlds, faults or {}, seed, jitter
        self._models = tuple(models)
        self.requests: list[Request] = []
        self.samplings: list[Sampling] = []
        self.planted: dict[bytes, str] = {}  # call id -> fault
        self.in_flight = self.most_in_flight = 0

    @property
    def models(self) -> tuple[str, ...]:
        return self._models

    @property
    def asked(self) -> Counter[str]:
        """How often each task was asked."""
        return Counter(request.task for request in self.requests)

    async def tell(
        self,
        prompt: Prompt,
        /,
        *,
        sampling: Sampling = ANY,
        sample: int = 0,
        model: str | None = None,
        **values: object,
    ) -> Answer:
        request = self._request(prompt.messages(values), frozenset(), model, sample)
        self.samplings.append(sampling)
        text, finish_reason, call = await self._written(request, prompt)
        if finish_reason == "content_filter" or not text.strip():
            raise Unusable("refused", text, call)
        return Answer(
            text, finish_reason, call, len(request.user.split()), len(text.split()), self._likely(request, sampling)
        )

    def _likely(self, request: Request, sampling: Sampling) -> Mapping[str, float]:
        """The first tokens with their log-probabilities, of a world that knows them, where they are asked for."""
        worlds = [world for world in self.worlds if sampling.top_logprobs and hasattr(world, "top_logprobs")]
        return worlds[0].top_logprobs(request) if worlds else {}

    async def ask(
        self,
        prompt: Prompt,
        /,
        *,
        into: type[R],
        sampling: Sampling = ANY,
        sample: int = 0,
        model: str | None = None,
        **values: object,
    ) -> R:
        request = self._request(prompt.messages(values), frozenset(into.model_fields), model, sample)
        self.samplings.append(sampling)
        text, finish_reason, call = await self._written(request, prompt)
        if finish_reason != "stop":
            raise Unusable("cut" if finish_reason == "length" else "refused", text, call)
        try:
            reply = into.model_validate_json(text)
        except ValidationError:
            raise Unusable("unparsable", text, call) from None
        reply.answered_by(call)
        return reply

    def said(
        self, messages: Sequence[Mapping[str, str]], *, schema: Mapping[str, Any] | None, model: str, sample: int
    ) -> tuple[str, str]:
        """The same behind an endpoint: the text of an answer, and its finish reason."""
        fields = frozenset(schema["properties"]) if schema else frozenset()
        text, finish_reason, _ = self._answered(self._request(messages, fields, model, sample))
        return text, finish_reason

    def _request(
        self, messages: Sequence[Mapping[str, str]], fields: frozenset[str], model: str | None, sample: int
    ) -> Request:
        assert model is None or model in self._models, f"{model} is not of this pool"
        turns = {turn["role"]: turn["content"] for turn in messages}
        named = model or self._models[0]
        key = digest("request", self.seed, turns.get("system", ""), turns["user"], sorted(fields), named, sample)
        request = Request(turns.get("system", ""), turns["user"], fields, named, sample, key)
        self.requests.append(request)
        return request

    async def _written(self, request: Request, prompt: Prompt) -> tuple[str, str, Call]:
        await self._wait(request)
        text, finish_reason, model = self._answered(request)
        record(request.key)
        return text, finish_reason, Call(request.key, model, prompt.hash)

    def _answered(self, request: Request) -> tuple[str, str, str]:
        """Text, finish reason, and the model that wrote it."""
        answer = next((found for world in self.worlds if (found := world.answer(request)) is not None), None)
        assert answer is not None, f"no world of this teacher knows the task {request.task}"
        fault = drawn_fault(request.key, self.faults.get(request.task, {}))
        finish_reason = "stop"
        if fault:
            self.planted[request.key] = fault
            answer, finish_reason = SPOILERS[fault](request, answer)
        return answer if isinstance(answer, str) else json.dumps(answer), finish_reason, f"{request.model}-2026"

    async def _wait(self, request: Request) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        for _ in range(int(self.jitter * share(request.key, "jitter"))):
            await asyncio.sleep(0)
        self.in_flight -= 1
