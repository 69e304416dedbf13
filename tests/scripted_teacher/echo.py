"""A teacher of zero delay that answers anything with minimal valid content: for benchmarks and interfaces."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from synth_dagster.prompt import Prompt
from synth_dagster.records import digest
from synth_dagster.services import Answer, Call, Limits, Queried, Ran, Reply, Sampling, Table, record

R = TypeVar("R", bound=Reply)
ANY = Sampling()
LIMITS = Limits()

_TAG = re.compile(r"<(\w+)[^>]*>\s*(.*?)\s*</\1>", re.DOTALL)
_SENTENCE = re.compile(r"[^.!?]*\w[^.!?]*[.!?]?")


class EchoTeacher:
    """Texts are sentences of the prompt, ratings depend on the text alone, booleans are false: valid, not wise."""

    def __init__(self, models: Sequence[str] = ("echo",)) -> None:
        self._models = tuple(models)
        self.calls = 0

    @property
    def models(self) -> tuple[str, ...]:
        return self._models

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
        user, call = self._called(prompt, model, sample, values)
        text = _cut_page(user) or f"{model or self._models[0]} {sample}: {_material(user).sentences[0]}"
        return Answer(text, "stop", call, len(user) // 4, len(text) // 4)

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
        user, call = self._called(prompt, model, sample, values)
        reply = into.model_validate(_filled(into, _material(user), 0))
        reply.answered_by(call)
        return reply

    def _called(self, prompt: Prompt, model: str | None, sample: int, values: Mapping[str, object]) -> tuple[str, Call]:
        self.calls += 1
        messages = prompt.messages(values)
        named = model or self._models[0]
        call = Call(digest("echo", named, sample, messages), named, prompt.hash)
        record(call.call_id)
        return messages[-1]["content"], call


_PAGE = re.compile(r"<page[^>]*>\n(.*?)\n</page>.*between <page> and </page>", re.DOTALL)


def _cut_page(user: str) -> str:
    """Of a page that is to be given back without its noise, the first half."""
    found = _PAGE.search(user)
    return f"<page>\n{found[1][: len(found[1]) // 2]}\n</page>" if found else ""


class EchoSandbox:
    """A sandbox in which nothing runs: every other program ends well and prints 7, the rest fail; no query is known."""

    isolation = "echo"

    async def run(self, program: str, /, *, limits: Limits = LIMITS) -> Ran:
        if digest(program)[0] % 2:
            return Ran("failed", "", "ZeroDivisionError: division by zero")
        return Ran("finished", "\nthe result is: 7\n")

    async def query(self, statement: str, /, *, tables: Mapping[str, Table], limits: Limits = LIMITS) -> Queried:
        return Queried("failed", None, "ParserException: syntax error")


class _material:
    """What an echo is made from: the tagged material, its sentences, and how many items are wanted."""

    def __init__(self, user: str) -> None:
        tags = _TAG.findall(user)
        named = dict(tags)
        self.instruction = named.get("instruction")
        texts = [inside for tag, inside in tags if tag == "text"]
        self.texts = texts
        self.count = int(named.get("count", len(texts) or 1))
        source = named.get("passage") or named.get("reference") or named.get("instruction") or user
        self.sentences = [found.strip() for found in _SENTENCE.findall(source)] or ["Nothing."]

    def sentence(self, place: int) -> str:
        return self.sentences[place % len(self.sentences)]


def _filled(model: type[BaseModel], material: _material, place: int) -> dict[str, Any]:
    return {name: _value(name, setting, material, place) for name, setting in model.model_fields.items()}


def _value(name: str, setting: FieldInfo, material: _material, place: int) -> Any:
    inner = _item_model(setting.annotation)
    if inner is not None:
        count = min(material.count, len(material.sentences)) if not material.texts else material.count
        return [_filled(inner, material, number) for number in range(count)]
    if name == "question":
        return f"Why is it said that {material.sentence(place).rstrip('.!?')}?"
    if name == "instruction" and material.instruction:
        return f"{material.instruction} Give the reasons for each part of the answer, in the order of their weight."
    if name == "rating":
        # By the text and not by its place, so that a shuffled order changes nothing.
        return 1 + digest(material.texts[place])[0] % 5 if material.texts else 3
    return _plain(setting.annotation, material, place)


def _plain(annotation: Any, material: _material, place: int) -> Any:
    options = [option for option in get_args(annotation) if option is not type(None)]
    if get_origin(annotation) is Literal:
        return options[0]
    kind = options[0] if get_origin(annotation) not in (None, list, dict, tuple) and options else annotation
    if kind == list[str]:
        return [material.sentence(place)]
    simple = {bool: False, int: 5, float: 0.5, str: material.sentence(place)}
    return simple.get(kind, [] if get_origin(kind) in (list, tuple) else {})


@cache
def _item_model(annotation: Any) -> type[BaseModel] | None:
    """The model of a list's items, if the field is a list of models."""
    inner = get_args(annotation)
    is_list = get_origin(annotation) is list and isinstance(inner[0], type) and issubclass(inner[0], BaseModel)
    return inner[0] if is_list else None
