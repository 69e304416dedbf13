"""Roles as methods see them: a Teacher that tells and asks, an Embedder that embeds."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from synth_dagster.errors import TeacherError, no_such
from synth_dagster.prompt import Prompt
from synth_dagster.records import Json
from synth_dagster.services import Answer, R, Sampling
from synth_dagster.teacher.cache import Request
from synth_dagster.teacher.echoes import refuse_echo, said_by
from synth_dagster.teacher.forms import Reading, plain_text, unit_rows, whole_reply
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.structured import schema_of

if TYPE_CHECKING:
    from synth_dagster.teacher.client import Teachers


class RoleTeacher:
    """One role as methods see it: `services.Teacher`."""

    def __init__(self, teachers: "Teachers", endpoint: Endpoint) -> None:
        self._teachers, self._endpoint = teachers, endpoint

    @property
    def models(self) -> tuple[str, ...]:
        return self._endpoint.models

    async def tell(
        self,
        prompt: Prompt,
        /,
        *,
        sampling: Sampling = Sampling(),
        sample: int = 0,
        model: str | None = None,
        **values: object,
    ) -> Answer:
        request = self._request(prompt.messages(values), model, sampling, sample)
        read = Reading(plain_text, lambda text: refuse_echo([text], prompt, values))
        text, stored, call = await self._teachers.obtain(self._endpoint, request, prompt.hash, read)
        return Answer(text, stored.finish_reason, call, stored.tokens_in, stored.tokens_out, stored.top_logprobs)

    async def ask(
        self,
        prompt: Prompt,
        /,
        *,
        into: type[R],
        sampling: Sampling = Sampling(),
        sample: int = 0,
        model: str | None = None,
        **values: object,
    ) -> R:
        request = self._request(prompt.messages(values), model, sampling, sample, schema_of(into))
        read = Reading(
            lambda stored: whole_reply(stored, into),
            lambda reply: refuse_echo(said_by(reply, into), prompt, values, into),
        )
        reply, _, call = await self._teachers.obtain(self._endpoint, request, prompt.hash, read)
        reply.answered_by(call)
        return reply

    def _request(
        self,
        messages: Sequence[Mapping[str, str]],
        model: str | None,
        sampling: Sampling,
        sample: int,
        schema: Json = None,
    ) -> Request:
        if model is not None and model not in self.models:
            raise TeacherError(no_such(f"model of the role '{self._endpoint.role}'", model, self.models))
        return Request(
            messages=messages,
            model=model or self.models[0],
            revision=self._endpoint.revision,
            sampling=self._endpoint.sampling(sampling),
            schema=schema,
            sample=sample,
        )


class RoleEmbedder:
    """The role `embedder` as methods see it: `services.Embedder`."""

    def __init__(self, teachers: "Teachers", endpoint: Endpoint) -> None:
        self._teachers, self._endpoint = teachers, endpoint

    @property
    def model(self) -> str:
        return self._endpoint.whose_vectors

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = [np.frombuffer(vector, dtype="<f4") for vector in await self._teachers.vectors(self._endpoint, texts)]
        if len({len(vector) for vector in vectors}) > 1:
            raise TeacherError(
                f"The teacher role '{self._endpoint.role}' gave vectors of several lengths for one model name. "
                "Set 'revision' of the role, so that all texts are embedded anew."
            )
        return unit_rows(np.vstack(vectors)) if vectors else np.zeros((0, 0), dtype=np.float32)
