"""Recognisers of names: models that other packages bring, by entry points in the group `synth_dagster.recognisers`.

An entry point is a function from texts to the pieces of each: `(kind, start, end)` in characters, such as
`("person", 10, 23)`. Nothing of the kind is shipped: a recogniser is a model of one's own choice and licence.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated

from pydantic import AfterValidator, Field

from synth_dagster.errors import MethodError, no_such

ENTRY_POINTS = "synth_dagster.recognisers"
PERSON = "person"  # the kind of a name that is a person's

Recogniser = Callable[[Sequence[str]], Sequence[Sequence[tuple[str, int, int]]]]


def known() -> tuple[str, ...]:
    """The recognisers that are installed, by name."""
    return tuple(sorted(entry_points(group=ENTRY_POINTS).names))


@cache
def recogniser(name: str) -> Recogniser:
    """The recogniser of that name. Raises ValueError for an unknown one, MethodError for one that does not load."""
    if name not in known():
        cure = f"Install a package that offers it as an entry point of '{ENTRY_POINTS}', or leave it out."
        raise ValueError(no_such("recogniser", name, known(), cure))
    (entry,) = [one for one in entry_points(group=ENTRY_POINTS) if one.name == name][:1]
    try:
        return entry.load()
    except Exception as error:
        raise MethodError(f"The recogniser '{name}' does not load ({entry.value}): {error}.") from error


def _installed(names: list[str]) -> list[str]:
    for name in names:
        recogniser(name)
    return names


Recognisers = Annotated[list[str], Field(max_length=10), AfterValidator(_installed)]  # a setting that names some
