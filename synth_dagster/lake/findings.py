"""What guards have found, and what is held back because of it until a person releases it with a comment.

A finding is a row of the table `findings`: the record, the guard and its check, what kind of thing it is, how grave,
and where in the record it stands; never the text itself. `span_hash` is an HMAC with the lake's key, so that the same
address in many records can be counted and nobody can guess it from the table. The rows name the version that was
inspected (`candidate_id`): those of the accepted version count, and those of one that was refused say why.

A record with a finding of severity `quarantine` is held: no stage below reads it, and no release keeps it. A release
from quarantine is a decision about one record and one check, written down with who, when and why. Decisions are only
ever added, so a batch that is inspected again stays as people decided.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.records import digest

if TYPE_CHECKING:
    from synth_dagster.lake.lake import Candidate, Lake

FINDINGS = "findings"  # the table
PLACE = "place"  # its partition: stage/batch
QUARANTINE = "quarantine"  # the input of a version that was made without records which are held

FINDING = pa.schema(
    [
        ("record_id", pa.binary()),  # null where the finding is about all records together
        ("stage", pa.string()),
        ("batch", pa.string()),  # or the release
        ("source", pa.string()),
        ("guard", pa.string()),  # the step of the recipe
        ("check", pa.string()),  # the check of the asset that it fails
        ("kind", pa.string()),  # email, prompt_injection, synthetic_share, ...
        ("severity", pa.string()),  # info | warning | quarantine | critical
        ("column", pa.string()),  # where in the record: text, title, response, ...
        ("start", pa.int64()),  # characters, end exclusive; null where it is not one place
        ("end", pa.int64()),
        ("span_hash", pa.string()),
        ("score", pa.float64()),  # what was measured, where it was
        ("note", pa.string()),  # in words, without record text
        ("candidate_id", pa.string()),  # the version that was inspected
        ("run_id", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        (PLACE, pa.string()),
    ]
)

Action: TypeAlias = Literal["released", "held"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a held record: released, or held again. The latest of a record and check counts."""

    dataset: str
    stage: str
    batch: str
    record_id: bytes
    guard: str
    check: str
    action: Action
    who: str
    comment: str
    at: float = 0.0
    number: int = 0


def place_of(stage: str, batch: str) -> str:
    """The partition of the findings about a batch of a stage, or about a release."""
    return f"{stage}/{batch}"


# ------------------------------------------------------------------------------------------------------------- reading


def findings(
    lake: "Lake", dataset: str, *, stage: str | None = None, batch: str | None = None, every: bool = False
) -> pa.Table:
    """Rows by FINDING of the accepted versions, in the order of stage, batch and record.

    `every` adds those of versions that await or were refused at their gate. A dataset without guards has no rows.
    """
    if FINDINGS not in lake.table_names(dataset):
        return FINDING.empty_table()
    rows = lake.read(dataset, FINDINGS).select(FINDING.names).cast(FINDING)
    for name, wanted in (("stage", stage), ("batch", batch)):
        rows = rows if wanted is None else rows.filter(pc.field(name) == wanted)
    return rows if every else rows.filter(_is_accepted(lake, dataset, rows))


def findings_of_versions(lake: "Lake", versions: Iterable["Candidate"]) -> pa.Table:
    """Rows by FINDING about these versions, such as those that a release rests on."""
    parts = [_about(lake, version) for version in versions]
    return pa.concat_tables([FINDING.empty_table(), *parts])


def held(lake: "Lake", version: "Candidate") -> dict[bytes, str]:
    """The records of a version that are held back now: id -> guard:kind of the first finding."""
    there = lake.accepted(version.dataset, FINDINGS, place_of(version.stage, version.batch))
    if there is None or not there.details.get("held"):
        return {}
    rows = _about(lake, version).filter(pc.field("severity") == "quarantine")
    free = released(lake, version.dataset)
    found: dict[bytes, str] = {}
    for row in rows.select(["record_id", "guard", "check", "kind"]).to_pylist():
        if (row["record_id"], row["guard"], row["check"]) not in free:
            found.setdefault(row["record_id"], f"{row['guard']}:{row['kind']}")
    return found


def about_record(lake: "Lake", dataset: str, stage: str, batch: str, record_id: bytes) -> list[dict[str, Any]]:
    """What guards found about a record of an accepted version, each with what people decided about it, oldest first."""
    version = lake.accepted(dataset, stage, batch) if FINDINGS in lake.table_names(dataset) else None
    rows = _about(lake, version).filter(pc.field("record_id") == pa.scalar(record_id)) if version else None
    if rows is None or not rows.num_rows:
        return []
    said = [one for one in decisions(lake, dataset) if one.record_id == record_id]
    facts = ["guard", "check", "kind", "severity", "column", "start", "end", "score", "note"]
    return [
        row
        | {
            "decisions": [
                {"action": one.action, "who": one.who, "comment": one.comment, "at": one.at}
                for one in said
                if (one.guard, one.check) == (row["guard"], row["check"])
            ]
        }
        for row in rows.select(facts).to_pylist()
    ]


def held_input(records: Mapping[bytes, str]) -> dict[str, str]:
    """What a version made without these records says of it among its inputs: nothing where none is held."""
    return {QUARANTINE: digest(QUARANTINE, sorted(one.hex() for one in records)).hex()} if records else {}


def released(lake: "Lake", dataset: str) -> set[tuple[bytes, str, str]]:
    """Record, guard and check of what people have released and not held again."""
    latest = {(one.record_id, one.guard, one.check): one.action for one in decisions(lake, dataset)}
    return {key for key, action in latest.items() if action == "released"}


def decisions(lake: "Lake", dataset: str) -> list[Decision]:
    """All that people decided, oldest first: the audit of a quarantine."""
    rows = lake.meta.database.rows("select * from quarantine where dataset = ? order by number", (dataset,))
    return [
        Decision(
            *(row["dataset"], row["stage"], row["batch"], bytes.fromhex(row["record_id"])),
            *(row["guard"], row["check_name"], row["action"], row["who"], row["comment"], row["at"], row["number"]),
        )
        for row in rows
    ]


def _about(lake: "Lake", version: "Candidate") -> pa.Table:
    there = lake.accepted(version.dataset, FINDINGS, place_of(version.stage, version.batch))
    if there is None:
        return FINDING.empty_table()
    rows = lake.candidate_table(there).select(FINDING.names).cast(FINDING)
    ids = pa.array([version.candidate_id, *_before_erasures(lake, version.candidate_id)], pa.string())
    return rows.filter(pc.is_in(rows["candidate_id"], value_set=ids))  # type: ignore[attr-defined]


def _is_accepted(lake: "Lake", dataset: str, rows: pa.Table) -> pa.Array:
    ids: set[str] = set()
    for stage in rows["stage"].unique().to_pylist():
        for version in lake.accepted_all(dataset, stage).values():
            ids.update({version.candidate_id, *_before_erasures(lake, version.candidate_id)})
    wanted = pa.array(sorted(ids), pa.string())
    return pc.is_in(rows["candidate_id"], value_set=wanted).combine_chunks()  # type: ignore[attr-defined]


def _before_erasures(lake: "Lake", candidate_id: str) -> list[str]:
    """The versions whose copy without erased records this one is."""
    found: list[str] = []
    new: str | None = candidate_id
    while new is not None:
        row = lake.meta.database.row("select old from erased_versions where new = ?", (new,))
        new = row["old"] if row else None
        found += [new] if new else []
    return found


# ------------------------------------------------------------------------------------------------------------- writing


def write_findings(lake: "Lake", version: "Candidate", rows: Sequence[Mapping[str, object]], *, run_id: str) -> None:
    """Show what was found about a version, beside what stands about the accepted one until this one takes its place.

    In this order a kill is harmless: readers choose by the version that they read.
    """
    place = place_of(version.stage, version.batch)
    new = pa.Table.from_pylist([dict(row) for row in rows], schema=FINDING)
    accepted = lake.accepted(version.dataset, version.stage, version.batch)
    is_other = accepted is not None and accepted.candidate_id != version.candidate_id
    table = pa.concat_tables([_about(lake, accepted), new]) if accepted is not None and is_other else new
    if not table.num_rows and lake.accepted(version.dataset, FINDINGS, place) is None:
        return
    written = lake.write_candidate(
        version.dataset,
        FINDINGS,
        place,
        table,
        rejects=None,
        run_id=run_id,
        session_id=version.session_id,
        code_version="findings",
        inputs={},
        recipe_hash=version.recipe_hash,
        details={"held": pc.sum(pc.equal(table["severity"], "quarantine")).as_py() or 0},  # type: ignore[attr-defined]
        partition=PLACE,
    )
    lake.accept(written)


def decide(lake: "Lake", chosen: Sequence[Decision]) -> None:
    """Write decisions down, all or none."""
    now = time.time()
    with lake.meta.database.transaction() as transaction:
        for one in chosen:
            transaction.execute(
                "insert into quarantine (dataset, stage, batch, record_id, guard, check_name, action, who, comment, "
                "at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(one.dataset, one.stage, one.batch, one.record_id.hex(), one.guard, one.check),
                    *(one.action, one.who, one.comment, now),
                ),
            )


def forget_decisions(lake: "Lake", records: Iterable[bytes]) -> None:
    """Remove what was decided about records that are erased."""
    with lake.meta.database.transaction() as transaction:
        for record in records:
            transaction.execute("delete from quarantine where record_id = ?", (record.hex(),))
