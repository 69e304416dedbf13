"""What the lake knows of a dataset over time: its gates by day, its releases in their order, and a release's files."""

import hashlib
from collections import Counter, defaultdict
from datetime import UTC, datetime

from synth_dagster.governance.report_facts import FileFacts, GateDay, ReleaseLine
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Gate, Release

LAST_DAYS = 60
LAST_RELEASES = 30


def gate_days(lake: Lake, dataset: str) -> list[GateDay]:
    """How many versions passed their gates and how many were refused, by day and stage, of the last days with any.

    What a copy has from the version in whose place an erasure has put it ran once, and is counted once.
    """
    stages = _stages(lake, dataset)
    found: dict[tuple[str, str], list[Gate]] = defaultdict(list)
    gates = lake.meta.gates(dataset)
    ran = {gate.candidate_id: gate.checked_at for gate in gates}
    copies = {row["new"]: row["old"] for row in lake.meta.database.rows("select new, old from erased_versions")}
    for gate in gates:
        if gate.checked_at == ran.get(copies.get(gate.candidate_id, "")):
            continue
        day = datetime.fromtimestamp(gate.checked_at, UTC).date().isoformat()
        found[day, stages.get(gate.candidate_id, "")].append(gate)
    last = sorted({day for day, _ in found})[-LAST_DAYS:]
    return [_day(*key, gates) for key, gates in sorted(found.items()) if key[0] in last]


def _stages(lake: Lake, dataset: str) -> dict[str, str]:
    return {one.candidate_id: stage for stage in lake.stages(dataset) for one in lake.meta.candidates(dataset, stage)}


def _day(day: str, stage: str, gates: list[Gate]) -> GateDay:
    failed = Counter(str(check["check"]) for gate in gates for check in gate.checks if not check["passed"])
    passed = sum(gate.passed for gate in gates)
    return GateDay(day=day, stage=stage, passed=passed, refused=len(gates) - passed, failed=dict(failed.most_common()))


def release_lines(lake: Lake, dataset: str) -> list[ReleaseLine]:
    """The last releases, oldest first, withdrawn ones too."""
    return [_line(lake, release) for release in lake.meta.releases(dataset)[-LAST_RELEASES:]]


def _line(lake: Lake, release: Release) -> ReleaseLine:
    manifest = release.manifest
    dropped = manifest.get("verdicts", {}).get("dropped", {})
    version = lake.accepted(release.dataset, manifest["table"], release.release)
    gate = lake.meta.gate(version.candidate_id) if version else None
    checks = gate.checks if gate else ()
    return ReleaseLine(
        release=release.release,
        state=release.state,
        demo=release.demo,
        made_at=datetime.fromtimestamp(release.created_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        judged=release.records + sum(dropped.values()),
        kept=release.records,
        tokens=int(manifest.get("tokens", 0)),
        checks=len(checks),
        failed=sum(not check["passed"] for check in checks),
    )


def files_of(lake: Lake, release: Release) -> list[FileFacts]:
    """The files of a release with their hashes, as they lie in the lake now."""
    place, shown = lake.snapshot(release.dataset, release.manifest["table"])
    found = []
    for file in shown.files_of((release.release,)):
        path = place.local(file)
        with path.open("rb") as opened:
            hashed = hashlib.file_digest(opened, "sha256").hexdigest()
        found.append(FileFacts(f"{place.name}/{file.path}", file.rows, path.stat().st_size, hashed))
    return found
