"""The records behind those of a version: what methods compare a record with that was made from others.

Lineage stands in the records, so the walk goes from parent to parent, a table of a batch at a time, and each pair of an
ancestor and a descendant is met once. Of a release it is one walk for each batch of its records, so that no more is in
memory than a batch and what stands above it. The version that is inspected may hold ancestors of its own records, those
that a later step of its stage took the place of.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.recipe import Recipe
from synth_dagster.record_tables import CONTENT
from synth_dagster.records import RecordKind
from synth_dagster.scale.signals import flatten

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

ABOUT = ("source", "lang", "synthetic_depth")  # what is told of an ancestor besides its words


class LakeAncestors:
    """`services.Ancestors` of the rows of a version, from the accepted batches that they name as their parents."""

    def __init__(self, lake: Lake, recipe: Recipe, version: Candidate, rows: pa.Table) -> None:
        self._lake, self._recipe, self._version = lake, recipe, version
        self._rows = rows.select(["record_id", "parents", "batch"]).sort_by("batch")

    def generations(self) -> Iterator[pa.Table]:
        start = 0
        for count in self._batches.values():
            yield from self._walk(self._rows.slice(start, count))
            start += count

    def _walk(self, rows: pa.Table) -> Iterator[pa.Table]:
        met: set[tuple[bytes, bytes]] = set()
        links = _links(rows["record_id"], rows["parents"], met)
        while links.num_rows:
            next_links: list[pa.Table] = []
            for stage, batch in _places(links):
                here = links.filter((pc.field("stage") == stage) & (pc.field("batch") == batch))
                table = self._table(stage, batch)
                if table is None:
                    continue
                heirs = here.group_by("parent").aggregate([("heir", "list")])
                there = table.filter(pc.is_in(table["record_id"], value_set=heirs["parent"].combine_chunks()))
                yield _told(there, heirs)
                next_links.append(_inherited(there, here, met))
            links = pa.concat_tables([_LINK.empty_table(), *next_links])

    def delivered(self) -> pa.Table:
        batches = self._batches if self._is_release else [self._version.batch]
        parts = [self._table(self._first_stage, batch, ABOUT) for batch in batches]
        told = (part.select(list(ABOUT)).cast(_TOLD) for part in parts if part)
        return pa.concat_tables([_TOLD.empty_table(), *told])

    @property
    def _batches(self) -> dict[str, int]:
        """The batches of the rows, in their order, with how many rows each has."""
        counted = pc.value_counts(self._rows["batch"]).to_pylist()
        return dict(sorted((str(one["values"]), int(one["counts"])) for one in counted))

    @property
    def _is_release(self) -> bool:
        return self._version.stage == self._recipe.mix.name

    @property
    def _first_stage(self) -> str:
        stage = self._recipe.mix.of if self._is_release else self._version.stage
        while (above := self._recipe.stage(stage).reads) is not None:
            stage = above
        return stage

    def _table(self, stage: str, batch: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """A batch that is read, or of the inspected version itself; None where it is in the lake no longer."""
        if (stage, batch) == (self._version.stage, self._version.batch):
            return self._lake.candidate_table(self._version, columns)
        there = self._lake.accepted(self._version.dataset, stage, batch)
        return self._lake.candidate_table(there, columns) if there else None


_LINK = pa.schema([("heir", pa.binary()), ("parent", pa.binary()), ("stage", pa.string()), ("batch", pa.string())])
_TOLD = pa.schema([("source", pa.string()), ("lang", pa.string()), ("synthetic_depth", pa.int32())])  # of ABOUT


def _links(heirs: pa.ChunkedArray, parents: pa.ChunkedArray, met: set[tuple[bytes, bytes]]) -> pa.Table:
    """A row for each heir and parent that were not met before."""
    listed = pa.chunked_array(parents).combine_chunks()
    flat = pc.list_flatten(listed)
    of = pa.chunked_array(heirs).combine_chunks().take(pc.list_parent_indices(listed))
    new: list[bool] = []
    for pair in zip(of.to_pylist(), pc.struct_field(flat, "record_id").to_pylist(), strict=True):
        new.append(pair not in met)
        met.add(pair)
    columns = [of, *(pc.struct_field(flat, name) for name in ("record_id", "stage", "batch"))]
    return pa.Table.from_arrays(columns, schema=_LINK).filter(pa.array(new, pa.bool_()))


def _inherited(there: pa.Table, here: pa.Table, met: set[tuple[bytes, bytes]]) -> pa.Table:
    """The links one generation up: what the heirs of a record are to its parents."""
    own = there.select(["record_id", "parents"])
    places = pa.table({"parent": own["record_id"], "place": pa.array(range(own.num_rows), pa.int64())})
    joined = here.select(["heir", "parent"]).join(places, "parent", join_type="inner").sort_by("heir")
    return _links(joined["heir"], own["parents"].take(joined["place"]), met)


def _told(there: pa.Table, heirs: pa.Table) -> pa.Table:
    """The words of ancestors, what is known about them, and the records that descend from each."""
    there = there.sort_by("record_id")
    told = flatten(there, _kind(there)).select(["record_id", "text"])
    for name in (*ABOUT, "method"):
        told = told.append_column(name, there[name])
    told = told.append_column("parents", _parent_ids(there["parents"]))
    place = pc.index_in(told["record_id"], value_set=heirs["parent"].combine_chunks())
    return told.append_column("heirs", heirs["heir_list"].combine_chunks().take(place.combine_chunks()))


def _parent_ids(parents: pa.ChunkedArray) -> pa.Array:
    """The ids alone of the parents of each record."""
    listed = parents.combine_chunks()
    counts = pc.fill_null(pc.list_value_length(listed), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pc.struct_field(pc.list_flatten(listed), "record_id"))


def _kind(table: pa.Table) -> RecordKind:
    names = set(table.column_names)
    return next(kind for kind, columns in CONTENT.items() if all(name in names for name, _, _ in columns))


def _places(links: pa.Table) -> Sequence[tuple[str, str]]:
    return sorted({(row["stage"], row["batch"]) for row in links.select(["stage", "batch"]).to_pylist()})
