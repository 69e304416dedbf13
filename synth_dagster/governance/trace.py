"""Where a record comes from and what was made of it: the answer of `synth trace ID`, from the derived lineage index."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage


@dataclass(frozen=True, slots=True)
class Trace:
    """One record with everything above and below it, nearest first, and its verdict in every release."""

    record: Mapping[str, Any]
    ancestors: Sequence[Mapping[str, Any]]
    descendants: Sequence[Mapping[str, Any]]

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def trace(lake: Lake, prefix: str) -> Trace:
    """The trace of the record whose id starts so. Raises UnknownName for an unknown or ambiguous one."""
    lineage = Lineage(lake)
    record_id = lineage.resolve(prefix)
    entry = _entries(lineage.entries([record_id]))[0]
    verdicts = verdicts_of(lake, entry["dataset"], record_id) if entry["dataset"] else []
    ancestors, descendants = lineage.ancestors([record_id]), lineage.descendants([record_id])
    return Trace(entry | {"verdicts": verdicts}, _entries(ancestors), _entries(descendants))


def _entries(table: pa.Table) -> list[dict[str, Any]]:
    return [row | {"record_id": row["record_id"].hex()} for row in table.to_pylist()]


def verdicts_of(lake: Lake, dataset: str, record_id: bytes) -> list[dict[str, object]]:
    """What each release decided about a record; none for a record that is not of the mix's stage."""
    if "verdicts" not in lake.stages(dataset):
        return []
    columns = ["release", "verdict", "reason", "duplicate_of"]
    rows = lake.read(dataset, "verdicts", columns=columns, where=f"record_id = unhex('{record_id.hex()}')")
    return [
        {**row, "duplicate_of": row["duplicate_of"].hex() if row["duplicate_of"] else None} for row in rows.to_pylist()
    ]
