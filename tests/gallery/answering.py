"""Who answers in the gallery: a program of this process, with what it was asked counted."""

import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from importlib.util import find_spec
from typing import Any, TypeAlias

from synth_dagster.parts.text.tokens import count
from synth_dagster.prompt import Prompt
from synth_dagster.records import digest
from synth_dagster.services import Answer, Call, Embedder, Teacher, Unusable, record, recording
from synth_dagster.teacher.embedded import protocol
from synth_dagster.teacher.lexical import LexicalEmbedder
from synth_dagster.teacher.roles import EMBEDDED_MODELS
from synth_dagster.teacher.structured import parsed, response_format, schema_of
from synth_dagster.teacher.usage import RoleUsage

Messages: TypeAlias = Sequence[Mapping[str, str]]
Schema: TypeAlias = Mapping[str, Any]


def teacher_of(slug: str) -> Teacher:
    """The scripted teacher of `tests/gallery/worlds/<slug>.py`, or the embedded teacher where there is none."""
    module = f"tests.gallery.worlds.{slug}"
    return importlib.import_module(module).teacher() if find_spec(module) else Embedded()


class Embedded:
    """The embedded teacher without its process and its port. A world that knows better says so in `said`."""

    models = EMBEDDED_MODELS

    async def tell(self, prompt: Prompt, /, *, sample: int = 0, model: str | None = None, **given: Any) -> Answer:
        given.pop("sampling", None)
        text, finish_reason, call = self._asked(prompt, given, model, sample, None)
        if not text.strip():
            raise Unusable("refused", text, call)
        return Answer(text, finish_reason, call)

    async def ask(
        self, prompt: Prompt, /, *, into: Any, sample: int = 0, model: str | None = None, **given: Any
    ) -> Any:
        given.pop("sampling", None)
        text, _, call = self._asked(prompt, given, model, sample, schema_of(into))
        reply = parsed(text, into)
        if reply is None:
            raise Unusable("unparsable", text, call)
        reply.answered_by(call)
        return reply

    def said(self, messages: Messages, *, schema: Schema | None, model: str, sample: int) -> tuple[str, str]:
        """What it answers over HTTP: the text, and the finish reason."""
        form = response_format("reply", schema, "json_schema") if schema else {}
        body = {"model": model, "messages": list(messages), "seed": sample, **form}
        choice = protocol.chat(body)["choices"][0]
        return choice["message"]["content"], choice["finish_reason"]

    def _asked(
        self, prompt: Prompt, values: Mapping[str, object], model: str | None, sample: int, schema: Schema | None
    ) -> tuple[str, str, Call]:
        messages, named = prompt.messages(values), model or self.models[0]
        text, finish_reason = self.said(messages, schema=schema, model=named, sample=sample)
        call = Call(digest("embedded", named, messages, sample), named, prompt.hash)
        record(call.call_id)
        return text, finish_reason, call


class Metered:
    """A teacher whose calls and tokens are counted."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher, self.usage = teacher, RoleUsage()

    @property
    def models(self) -> tuple[str, ...]:
        return self.teacher.models

    async def tell(self, prompt: Prompt, /, **given: Any) -> Answer:
        self._sent(prompt, given)
        said = await self.teacher.tell(prompt, **given)
        self._received(said.text)
        return said

    async def ask(self, prompt: Prompt, /, **given: Any) -> Any:
        self._sent(prompt, given)
        reply = await self.teacher.ask(prompt, **given)
        self._received(reply.model_dump_json())
        return reply

    def _sent(self, prompt: Prompt, given: Mapping[str, Any]) -> None:
        values = {name: given[name] for name in prompt.variables}
        self.usage.calls += 1
        self.usage.tokens_in += sum(count(turn["content"]) for turn in prompt.messages(values))

    def _received(self, text: str) -> None:
        self.usage.tokens_out += count(text)


class Answering:
    """A source of teachers for a run: each role is the same program."""

    def __init__(self, teacher: Teacher) -> None:
        self.metered = Metered(teacher)

    embedder: Embedder = LexicalEmbedder()

    def __getitem__(self, role: str) -> Teacher:
        return self.metered

    def identities(self, recipe: Any) -> Mapping[str, Mapping[str, Any]]:
        return {role: {"models": list(self.metered.models)} for role in recipe.roles()}

    @asynccontextmanager
    async def open(self, recipe: Any, **others: Any) -> AsyncIterator["Answering"]:
        yield self

    async def collect(self, recipe: Any, batches: Any, *, wait_s: float = 600) -> Any:
        raise AssertionError("nobody answers in provider batches here")

    def usage_by_role(self) -> Mapping[str, RoleUsage]:
        return {"writer": self.metered.usage}

    def check_whole(self) -> None:
        """Programs answer at once."""

    def recording(self) -> AbstractContextManager[list[bytes]]:
        return recording()
