"""What the metadata of a lake keeps, as values, and how each of them stands in a row of its table.

None of it is record text. `Meta` asks the tables for these; `meta_schema` says what the tables are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from synth_dagster.lake.database import Row
from synth_dagster.records import canonical_json

CandidateState = Literal["awaiting", "accepted", "refused", "replaced"]


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A shard of a source: where it starts in the delivery, how many records it has, and what they hash to."""

    dataset: str
    batch: str
    source: str
    digest: str
    count: int
    start: str
    state: Literal["active", "retired"] = "active"
    planned_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of a batch that was written and is not yet, or is no longer, or is what readers see."""

    candidate_id: str
    dataset: str
    stage: str
    batch: str
    run_id: str
    session_id: str
    code_version: str
    inputs: Mapping[str, str]
    recipe_hash: str
    data_version: str
    rows: int
    rejected: int
    state: CandidateState
    created_at: float
    details: Mapping[str, Any] = field(default_factory=dict)
    partition: str = "batch"
    current: int = 0  # rows whose status is current; all rows where there is no status
    number: int = 0  # later candidates have higher numbers
    version: int | None = None  # the version of the table that first showed it


@dataclass(frozen=True, slots=True)
class Gate:
    """What the checks of a candidate said, the last time that they ran."""

    candidate_id: str
    passed: bool
    suite: str
    checks: Sequence[Mapping[str, Any]]
    checked_at: float
    guards: str = ""  # the fingerprint of the guards that inspected it; empty for none


@dataclass(frozen=True, slots=True)
class Release:
    """A published version of a mix. `identity` is the hash of what it was made from."""

    dataset: str
    release: str
    identity: str
    data_version: str
    manifest: Mapping[str, Any]
    records: int
    demo: bool
    run_id: str
    created_at: float = 0.0
    state: Literal["accepted", "withdrawn"] = "accepted"


# --------------------------------------------------------------------------------------------------------------- rows


def planned_of(row: Row) -> PlannedBatch:
    return PlannedBatch(**{name: row[name] for name in PlannedBatch.__slots__})


def candidate_of(row: Row) -> Candidate:
    values = {name: row[name] for name in Candidate.__slots__}
    return Candidate(**(values | {"inputs": json.loads(row["inputs"]), "details": json.loads(row["details"])}))


def candidate_row(candidate: Candidate) -> dict[str, Any]:
    row = {name: getattr(candidate, name) for name in Candidate.__slots__ if name != "number"}
    return row | {"inputs": canonical_json(candidate.inputs), "details": canonical_json(candidate.details)}


def gate_of(row: Row) -> Gate:
    about = row["candidate_id"], bool(row["passed"]), row["suite"], json.loads(row["checks"])
    return Gate(*about, row["checked_at"], row["guards"])


def release_of(row: Row) -> Release:
    values = {name: row[name] for name in Release.__slots__}
    return Release(**(values | {"manifest": json.loads(row["manifest"]), "demo": bool(row["demo"])}))


def release_row(release: Release) -> dict[str, Any]:
    row = {name: getattr(release, name) for name in Release.__slots__}
    return row | {"manifest": canonical_json(release.manifest)}
