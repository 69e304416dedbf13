"""Structured answers: a pydantic reply as the JSON schema that an endpoint accepts, and its text back as that reply.

Endpoints differ in what they can do: a schema that the decoder follows, any JSON object, or plain text. The schema
always reaches the teacher, with the descriptions of its fields; where the endpoint cannot take it, within the prompt.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from synth_dagster.errors import MethodError
from synth_dagster.services import R, Reply

Mode: TypeAlias = Literal["json_schema", "json_object", "plain"]
MODES: tuple[Mode, ...] = ("json_schema", "json_object", "plain")

IN_WORDS: dict[Mode, str] = {
    "json_schema": "with the schema",
    "json_object": "in JSON mode, with the schema in words",
    "plain": "in plain words",
}

MAX_TRIES = 16  # places in a text where the reply's object may begin

INSTRUCTION = "Answer with one JSON object that follows this JSON schema, and write nothing else:\n{schema}"


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


def parsed(text: str, into: type[R]) -> R | None:
    """The reply in a teacher's text, or None. Words, fences and thoughts around the object do no harm."""
    try:
        return into.model_validate_json(text)
    except ValidationError:
        pass
    for value in _objects(_without_thoughts(text)):
        try:
            return into.model_validate(value)
        except ValidationError:
            continue
    return None


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


def _without_thoughts(text: str) -> str:
    """Reasoning models may think aloud before they answer, sometimes in JSON."""
    return re.sub(r"(?s)^.*?</think>", "", text, count=1)


def _objects(text: str) -> Iterator[Any]:
    """The JSON objects that begin somewhere in the text, the longest first."""
    found: list[tuple[int, Any]] = []
    end = 0
    for match in list(re.finditer(r"\{", text))[:MAX_TRIES]:
        if match.start() < end:
            continue  # inside an object that was read already
        try:
            value, end = json.JSONDecoder().raw_decode(text, match.start())
            found.append((end - match.start(), value))
        except (ValueError, RecursionError):
            continue
    return (value for _, value in sorted(found, key=lambda item: -item[0]))
