"""Finds the methods: every module of `synth_dagster.methods.<kind>`, and what other packages offer by entry point.

Nothing is registered. The file name is the slug, the folder is the kind, and the file holds one public method class.
Another package adds a method with an entry point in the group `synth_dagster.methods`, named by its slug.

What there is, is known by its names alone. A method is imported when it is looked up: a recipe names a few of them, and
to import them all takes longer than to import Dagster.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

import synth_dagster.methods
from synth_dagster.errors import MethodError, UnknownName
from synth_dagster.method import KINDS, Method

ENTRY_POINTS = "synth_dagster.methods"


@cache
def methods() -> Mapping[str, type[Method]]:
    """All methods by slug, in alphabetical order. Raises MethodError when two share a slug.

    Looking one up imports it, and raises MethodError when its file holds no method, or its package does not load.
    """
    found: dict[str, _Shipped | _Offered] = {}
    for one in (*_shipped(), *_offered()):
        if one.slug in found:
            raise MethodError(
                f"Two methods are called '{one.slug}': {found[one.slug].place} and {one.place}. "
                "Rename one of the files."
            )
        found[one.slug] = one
    return _Methods(dict(sorted(found.items())))


def method(slug: str) -> type[Method]:
    """The method of that name. Raises UnknownName with the nearest one."""
    try:
        return methods()[slug]
    except KeyError:
        raise UnknownName("method", slug, methods(), "'synth methods' lists them all.") from None


class _Methods(Mapping[str, type[Method]]):
    def __init__(self, found: "Mapping[str, _Shipped | _Offered]") -> None:
        self._found = found
        self._loaded: dict[str, type[Method]] = {}

    def __getitem__(self, slug: str) -> type[Method]:
        if slug not in self._loaded:
            self._loaded[slug] = self._found[slug].load()
        return self._loaded[slug]

    def __contains__(self, slug: object) -> bool:
        return slug in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


@dataclass(frozen=True, slots=True)
class _Shipped:
    """A module in a kind's folder."""

    place: str

    @property
    def slug(self) -> str:
        return self.place.rpartition(".")[2]

    def load(self) -> type[Method]:
        method = _method_of(importlib.import_module(self.place), slug=self.slug)
        folder = method.__module__.split(".")[-2]
        if folder != method.kind:
            raise MethodError(
                f"'{self.slug}' is a method of kind {method.kind} and stands in {folder}/. Move its file."
            )
        return method


@dataclass(frozen=True, slots=True)
class _Offered:
    """An entry point of another package: a module, or the class itself."""

    entry: EntryPoint

    @property
    def slug(self) -> str:
        return self.entry.name

    @property
    def place(self) -> str:
        return self.entry.value

    def load(self) -> type[Method]:
        try:
            loaded = self.entry.load()
        except Exception as error:
            raise MethodError(
                f"The method '{self.slug}' of another package does not load ({self.place}): {error}. "
                "Repair or uninstall that package."
            ) from error
        is_module = isinstance(loaded, ModuleType)
        return _method_of(loaded, slug=self.slug) if is_module else _named(loaded, self.slug)


def _shipped() -> list[_Shipped]:
    package = synth_dagster.methods
    modules = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [_Shipped(module.name) for module in modules if not module.ispkg]


def _offered() -> list[_Offered]:
    return [_Offered(entry) for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)]


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
