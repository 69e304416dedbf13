"""Finds the methods: every module of `synth_dagster.methods.<kind>`, and what other packages offer by entry point.

Nothing is registered. The file name is the slug, the folder is the kind, and the file holds one public method class.
Another package adds a method with an entry point in the group `synth_dagster.methods`, named by its slug.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType

import synth_dagster.methods
from synth_dagster.errors import MethodError, UnknownName
from synth_dagster.method import KINDS, Method

ENTRY_POINTS = "synth_dagster.methods"


@cache
def methods() -> Mapping[str, type[Method]]:
    """All methods by slug, in alphabetical order. Raises MethodError when two share a slug or a file is no method."""
    found: dict[str, type[Method]] = {}
    for method in (*_shipped(), *_offered()):
        if method.slug in found:
            raise MethodError(
                f"Two methods are called '{method.slug}': {found[method.slug].__module__} and {method.__module__}. "
                "Rename one of the files."
            )
        found[method.slug] = method
    return dict(sorted(found.items()))


def method(slug: str) -> type[Method]:
    """The method of that name. Raises UnknownName with the nearest one."""
    try:
        return methods()[slug]
    except KeyError:
        raise UnknownName("method", slug, methods(), "'synth methods' lists them all.") from None


def _shipped() -> list[type[Method]]:
    package = synth_dagster.methods
    return [
        _in_its_folder(_method_of(importlib.import_module(module.name), slug=module.name.rpartition(".")[2]))
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.ispkg
    ]


def _in_its_folder(method: type[Method]) -> type[Method]:
    folder = method.__module__.split(".")[-2]
    if folder != method.kind:
        raise MethodError(f"'{method.slug}' is a method of kind {method.kind} and stands in {folder}/. Move its file.")
    return method


def _offered() -> list[type[Method]]:
    found: list[type[Method]] = []
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        try:
            loaded = entry.load()
        except Exception as error:
            raise MethodError(
                f"The method '{entry.name}' of another package does not load ({entry.value}): {error}. "
                "Repair or uninstall that package."
            ) from error
        is_module = isinstance(loaded, ModuleType)
        found.append(_method_of(loaded, slug=entry.name) if is_module else _named(loaded, entry.name))
    return found


def _method_of(module: ModuleType, *, slug: str) -> type[Method]:
    own = [
        value
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, Method)
        and value.__module__ == module.__name__
        and name.isidentifier()  # pydantic leaves `Augmenter[Instruction, Instruction]` in the module that wrote it
        and not name.startswith("_")
    ]
    if len(own) != 1:
        raise MethodError(f"{module.__name__} must hold exactly one public method class and holds {len(own)}.")
    return _named(own[0], slug)


def _named(method: type[Method], slug: str) -> type[Method]:
    if not (inspect.isclass(method) and issubclass(method, Method)):
        raise MethodError(f"'{slug}' is not a method: it must derive from a class of synth_dagster.method.")
    if not issubclass(method, KINDS[method.kind]):
        raise MethodError(f"{method.__name__} says kind '{method.kind}' and derives from another kind's class.")
    method.slug = slug
    return method
