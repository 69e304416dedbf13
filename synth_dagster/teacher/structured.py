"""Structured answers: a pydantic reply as the JSON schema that an endpoint accepts, and its text back as that reply.

Endpoints differ in what they can do: a schema that the decoder follows, any JSON object, or plain text. The schema
always reaches the teacher, with the descriptions of its fields; where the endpoint cannot take it, within the prompt.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from synth_dagster.errors import MethodError
from synth_dagster.services import R, Reply
from synth_dagster.teacher.near_json import objects

Mode: TypeAlias = Literal["json_schema", "json_object", "plain"]
MODES: tuple[Mode, ...] = ("json_schema", "json_object", "plain")

IN_WORDS: dict[Mode, str] = {
    "json_schema": "with the schema",
    "json_object": "in JSON mode, with the schema in words",
    "plain": "in plain words",
}

MOST_MISTAKES, LONGEST_WHY = 3, 500

INSTRUCTION = "Answer with one JSON object that follows this JSON schema, and write nothing else:\n{schema}"

AGAIN = "That answer cannot be used: {why}.\nWrite the whole answer again, as one JSON object and nothing else."


@cache
def schema_of(into: type[Reply]) -> dict[str, Any]:
    """The reply's schema as strict endpoints want it: no references, every field required, no others allowed."""
    schema = into.model_json_schema()
    return _strict(schema, schema.get("$defs", {}), ())


def response_format(name: str, schema: Mapping[str, Any], mode: Mode) -> dict[str, Any]:
    """The request fields that ask for the schema in that mode."""
    if mode == "json_schema":
        named = {"name": re.sub(r"\W", "_", name)[:64], "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    return {"response_format": {"type": "json_object"}} if mode == "json_object" else {}


def instructed(messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> list[dict[str, str]]:
    """The messages, with the schema in words: for a model that does not read it as a field of the request."""
    turns = [dict(message) for message in messages]
    if turns:
        wish = INSTRUCTION.format(schema=json.dumps(schema, ensure_ascii=False))
        turns[-1]["content"] = f"{turns[-1]['content']}\n\n{wish}"
    return turns


def repairing(messages: Sequence[Mapping[str, str]], wrong: str, why: str) -> list[dict[str, str]]:
    """The conversation with a wrong answer and what is wrong with it: the model is to write it again."""
    told = {"role": "assistant", "content": without_thoughts(wrong)}
    return [*(dict(turn) for turn in messages), told, {"role": "user", "content": AGAIN.format(why=why)}]


def parsed(text: str, into: type[R]) -> R | None:
    """The reply in a teacher's text, or None. Words, fences, thoughts around the object and small slips do no harm."""
    try:
        return into.model_validate_json(text)
    except ValidationError:
        pass
    for value in objects(without_thoughts(text)):
        try:
            return into.model_validate(value)
        except ValidationError:
            continue
    return None


def why_not(text: str, into: type[Reply]) -> str:
    """What is wrong with a text that is no such reply, in a few words for the model that wrote it."""
    value = next(objects(without_thoughts(text)), None)
    if value is None:
        return "there is no complete JSON object in it"
    try:
        into.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        said = [f"{'.'.join(map(str, one['loc'])) or 'the object'}: {one['msg']}" for one in found[:MOST_MISTAKES]]
        return "; ".join(said)[:LONGEST_WHY]
    return "it holds more than one JSON object"


def _strict(node: Any, definitions: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_strict(item, definitions, path) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(node, definitions, path)
    plain = {name: value for name, value in node.items() if name not in ("$defs", "title", "default", "discriminator")}
    if "oneOf" in plain:
        plain["anyOf"] = plain.pop("oneOf")
    # What stands under `properties` is named by the method, and may be called title or default.
    properties = {name: _strict(value, definitions, path) for name, value in plain.pop("properties", {}).items()}
    strict = {name: _strict(value, definitions, path) for name, value in plain.items() if name not in ("enum", "const")}
    strict |= {name: plain[name] for name in ("enum", "const") if name in plain}
    if node.get("type") == "object" and "properties" in node:
        strict |= {"properties": properties, "required": list(properties), "additionalProperties": False}
    return strict


def _inlined(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    name = node["$ref"].rpartition("/")[2]
    if name in path:
        raise MethodError(f"The reply '{name}' contains itself, which no schema of an endpoint can say. Make it flat.")
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return _strict(definitions[name] | beside, definitions, (*path, name))


def without_thoughts(text: str) -> str:
    """Reasoning models may think aloud before they answer, sometimes in JSON."""
    return re.sub(r"(?s)^.*?</think>", "", text, count=1)
