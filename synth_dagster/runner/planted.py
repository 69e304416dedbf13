"""What was planted for an audit, and all that was made from it: records that no release may keep.

A step says of itself that what it makes is for an audit. A version of a record that a later step made of a planted one
names that step as its method, so lineage decides and not the method of the record alone.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.recipe import Recipe
from synth_dagster.runner.ancestors import LakeAncestors

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false


def planted(lake: Lake, recipe: Recipe, version: Candidate) -> dict[bytes, str]:
    """Record -> why it is not released, of a batch of the stage that a release reads; nothing where no step plants."""
    slugs = sorted({step.slug for stage in recipe.stages.values() for step in stage.steps if step.method.for_audit})
    if not slugs:
        return {}
    rows = lake.candidate_table(version)
    rows = rows.filter(pc.field("status") == "current")
    found = dict(_of(rows, slugs, rows["record_id"]))
    for table in LakeAncestors(lake, recipe, version, rows).generations():
        for heirs, why in _of(table, slugs, table["heirs"]):
            found |= dict.fromkeys(heirs, why)
    return found


def _of(table: pa.Table, slugs: Iterable[str], told: pa.ChunkedArray) -> Iterable[tuple]:
    """What a column tells of each planted record, and the reason."""
    methods = table["method"].to_pylist()
    return [
        (one, f"{method}:planted") for one, method in zip(told.to_pylist(), methods, strict=True) if method in slugs
    ]
