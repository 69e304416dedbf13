"""What a release lacks, as a source for the recipe that is to make it: rare cells, and records of them to begin from.

The recipe's `long_tail_coverage` says what a cell is and how many records it should have. A cell's seeds are records of
it that the release kept, those that people wrote first. Translations alone are weak data for a rare language, so a
cell says how many more of them it may have: up to a share of what it should have, less those with `translated: true`
among their attributes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import SynthError
from synth_dagster.governance.translated import said_in
from synth_dagster.governance.versions import kind_of
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.methods.measure.long_tail_coverage import LongTailCoverage, cells_of
from synth_dagster.recipe import Recipe
from synth_dagster.records import Json
from synth_dagster.runner.services import services_for
from synth_dagster.scale.signals import flatten

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

_COLUMNS = ("record_id", "source", "lang", "attributes", "synthetic_depth")


@dataclass(frozen=True, slots=True)
class Lack:
    """A cell that is to be filled. `seeds` are records of it, the first to begin with first."""

    cell: str
    by: str
    records: int
    missing: int
    translations_left: int
    seeds: Sequence[str]  # ids in hexadecimal

    def as_json(self) -> dict[str, Json]:
        return {**asdict(self), "seeds": list(self.seeds)}


def backlog_of(
    lake: Lake, release: Release, recipe: Recipe | None, root: Path, *, seeds: int = 5, most_translated: float = 0.5
) -> list[Lack]:
    """The cells of a release that hold less than they should, what lacks most first.

    Raises SynthError where the release's recipe does not measure its long tail.
    """
    method = _measure_of(recipe, release)
    flat = lake.read(release.dataset, release.manifest["table"], batches=[release.release], columns=list(_COLUMNS))
    missing = method.measure(flat, **services_for(method, None, root)).histogram  # type: ignore[arg-type]
    places = _places(flat, method.by, missing.keys())
    allowed = int(most_translated * method.floor)
    translated = said_in(flat["attributes"].to_pylist())
    return [
        Lack(
            cell=cell,
            by=method.by,
            records=len(places[cell]),
            missing=math.ceil(lack),
            translations_left=max(0, allowed - sum(translated[place] is True for place in places[cell])),
            seeds=[flat["record_id"][place].as_py().hex() for place in places[cell][:seeds]],
        )
        for cell, lack in missing.items()
    ]


def lines(lake: Lake, release: Release, backlog: Sequence[Lack]) -> Iterator[dict[str, Json]]:
    """A line for each seed, with its text; of a cell without any, one whose text is the cell's name.

    `wanted` are the records that a line should lead to: together those that the cell lacks.
    """
    shown = _shown(lake, release, {seed for one in backlog for seed in one.seeds})
    for one in backlog:
        about = {"cell": one.cell, "by": one.by, "missing": one.missing, "translations_left": one.translations_left}
        about |= {"dataset": release.dataset, "release": release.release}
        for number, seed in enumerate(one.seeds):
            wanted = one.missing * (number + 1) // len(one.seeds) - one.missing * number // len(one.seeds)
            yield {"id": f"{one.by}/{one.cell}/{number}", **shown[seed], "wanted": wanted, "seed": seed, **about}
        if not one.seeds:
            yield {"id": f"{one.by}/{one.cell}", "text": one.cell, "wanted": one.missing, "seed": None, **about}


def _measure_of(recipe: Recipe | None, release: Release) -> LongTailCoverage:
    steps = [step.method for step in (recipe.mix.measures if recipe else ())]
    found = next((method for method in steps if isinstance(method, LongTailCoverage)), None)
    if found is None:
        raise SynthError(
            f"The recipe of '{release.release}' does not say what a cell is. Put 'measure: [{{long_tail_coverage: "
            "{by: lang, floor: 100}}]' into its mix, with a 'reference' of the cells that there should be, and run it."
        )
    return found


def _places(flat: pa.Table, by: str, wanted: Any) -> Mapping[str, list[int]]:
    """The rows of each cell: what people wrote first, then by id."""
    order = pc.sort_indices(flat, sort_keys=[("synthetic_depth", "ascending"), ("record_id", "ascending")]).to_pylist()
    own = cells_of(flat, by)
    found: dict[str, list[int]] = {cell: [] for cell in wanted}
    for place in order:
        for cell in set(own[place]) & found.keys():
            found[cell].append(place)
    return found


def _shown(lake: Lake, release: Release, seeds: set[str]) -> dict[str, dict[str, Json]]:
    """The words, language and licence of seeds, by id."""
    found: dict[str, dict[str, Json]] = {}
    wanted = pa.array([bytes.fromhex(seed) for seed in sorted(seeds)], pa.binary())
    kind = kind_of(lake, release)
    for batch in lake.stream(release.dataset, release.manifest["table"], batches=[release.release]):
        rows = pa.Table.from_batches([batch])
        rows = rows.filter(pc.is_in(rows["record_id"], value_set=wanted))
        texts = flatten(rows, kind)["text"].to_pylist()
        columns = (rows[name].to_pylist() for name in ("record_id", "lang", "license"))
        for (record, lang, licence), text in zip(zip(*columns, strict=True), texts, strict=True):
            found[record.hex()] = {"text": text, "lang": lang, "license": licence}
    return found
