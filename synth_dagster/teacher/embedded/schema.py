"""JSON schemas, as far as answers are asked for in them: which keywords are understood, and values that fit.

`refuse_unknown` names the first keyword that is not in `KEYWORDS`; what is understood is kept to the letter.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

KEYWORDS = (
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
    "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "title", "description", "default", "examples", "$schema",
)  # fmt: skip
TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_DEPTH = 24
_MOST = 10_000  # items or characters that a schema may demand

Schema = Mapping[str, Any] | bool


class SchemaRefused(Exception):
    """A schema that is not understood, or that nothing can fit; the message says where and why."""


def refuse_unknown(schema: Any, where: str = "schema") -> None:
    """Raises SchemaRefused for a keyword, a type or a form that is not supported, in the schema or anywhere in it."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise SchemaRefused(f"{where} must be an object, not {type(schema).__name__}.")
    for keyword in schema:
        if keyword not in KEYWORDS:
            raise SchemaRefused(
                f"The schema keyword '{keyword}' at {where} is not supported. Supported: {', '.join(KEYWORDS)}."
            )
    _refuse_bad_values(schema, where)
    for name, inner in _inside(schema):
        refuse_unknown(inner, f"{where}.{name}")


def _refuse_bad_values(schema: Mapping[str, Any], where: str) -> None:
    for kind in _types(schema):
        if kind not in TYPES:
            raise SchemaRefused(f"The type {kind!r} at {where} is not supported. Supported: {', '.join(TYPES)}.")
    for keyword in ("minItems", "maxItems", "minLength", "maxLength"):
        size = schema.get(keyword, 0)
        if not isinstance(size, int) or isinstance(size, bool) or size < 0 or (keyword[:3] == "min" and size > _MOST):
            raise SchemaRefused(f"{keyword} at {where} must be a whole number from 0 to {_MOST}.")
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if keyword in schema and (isinstance(schema[keyword], bool) or not isinstance(schema[keyword], int | float)):
            raise SchemaRefused(f"{keyword} at {where} must be a number.")
    for keyword in ("enum", "anyOf"):
        if keyword in schema and (not isinstance(schema[keyword], list) or not schema[keyword]):
            raise SchemaRefused(f"{keyword} at {where} must be a list that is not empty.")
    for keyword in ("properties", "$defs"):
        if not isinstance(schema.get(keyword, {}), dict):
            raise SchemaRefused(f"{keyword} at {where} must be an object.")
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise SchemaRefused(f"required at {where} must be a list of names.")


def _inside(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword in ("properties", "$defs"):
        yield from schema.get(keyword, {}).items()
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield keyword, schema[keyword]
    yield from ((f"anyOf[{number}]", inner) for number, inner in enumerate(schema.get("anyOf", [])))


class Shaper:
    """Makes values that fit a schema: of what is given where it fits, else of the text at hand."""

    def __init__(self, schema: Schema, sentences: Sequence[str]) -> None:
        self.root = schema
        self.sentences = list(sentences) or ["Nothing is said."]
        self.used = 0

    def shape(self, value: Any = None) -> Any:
        return self._shape(self.root, value, "answer", 0)

    def _shape(self, schema: Schema, value: Any, name: str, depth: int) -> Any:
        if depth > _DEPTH:
            raise SchemaRefused(f"The schema is nested deeper than {_DEPTH} levels, or without an end, at '{name}'.")
        if isinstance(schema, bool):
            if not schema:
                raise SchemaRefused(f"Nothing can fit the schema 'false' at '{name}'.")
            return value
        schema = resolved(schema, self.root)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._one_of(_fitting(schema, self.root, name), value)
        if "anyOf" in schema:
            return self._any_of(schema, value, name, depth)
        return self._of_type(schema, _type_for(schema, value), value, name, depth)

    def _any_of(self, schema: Mapping[str, Any], value: Any, name: str, depth: int) -> Any:
        """The alternative that the value fits, else the first that something fits and that meets the rest too."""
        rest = {key: kept for key, kept in schema.items() if key != "anyOf"}
        problem: SchemaRefused | None = None
        alternatives = [inner for inner in schema["anyOf"] if fits(value, inner, self.root)] or schema["anyOf"]
        for inner in alternatives:
            try:
                made = self._shape(inner, value, name, depth + 1)
            except SchemaRefused as refused:
                problem = refused
                continue
            if fits(made, rest, self.root):
                return made
        raise problem or SchemaRefused(f"No alternative of anyOf fits the rest of the schema at '{name}'.")

    def _of_type(self, schema: Mapping[str, Any], kind: str, value: Any, name: str, depth: int) -> Any:
        if kind == "object":
            return self._object(schema, value if isinstance(value, dict) else {}, depth)
        if kind == "array":
            return self._array(schema, value, name, depth)
        if kind == "string":
            return self._string(schema, value, name)
        if kind in ("integer", "number"):
            return _number(schema, value, name, whole=kind == "integer")
        return (value if isinstance(value, bool) else True) if kind == "boolean" else None

    def _object(self, schema: Mapping[str, Any], given: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        more = [name for name in schema.get("required", []) if name not in properties]
        extra = schema.get("additionalProperties", True)
        made = {
            name: self._shape(inner, given.get(name), name, depth + 1)
            for name, inner in properties.items()
            if name in schema.get("required", []) or name in given or depth < 2
        }
        return made | {name: self._shape(extra, given.get(name), name, depth + 1) for name in more}

    def _array(self, schema: Mapping[str, Any], value: Any, name: str, depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        if most < least:
            raise SchemaRefused(f"maxItems is below minItems at '{name}'.")
        inner = schema.get("items", {"type": "string"})
        given = value if isinstance(value, list) else [None] * int(max(least, min(2, most)) if depth < 4 else least)
        kept = given[: int(most)] if most != math.inf else given
        padded = [*kept, *([None] * (least - len(kept)))]
        return [self._shape(inner, item, name, depth + 1) for item in padded]

    def _string(self, schema: Mapping[str, Any], value: Any, name: str) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if most is not None and most < least:
            raise SchemaRefused(f"maxLength is below minLength at '{name}'.")
        said = re.fullmatch(r'Exactly the word "(\w+)"\.', str(schema.get("description", "")))
        text = said.group(1) if said else value if isinstance(value, str) else self._next_sentence()
        while len(text) < least:
            text = f"{text} {self._next_sentence()}"
        return text if most is None else _shortened(text, least, most)

    def _one_of(self, choices: Sequence[Any], value: Any) -> Any:
        """The value itself, else the choice that the text speaks of most, ties to the first."""
        if any(_same(choice, value) for choice in choices):
            return value
        text = " ".join(self.sentences).lower()
        counts = [len(re.findall(rf"\b{re.escape(str(choice).lower())}\b", text)) for choice in choices]
        return choices[counts.index(max(counts))]

    def _next_sentence(self) -> str:
        self.used += 1
        return self.sentences[(self.used - 1) % len(self.sentences)]


def fits(value: Any, schema: Schema, root: Schema) -> bool:
    """Whether a value is valid under a schema of supported keywords."""
    if isinstance(schema, bool):
        return schema
    schema = resolved(schema, root)
    if "const" in schema and not _same(schema["const"], value):
        return False
    if "enum" in schema and not any(_same(choice, value) for choice in schema["enum"]):
        return False
    if "anyOf" in schema and not any(fits(value, inner, root) for inner in schema["anyOf"]):
        return False
    kinds = _types(schema)
    if kinds and not any(_is(kind, value) for kind in kinds):
        return False
    return _fits_inside(value, schema, root)


def _fits_inside(value: Any, schema: Mapping[str, Any], root: Schema) -> bool:
    if isinstance(value, str):
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf)
    if isinstance(value, list):
        inner = schema.get("items", True)
        sized = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf)
        return sized and all(fits(item, inner, root) for item in value)
    if isinstance(value, dict):
        properties, extra = schema.get("properties", {}), schema.get("additionalProperties", True)
        return all(name in value for name in schema.get("required", [])) and all(
            fits(item, properties.get(name, extra), root) for name, item in value.items()
        )
    return isinstance(value, bool) or value is None or _in_bounds(value, schema)


def resolved(schema: Mapping[str, Any], root: Schema) -> Mapping[str, Any]:
    """The schema that a `$ref` points to, with what stands beside it."""
    seen = set()
    while "$ref" in schema:
        reference = schema["$ref"]
        if reference in seen:
            raise SchemaRefused(f"The reference '{reference}' points to itself.")
        seen.add(reference)
        target = _target(reference, root)
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _target(reference: Any, root: Schema) -> Mapping[str, Any]:
    name = str(reference).removeprefix("#/$defs/")
    known = root.get("$defs", {}) if isinstance(root, Mapping) else {}
    if reference == "#" and isinstance(root, Mapping):
        return root
    if name not in known or not isinstance(known[name], Mapping):
        raise SchemaRefused(f"The reference '{reference}' is not found. References have the form '#/$defs/<name>'.")
    return known[name]


def _fitting(schema: Mapping[str, Any], root: Schema, name: str) -> list[Any]:
    rest = {key: kept for key, kept in schema.items() if key != "enum"}
    choices = [choice for choice in schema["enum"] if fits(choice, rest, root)]
    if not choices:
        raise SchemaRefused(f"No value of enum fits the rest of the schema at '{name}'.")
    return choices


def _types(schema: Mapping[str, Any]) -> list[Any]:
    kind = schema.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def _type_for(schema: Mapping[str, Any], value: Any) -> str:
    """The type to make: that of the value if it is allowed, else the first that is not null, else by the keywords."""
    kinds = _types(schema)
    if kinds:
        return next((k for k in kinds if value is not None and _is(k, value)), None) or next(
            (k for k in kinds if k != "null"), kinds[0]
        )
    if "properties" in schema or "required" in schema or isinstance(value, dict):
        return "object"
    if "items" in schema or "minItems" in schema or isinstance(value, list):
        return "array"
    bounded = any(key in schema for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
    return "number" if bounded else "boolean" if isinstance(value, bool) else "string"


def _is(kind: str, value: Any) -> bool:
    if kind in ("integer", "number"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and (whole if kind == "integer" else isinstance(value, int | float))
    return isinstance(value, {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}[kind])


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _in_bounds(value: float, schema: Mapping[str, Any]) -> bool:
    return schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf) and schema.get(
        "exclusiveMinimum", -math.inf
    ) < value < schema.get("exclusiveMaximum", math.inf)


def _number(schema: Mapping[str, Any], value: Any, name: str, *, whole: bool) -> int | float:
    """The value where it is in bounds, else the number in bounds that is nearest to the middle."""
    if _is("integer" if whole else "number", value) and _in_bounds(value, schema):
        return value
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    middle = (low + high) / 2 if math.isfinite(low + high) else low if math.isfinite(low) else high
    middle = middle if math.isfinite(middle) else 0
    for guess in (math.floor(middle), math.ceil(middle), math.floor(middle) + 1, math.ceil(middle) - 1, middle):
        if _in_bounds(guess, schema) and (not whole or guess == int(guess)):
            return int(guess) if whole else guess
    if not whole and math.isfinite(low) and _in_bounds(math.nextafter(low, math.inf), schema):
        return math.nextafter(low, math.inf)
    raise SchemaRefused(f"No {'whole ' if whole else ''}number fits the bounds at '{name}'.")


def _shortened(text: str, least: int, most: int) -> str:
    """The text cut at a word, where that leaves enough of it."""
    if len(text) <= most:
        return text
    cut = text[:most].rsplit(" ", 1)[0].rstrip()
    return cut if len(cut) >= max(least, 1) else text[:most]
