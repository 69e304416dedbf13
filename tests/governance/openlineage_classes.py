"""Holds events against the official client's classes, which are generated from the published schemas.

Stricter than the schemas: a key that the class does not have is a mistake too. `openlineage_check` asks the schemas
themselves, where somebody has a copy of them.
"""

import importlib
import pkgutil
import types
import typing
from enum import Enum
from functools import cache
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

import attr
from openlineage.client import generated
from openlineage.client.event_v2 import RunEvent
from openlineage.client.generated import base

TOP = ("producer", "schemaURL", "eventTime")


@cache
def by_schema():
    """Address of a schema -> the class that was made from it."""
    modules = [
        importlib.import_module(f"{generated.__name__}.{one.name}") for one in pkgutil.iter_modules(generated.__path__)
    ]
    classes = {value for module in modules for value in vars(module).values() if attr.has(value)}
    return {one._get_schema(): one for one in classes if "_get_schema" in vars(one)}


def mistakes(event):
    """What is wrong with an event, as the place in it and what is there."""
    return [*_of_class(RunEvent, event, "")]


def _of_class(cls, value, place):
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is no {cls.__name__}"
        return
    named = value.get("_schemaURL")
    if named is not None:
        if named not in by_schema():
            yield f"{place}: no class has the schema {named}"
            return
        cls = by_schema()[named]
    fields, hints = attr.fields_dict(cls), get_type_hints(cls, _names(cls))
    yield from (f"{place}.{key}: unknown" for key in value.keys() - fields.keys())
    for name, one in fields.items():
        if name in value:
            yield from _of_type(hints[name], value[name], f"{place}.{name}")
        elif one.default is attr.NOTHING or name in (*TOP, "_producer", "_schemaURL"):
            yield f"{place}.{name}: missing"


def _of_type(hint, value, place):
    origin = get_origin(hint)
    if hint is Any or origin is ClassVar:
        return
    if origin in (Union, types.UnionType):
        tried = [[*_of_type(one, value, place)] for one in get_args(hint)]
        yield from () if any(not found for found in tried) else min(tried, key=len)
    elif origin in (list, dict):
        if not isinstance(value, origin):
            yield f"{place}: {value!r} is no {origin.__name__}"
            return
        inner = get_args(hint)[-1]
        items = value.items() if origin is dict else enumerate(value)
        for key, one in items:
            yield from _of_type(inner, one, f"{place}[{key}]")
    elif attr.has(hint):
        yield from _of_class(hint, value, place)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        yield from () if value in [one.value for one in hint] else [f"{place}: {value!r} is no {hint.__name__}"]
    elif not isinstance(value, (int, float) if hint is float else hint) or (hint is int and isinstance(value, bool)):
        yield f"{place}: {value!r} is no {hint}"


def _names(cls):
    """What the annotations of a class may name; its own module wins."""
    return {**vars(typing), **vars(base), **vars(importlib.import_module(cls.__module__))}
