"""A few records of a release with everything that they were made from, for the page that people look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from synth_dagster.governance.versions import pinned, upwards
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta import Release

COUNT = 10
FARTHEST = 20  # ancestors of one record that are shown


@dataclass(frozen=True, slots=True)
class Sample:
    """A record, and its ancestors with the stages where they stand, nearest first."""

    record: Mapping[str, Any]
    ancestors: Sequence[tuple[str, Mapping[str, Any]]]


def samples_of(lake: Lake, dataset: str, name: str) -> list[Sample]:
    """The records with the lowest ids: ids are hashes, so these are any ten, and always the same."""
    release = lake.meta.release(dataset, name)
    rows = lake.stream(dataset, release.manifest["table"], batches=[name], rows=COUNT)
    first = next(rows, None)
    records = first.slice(0, COUNT).to_pylist() if first is not None else []
    return [
        Sample(record, ancestors) for record, ancestors in zip(records, _traced(lake, release, records), strict=True)
    ]


def _traced(
    lake: Lake, release: Release, records: Sequence[Mapping[str, Any]]
) -> list[list[tuple[str, Mapping[str, Any]]]]:
    """For each record what it was made from. A version is read once, and only the rows that are asked for."""
    wanted = {record["record_id"] for record in records}
    batches = {record["batch"] for record in records}
    known: dict[bytes, tuple[str, Mapping[str, Any]]] = {}
    for candidate in (one for one in pinned(lake, release) if one.batch in batches):
        for version in upwards(lake, candidate):
            table = lake.candidate_table(version)
            while found := {row["record_id"]: (version.stage, row) for row in _among(table, wanted - known.keys())}:
                known |= found
                wanted |= {parent["record_id"] for _, row in found.values() for parent in row["parents"] or ()}
    return [_above(record, known) for record in records]


def _among(table: pa.Table, wanted: set[bytes]) -> list[dict[str, Any]]:
    chosen = pa.array([record_id in wanted for record_id in table["record_id"].to_pylist()], pa.bool_())
    return table.filter(chosen).to_pylist()


def _above(
    record: Mapping[str, Any], known: Mapping[bytes, tuple[str, Mapping[str, Any]]]
) -> list[tuple[str, Mapping[str, Any]]]:
    """A record's ancestors, nearest first, each once."""
    above: dict[bytes, tuple[str, Mapping[str, Any]]] = {}
    waiting = [parent["record_id"] for parent in record["parents"] or ()]
    while waiting and len(above) < FARTHEST:
        record_id = waiting.pop(0)
        if record_id in known and record_id not in above:
            above[record_id] = known[record_id]
            waiting += [parent["record_id"] for parent in known[record_id][1]["parents"] or ()]
    return list(above.values())
