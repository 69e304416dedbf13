"""Checks the settings of a part of a recipe against its model, and says what is wrong in words.

Values are checked as strictly as in JSON: `true` is not one, and "5" is not 5. The sentence about what is allowed
comes from the field itself, so bounds and meanings are declared once.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, PydanticUserError, ValidationError
from pydantic_core import ErrorDetails

from synth_dagster.errors import nearest, no_such
from synth_dagster.recipe.tree import Plain, Where, plain_value

M = TypeVar("M", bound=BaseModel)
Schema = Mapping[str, Any]

SECRET = re.compile(r"^\s*(Bearer\s+\S+|sk-|ghp_|github_pat_|hf_[A-Za-z0-9]{20}|xox[abp]-|AKIA[A-Z0-9]{12})")

_PLAIN_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "names with values",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong setting: where it stands under what was checked, what is wrong, and how to put it right."""

    where: Where
    cause: str
    cure: str
    lacks: str | None = None  # the setting that is missing there
    meant: str | None = None  # the setting that an unknown name was probably meant to be


def checked(model: type[M], values: Mapping[str, Plain], what: str) -> M | list[Fault]:
    """The settings as the model, or what is wrong with each."""
    try:
        return model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        schema = _schema(model)
        details = error.errors(include_url=False, include_context=False)
        faults = [_fault(detail, dict(values), schema, what) for detail in details]
        once = {(fault.where, fault.lacks): fault for fault in reversed(faults)}  # a union complains for each member
        misspelt = {(fault.where[:-1], fault.meant) for fault in faults if fault.meant}
        return [fault for fault in reversed(once.values()) if (fault.where, fault.lacks) not in misspelt]


def _schema(model: type[BaseModel]) -> Schema:
    try:
        return model.model_json_schema()
    except PydanticUserError:  # a setting of a type that JSON has no word for: pydantic's own sentence must do
        return {}


def _fault(detail: ErrorDetails, values: Plain, schema: Schema, what: str) -> Fault:
    where, inside = _existing(detail["loc"], values)
    missing = detail["loc"][len(where) : len(where) + 1]
    if detail["type"] == "missing":
        return _missing(where, str(missing[0]), _at(schema, where, schema), what)
    if detail["type"] == "extra_forbidden":
        return _unknown(where, _at(schema, where[:-1], schema), what)
    if detail["type"] in ("value_error", "assertion_error"):
        return Fault(where, _said_by_validator(where, detail["msg"], what), "")
    return _not_allowed(where, inside, _at(schema, where, schema), detail["msg"], what)


def _unknown(where: Where, schema: Schema, what: str) -> Fault:
    name, known = str(where[-1]), sorted(schema.get("properties", {}))
    return Fault(where, no_such(f"setting of {what}", shown_name(name), known), "", meant=nearest(name, known))


def _missing(where: Where, name: str, schema: Schema, what: str) -> Fault:
    field = schema.get("properties", {}).get(name, {})
    meaning = field.get("description", "")
    holder = what if not where else f"'{_dotted(where)}' of {what}"
    cure = f"{meaning} It is {allowed(field, schema)}." if field else ""
    return Fault(where, f"{holder} needs '{name}'.", cure, lacks=name)


def _not_allowed(where: Where, came: Plain, field: Schema, message: str, what: str) -> Fault:
    wanted = allowed(field, field)
    may = f"must be {wanted}" if wanted else message
    cure = " ".join(filter(None, (_quotes(came, wanted), _meaning(field, came))))
    return Fault(where, f"{_named(where, what)} is {shown(came)}, and {may}.", cure)


def _quotes(came: Plain, wanted: str) -> str:
    """Quotes make the difference between text and a number; who is wrong about them cannot see it in the value."""
    if isinstance(came, str) and isinstance(plain_value(came), bool | int | float) and "text" not in wanted:
        return "Write it without quotes."
    return "Put it in quotes." if isinstance(came, bool | int | float) and wanted.startswith("text") else ""


def _said_by_validator(where: Where, message: str, what: str) -> str:
    """The model's own sentence, which may go on from the setting's name ("must be above min_words") or stand alone."""
    said = message.split(", ", 1)[-1].rstrip(".")
    goes_on = said.split(" ", 1)[0] in ("is", "has", "must", "may", "needs", "cannot")
    return f"{_named(where, what)}{' ' if goes_on else ': '}{said}."


def _meaning(field: Schema, came: Plain) -> str:
    parts = [field["description"]] if "description" in field else []
    if "default" in field and field["default"] != came:
        parts.append(f"The default is {shown(field['default'])}.")
    return " ".join(parts)


def _named(where: Where, what: str) -> str:
    return f"'{_dotted(where)}' of {what}" if where else what


def _dotted(where: Where) -> str:
    return ".".join(shown_name(str(part)) for part in where)


def _existing(loc: tuple[int | str, ...], values: Plain) -> tuple[Where, Plain]:
    """The part of a place that stands in the values; the rest names members of unions and what is missing."""
    where: Where = ()
    inside = values
    for part in loc:
        if isinstance(inside, dict) and str(part) in inside:
            inside = inside[str(part)]
        elif isinstance(inside, list) and isinstance(part, int) and part < len(inside):
            inside = inside[part]
        elif isinstance(inside, dict | list):
            continue
        else:
            break
        where = (*where, part)
    return where, inside


def _at(schema: Schema, where: Where, root: Schema) -> Schema:
    """The schema of a setting inside another; empty where it cannot be told."""
    here = _resolved(schema, root)
    for part in where:
        here = _resolved(_inner(here, part, root), root)
    return here


def _inner(schema: Schema, part: str | int, root: Schema) -> Schema:
    for one in (schema, *(_resolved(member, root) for member in schema.get("anyOf", ()))):
        inside = one.get("properties", {}).get(part) if isinstance(part, str) else one.get("items")
        inside = inside or one.get("additionalProperties")
        if isinstance(inside, Mapping):
            return inside
    return {}


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The schema with its reference followed; what stands beside the reference (its meaning, its default) wins."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if not name:
        return schema
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**root.get("$defs", {}).get(name, {}), **beside}


def allowed(field: Schema, root: Schema) -> str:
    """What a setting may be, in words: `a whole number from 1 to 20`."""
    field = _resolved(field, root)
    if "form" in field:
        return field["form"]
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(filter(None, (allowed(member, root) for member in field["anyOf"]))))
    if "const" in field:
        return shown(field["const"])
    if "enum" in field:
        return "one of " + ", ".join(shown(value) for value in field["enum"])
    kind = _PLAIN_TYPES.get(str(field.get("type")), "")
    if field.get("minLength") == 1:
        kind, field = f"{kind} that is not empty", {key: value for key, value in field.items() if key != "minLength"}
    if field.get("type") == "array" and isinstance(field.get("items"), Mapping) and field["items"]:
        kind = f"a list of: {allowed(field['items'], root)}"
    return kind + _bounds(field)


def _bounds(field: Schema) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        return f" from {low:_} to {high:_}"
    parts = [
        f"{words} {field[name]:_}"
        for name, words in (
            ("minimum", "of at least"),
            ("exclusiveMinimum", "above"),
            ("maximum", "of at most"),
            ("exclusiveMaximum", "below"),
            ("minLength", "of a length of at least"),
            ("maxLength", "of a length of at most"),
            ("minItems", "with at least this many items:"),
            ("maxItems", "with at most this many items:"),
        )
        if name in field
    ]
    if "pattern" in field:
        parts.append(f"of the form {field['pattern']}")
    return " " + " and ".join(parts) if parts else ""


def shown(value: object) -> str:
    """A value as a person wrote it, cut to a length that fits a sentence; a secret is never shown."""
    if isinstance(value, str):
        return "a secret" if SECRET.match(value) else f"'{shown_name(value)}'"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:_}"  # as a recipe may write it
    return "null" if value is None else json.dumps(value)


def shown_name(name: str) -> str:
    """A name in one line and of bearable length."""
    if SECRET.match(name):
        return "(a secret)"
    plain = "".join(character if character.isprintable() else "?" for character in name)
    return plain if len(plain) <= 60 else f"{plain[:57]}..."
