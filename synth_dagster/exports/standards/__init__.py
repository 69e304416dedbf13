"""What is written beside an export for other people's tools: one standard a file, all from the same facts."""

from collections.abc import Iterable, Mapping

from synth_dagster.exports.standards.base import Standard
from synth_dagster.parts.discovery import found_in, named

DEFAULT = ("croissant",)


def standards() -> Mapping[str, type[Standard]]:
    """All of them by slug, in alphabetical order."""
    return found_in(__name__, Standard)


def chosen(text: str | None) -> tuple[str, ...]:
    """The slugs that `croissant,prov`, `all` or `none` mean. Raises UnknownName with the nearest one."""
    if text is None:
        return DEFAULT
    if text in ("all", "none"):
        return tuple(standards()) if text == "all" else ()
    return tuple(sorted(_known(part.strip()) for part in set(text.split(","))))


def _known(slug: str) -> str:
    named("standard", slug, standards())
    return slug


def written(slugs: Iterable[str]) -> list[Standard]:
    """The standards of these names."""
    return [standards()[slug]() for slug in slugs]
