"""Where a record comes from and what was made of it: the answer of `synth trace`, from the derived lineage index."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage, Relative


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
    index = Lineage(lake)
    for dataset in lake.datasets():
        index.catch_up(dataset)
    record_id = index.resolve(prefix.strip().lower())
    entry = index.entry(record_id)
    verdicts = verdicts_of(lake, entry.dataset, record_id) if entry.dataset else []
    record = asdict(entry) | {"verdicts": verdicts}
    return Trace(record, _entries(index.ancestors(record_id)), _entries(index.descendants(record_id)))


def _entries(relatives: Sequence[Relative]) -> list[dict[str, Any]]:
    return [asdict(relative.entry) | {"distance": relative.distance} for relative in relatives]


def verdicts_of(lake: Lake, dataset: str, record_id: bytes) -> list[dict[str, object]]:
    """What each release decided about a record; none for a record that is not of the mix's stage."""
    if "verdicts" not in lake.stages(dataset):
        return []
    columns = ["release", "verdict", "reason", "duplicate_of"]
    rows = lake.read(dataset, "verdicts", columns=columns, where=f"record_id = unhex('{record_id.hex()}')")
    return [
        {**row, "duplicate_of": row["duplicate_of"].hex() if row["duplicate_of"] else None} for row in rows.to_pylist()
    ]
