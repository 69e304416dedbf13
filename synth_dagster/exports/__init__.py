"""How data goes out: one format a file, found by its name.

`exporter(slug).export(rows, kind, to=..., ...)` writes a folder whole or not at all; `known()` are the formats.
"""

from collections.abc import Mapping

from synth_dagster.exports.base import Exporter
from synth_dagster.parts.discovery import found_in, named


def exporters() -> Mapping[str, type[Exporter]]:
    """All formats by slug, in alphabetical order."""
    return found_in(__name__, Exporter)


def known() -> tuple[str, ...]:
    """The names of all formats."""
    return tuple(exporters())


def exporter(slug: str) -> Exporter:
    """The exporter of a format. Raises UnknownName with the nearest one."""
    return named("export format", slug, exporters())()
