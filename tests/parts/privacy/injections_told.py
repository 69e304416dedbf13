"""Scores of texts by their injections, by all that the guard reads of a text: as it stands, and read otherwise."""

from collections.abc import Sequence

import pyarrow as pa

from synth_dagster.parts.privacy.disguises import Reading, read_otherwise
from synth_dagster.parts.privacy.injections import Injection, as_read, injections


def injections_in(texts: Sequence[str]) -> list[Injection]:
    others: dict[int, list[Reading]] = {}
    for row, reading in read_otherwise(pa.array(texts, pa.string())):
        others.setdefault(row, []).append(reading)
    return injections([as_read(text, others.get(row, [])) for row, text in enumerate(texts)])
