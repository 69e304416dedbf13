"""What guards have found in the records behind a release, counted, and what people decided about what was held back."""

from dataclasses import dataclass
from datetime import UTC, datetime

from synth_dagster.governance.release_rows import ReleaseRows
from synth_dagster.lake.findings import decisions, findings_of_versions, released
from synth_dagster.lake.lake import Lake

LAST_DECISIONS = 200
PERSONAL = "personal_data"  # the check of guards that is about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One kind of thing that a guard found in a stage: how often, in how many records, and how many are held now."""

    stage: str
    guard: str
    check: str
    kind: str
    severity: str
    findings: int
    records: int
    held: int
    kept: int  # records of the release that have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a person decided about a record that was held back."""

    at: str
    who: str
    action: str
    stage: str
    check: str
    record_id: str
    comment: str


def found_by_guards(lake: Lake, rows: ReleaseRows, dataset: str) -> list[Found]:
    """Kinds of findings, the most frequent first, of the versions that the release rests on."""
    table = findings_of_versions(lake, rows.versions)
    free = {(record_id, check) for record_id, _, check in released(lake, dataset)}
    rows.connection.execute("create or replace temp table freed (record_id blob, check_name varchar)")
    if free:
        rows.connection.executemany("insert into freed values (?, ?)", [list(one) for one in free])
    rows.connection.register("found", table.select(["record_id", "stage", "guard", "check", "kind", "severity"]))
    told = rows.ask(
        """select found.stage, guard, found.check, kind, severity, count(*) as findings,
               count(distinct found.record_id) as records,
               count(distinct found.record_id) filter (severity = 'quarantine' and freed.record_id is null) as held,
               count(distinct kept.record_id) as kept
           from found left join freed on (freed.record_id = found.record_id and check_name = found.check)
           left join (select distinct record_id from kept) as kept on (kept.record_id = found.record_id)
           group by all order by findings desc, found.stage, guard, found.check, kind, severity"""
    )
    rows.connection.unregister("found")
    return [Found(**row) for row in told]


def decided(lake: Lake, dataset: str) -> list[Decided]:
    """The last decisions about held records of the dataset, oldest first."""
    return [
        Decided(
            at=datetime.fromtimestamp(one.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            who=one.who,
            action=one.action,
            stage=one.stage,
            check=one.check,
            record_id=one.record_id.hex(),
            comment=one.comment,
        )
        for one in decisions(lake, dataset)[-LAST_DECISIONS:]
    ]
