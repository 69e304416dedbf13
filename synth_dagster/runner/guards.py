"""Inspects a version at its gate: runs the guards of its stage, and keeps what they find as rows of the lake.

A finding about a record is quarantine, warning or information; a critical one closes the gate of the whole batch. Of a
release nothing can be held back any more, so there a record that belongs into quarantine closes the gate.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from synth_dagster.errors import MethodError
from synth_dagster.lake.findings import place_of, released, write_findings
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.tombstones import lake_key, mac
from synth_dagster.method import GUARDED, Guard
from synth_dagster.recipe import Recipe, Step
from synth_dagster.records import RecordKind
from synth_dagster.runner.ancestors import LakeAncestors
from synth_dagster.runner.services import services_for
from synth_dagster.scale.signals import flatten
from synth_dagster.services import Ancestors, Finding, Found

Row = Mapping[str, object]

EXAMPLES = 3
GRAVE = ("critical", "quarantine", "warning")  # gravest first; information fails no check


@dataclass(frozen=True, slots=True)
class Inspected:
    """A check of a guard and what it found in a version."""

    step: Step
    check: str
    found: Sequence[Found]
    free: int  # found too, and released by people
    records: int

    @property
    def name(self) -> str:
        return check_name(self.step, self.check)

    def finding(self) -> Finding:
        """For the gate: passed where nothing graver than information was found that nobody has released."""
        grave = [one for one in self.found if one.severity in GRAVE]
        severity = "critical" if any(one.severity == "critical" for one in grave) else "warning"
        counts: dict[str, float] = {"records": self.records, **Counter(one.kind for one in grave)}
        held = {one.record_id for one in grave if one.severity == "quarantine"}
        counts |= {"quarantined": len(held)} if held else {}
        counts |= {"released_by_people": self.free} if self.free else {}
        counts |= {one.kind: one.score for one in self.found if one.record_id is None and one.score is not None}
        ids = dict.fromkeys(one.record_id for one in grave if one.record_id is not None)
        return Finding(self.name, not grave, counts, list(ids)[:EXAMPLES], severity if grave else "critical")


def check_name(step: Step, check: str) -> str:
    """How Dagster names the check of a guard: privacy_security_guard__secrets."""
    return f"{step.key.replace('#', '_')}__{check}"


def inspect(
    recipe: Recipe, lake: Lake, version: Candidate, rows: pa.Table, kind: RecordKind, root: Path, run_id: str
) -> list[Inspected]:
    """What the guards of a stage find in a version, a result for each of their checks; kept in the lake.

    `rows` are those that the next stage would read. Raises MethodError for a guard that names records or checks which
    are not there.
    """
    guards = recipe.guards(version.stage)
    is_release = version.stage == recipe.mix.name
    behind = LakeAncestors(lake, recipe, version, rows)
    found = {step.key: _of_guard(step, rows, kind, root, behind) for step in guards}
    found = {key: [_closing(one) for one in each] if is_release else each for key, each in found.items()}
    told = Telling(lake, version, rows, kind, run_id)
    write_findings(lake, version, [row for step in guards for row in told.rows(step, found[step.key])], run_id=run_id)
    free = released(lake, version.dataset)
    return [one for step in guards for one in _by_check(step, found[step.key], free, version.stage, rows.num_rows)]


def _of_guard(step: Step, rows: pa.Table, kind: RecordKind, root: Path, behind: Ancestors) -> list[Found]:
    guard = step.method
    assert isinstance(guard, Guard), f"{step.slug} stands among guards"
    shown = guarded(rows, kind)
    services = services_for(guard, None, root, ancestors=behind)
    found = list(guard.inspect(shown, **services))  # type: ignore[attr-defined]  # the kind's verb
    known = set(shown["record_id"].to_pylist())
    strangers = [one for one in found if one.check not in guard.checks or one.record_id not in known | {None}]
    if strangers:
        raise MethodError(f"'{step.slug}' found something in a record, or for a check, that it was not given.")
    return found


def guarded(rows: pa.Table, kind: RecordKind) -> pa.Table:
    """The table that a guard reads."""
    rows = rows.sort_by("record_id")
    flat = flatten(rows, kind, beside=True)
    for name in (name for name in GUARDED if name in rows.column_names and name not in flat.column_names):
        flat = flat.append_column(name, rows[name])
    return flat


def _closing(one: Found) -> Found:
    return replace(one, severity="critical") if one.severity == "quarantine" else one


def _by_check(
    step: Step, found: Sequence[Found], free: set[tuple[bytes, str, str]], stage: str, records: int
) -> Iterable[Inspected]:
    guard = step.method
    assert isinstance(guard, Guard)
    for check in guard.checks:
        own = [one for one in found if one.check == check]
        standing = [one for one in own if (one.record_id, step.key, check) not in free or one.severity != "quarantine"]
        yield Inspected(step, check, standing, len(own) - len(standing), records)


@dataclass(frozen=True)
class Telling:
    """Makes findings about a version to rows of the table. A piece of text becomes a hash with the lake's key."""

    lake: Lake
    version: Candidate
    inspected: pa.Table
    kind: RecordKind
    run_id: str

    def rows(self, step: Step, found: Sequence[Found]) -> list[Row]:
        common = self._common | {"guard": step.key}
        return [common | {name: getattr(one, name) for name in OF_FOUND} | self._of_record(one) for one in found]

    @cached_property
    def _common(self) -> dict[str, object]:
        version = self.version
        return {
            "stage": version.stage,
            "batch": version.batch,
            "place": place_of(version.stage, version.batch),
            "candidate_id": version.candidate_id,
            "run_id": self.run_id,
            "created_at": datetime.now(UTC),
        }

    def _of_record(self, one: Found) -> dict[str, object]:
        if one.record_id is None:
            return {"source": None, "span_hash": None}
        place = self._places[one.record_id]
        source: str = self._shown["source"][place].as_py()
        return {"source": source, "span_hash": self._span_hash(one, place)}

    def _span_hash(self, one: Found, place: int) -> str | None:
        if one.start is None or one.end is None:
            return None
        text: str = self._shown[one.column][place].as_py() or ""
        return mac(self._secret, "span", one.kind, text[one.start : one.end].casefold())[:32]

    @cached_property
    def _places(self) -> dict[bytes, int]:
        return {one: place for place, one in enumerate(self._shown["record_id"].to_pylist())}

    @cached_property
    def _shown(self) -> pa.Table:
        return guarded(self.inspected, self.kind)

    @cached_property
    def _secret(self) -> bytes:
        return lake_key(self.lake.meta.database)


OF_FOUND = ("record_id", "check", "kind", "severity", "column", "start", "end", "score", "note")
