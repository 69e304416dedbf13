"""Functions that an assistant may call, as OpenAI writes them: their interfaces, and calls that keep to these."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Json, canonical_json

ParameterType: TypeAlias = Literal["string", "number", "integer", "boolean", "array", "object"]


class Parameter(BaseModel):
    name: str = Field(description="The parameter, in snake_case.")
    type: ParameterType = Field(description="Its type in JSON Schema.")
    description: str = Field(description="What it means, with its unit or format.")
    required: bool = Field(description="Whether a call must give it.")


class Function(BaseModel):
    name: str = Field(description="The function, in snake_case.")
    description: str = Field(description="What it does and what it returns.")
    parameters: list[Parameter] = Field(description="What it is given.")


class FunctionCall(BaseModel):
    name: str = Field(description="The function that is called.")
    arguments: str = Field(description="Its arguments, as a JSON object.")


_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def unfit_interface(tool: Function) -> str | None:
    """Why an interface cannot be called, or None."""
    names = [parameter.name for parameter in tool.parameters]
    if not all(_NAME.fullmatch(name) for name in (tool.name, *names)) or len(set(names)) < len(names):
        return "bad_name"
    return "blank" if is_blank(tool.description) else None


def interface(tool: Function) -> dict[str, Json]:
    """A function in the form of OpenAI's tools."""
    properties = {one.name: {"type": one.type, "description": one.description} for one in tool.parameters}
    required = [one.name for one in tool.parameters if one.required]
    schema = {"type": "object", "properties": properties, "required": required}
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": schema},
    }


def written_interface(tools: Function | Sequence[Function]) -> str:
    """One function as JSON that people can read, or a list of them, one a line."""
    if isinstance(tools, Function):
        return json.dumps(interface(tools), indent=2, ensure_ascii=False)
    lines = ",\n".join(json.dumps(interface(tool), ensure_ascii=False) for tool in tools)
    return f"[\n{lines}\n]"


def unfit_call(call: FunctionCall, tools: Iterable[Function]) -> str | None:
    """Why a call does not keep to the interfaces, or None."""
    tool = next((one for one in tools if one.name == call.name), None)
    if tool is None:
        return "unknown_function"
    given = _arguments(call)
    if given is None:
        return "bad_arguments"
    known = {one.name: one for one in tool.parameters}
    if not given.keys() <= known.keys() or not all(_is_of(value, known[name].type) for name, value in given.items()):
        return "bad_arguments"
    return None if all(one.name in given for one in tool.parameters if one.required) else "missing_argument"


def _arguments(call: FunctionCall) -> dict[str, object] | None:
    try:
        given = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _is_of(value: object, kind: ParameterType) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "number": (int, float),
        "integer": (int,),
        "array": (list,),
        "object": (dict,),
    }
    return isinstance(value, kinds.get(kind, ()))


def written_calls(calls: Sequence[FunctionCall]) -> str:
    """Calls as a message of an assistant holds them: canonical JSON in OpenAI's form."""
    return canonical_json(
        [
            {
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": call.name, "arguments": canonical_json(json.loads(call.arguments))},
            }
            for number, call in enumerate(calls, 1)
        ]
    )
