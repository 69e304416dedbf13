"""How data comes in: one reader a file, found by its name.

`reader(slug)` is a reader's settings class, `known()` the names there are. What is not delivered as it should be comes
out of a reader as data too, as `Unreadable`, so that one bad line costs one line.
"""

from collections.abc import Mapping

from synth_dagster.parts.discovery import found_in, named
from synth_dagster.readers.base import Reader


def readers() -> Mapping[str, type[Reader]]:
    """All readers by slug, in alphabetical order."""
    return found_in(__name__, Reader)


def known() -> tuple[str, ...]:
    """The names of all readers."""
    return tuple(readers())


def reader(slug: str) -> type[Reader]:
    """The reader of that name. Raises UnknownName with the nearest one."""
    return named("reader", slug, readers())
