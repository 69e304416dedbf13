"""What a method says to its teachers: the prompts that it may send, and the words of the forms it has answers fill in.

It is part of what a stage is made by. An edited prompt makes the stage's batches stale, without anybody having to
remember to raise a version; text that is put together in code has to be a `Prompt` too (`Prompt.filled`).
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from synth_dagster.method import Method
from synth_dagster.prompt import Prompt
from synth_dagster.records import Json, fingerprint_of
from synth_dagster.services import Reply

# What these methods said when that was not yet part of a fingerprint. As long as they say it still, their fingerprints
# are those of that time, and so a lake that was made then stays current.
UNSAID: Mapping[str, str] = {
    "evol_instruct": "ff1a7c8cce32c661",
    "grounded_qa": "377d703b40b65027",
    "metamath": "b005bb7ae3ed74dd",
    "ultrafeedback": "fca8882dde0c82f4",
    "wrap": "97b03d4cb9f20686",
}


def named_prompts(method: type[Method]) -> dict[str, Prompt]:
    """The prompts that a method may send, by where they stand in its module: `ANSWER`, `EVOLVE[deepen]`."""
    found: dict[str, Prompt] = {}
    for name, value in _names(method):
        found |= dict(_prompts_in(name, value))
    return found


def named_forms(method: type[Method]) -> dict[str, Mapping[str, str]]:
    """The forms of replies in a method's module: name -> field -> its description, as teachers read it."""
    kinds = (value for _, value in _names(method) if isinstance(value, type) and issubclass(value, Reply))
    return {kind.__name__: words_of(kind) for kind in kinds if kind is not Reply}


def said_by(method: type[Method]) -> str:
    """Hash of all that a method says; empty where it says nothing, or what it said before hashes were kept."""
    prompts = sorted({prompt.hash for prompt in named_prompts(method).values()})
    forms = named_forms(method)
    if not prompts and not forms:
        return ""
    said = fingerprint_of([prompts, [forms[name] for name in sorted(forms)]])
    return "" if UNSAID.get(method.slug) == said else said


@cache
def words_of(form: type[Reply]) -> Mapping[str, str]:
    """Field -> description, those of inner models too. Not the whole schema, which pydantic may write otherwise."""
    schema = form.model_json_schema()
    parts = {"": schema, **schema.get("$defs", {})}
    return {
        f"{part}.{field}".lstrip("."): said.get("description", "")
        for part, body in sorted(parts.items())
        for field, said in sorted(body.get("properties", {}).items())
    }


def _names(method: type[Method]) -> Iterator[tuple[str, Any]]:
    """What stands in the modules of a method's class and of the methods that it is derived from."""
    for module in dict.fromkeys(base.__module__ for base in method.__mro__ if _is_written(base)):
        yield from list(vars(sys.modules[module]).items())


def _is_written(base: type) -> bool:
    """Whether a class is a method that somebody wrote; `Augmenter[A, B]` gets the module of whoever names it first."""
    is_kind = base.__module__ == Method.__module__
    return issubclass(base, Method) and not is_kind and base.__pydantic_generic_metadata__["origin"] is None


def _prompts_in(name: str, value: Any) -> Iterator[tuple[str, Prompt]]:
    if isinstance(value, Prompt):
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _prompts_in(f"{name}[{key}]", inner)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from _prompts_in(f"{name}[{place}]", inner)


def prompts_of(method: Method) -> Mapping[str, Prompt]:
    """The prompts that a method may send, by hash."""
    return {prompt.hash: prompt for prompt in named_prompts(type(method)).values()}


def as_parts(method: type[Method]) -> dict[str, Json]:
    """What a method says, to compare it with what it said: name of a prompt -> hash, name of a form -> its words."""
    forms: dict[str, Json] = {name: dict(words) for name, words in named_forms(method).items()}
    return {"prompts": {name: one.hash for name, one in named_prompts(method).items()}, "forms": forms}
