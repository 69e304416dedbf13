"""Finds what is one file each: the file name is the slug, and the file holds one public class of the wanted base."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import TypeVar

from synth_dagster.errors import MethodError, UnknownName

T = TypeVar("T")


@cache
def found_in(package: str, base: type[T]) -> Mapping[str, type[T]]:
    """Slug -> class, in alphabetical order. A module without such a class is a helper of the package, and no name."""
    modules = (importlib.import_module(f"{package}.{name}") for name in _modules(package))
    pairs = ((module.__name__.rpartition(".")[2], _only_class(module, base)) for module in modules)
    return {slug: found for slug, found in sorted(pairs, key=lambda pair: pair[0]) if found is not None}


def named(what: str, slug: str, known: Mapping[str, type[T]]) -> type[T]:
    """The class of that name. Raises UnknownName with the nearest one."""
    try:
        return known[slug]
    except KeyError:
        raise UnknownName(what, slug, known) from None


def _modules(package: str) -> list[str]:
    path = importlib.import_module(package).__path__
    return [module.name for module in pkgutil.iter_modules(path) if not module.ispkg]


def _only_class(module: ModuleType, base: type[T]) -> type[T] | None:
    own = [
        value
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value is not base
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]
    if len(own) > 1:
        raise MethodError(
            f"{module.__name__} must hold one public {base.__name__} and holds {len(own)}. Split the file."
        )
    return own[0] if own else None
