"""Some records of a release, kept and dropped, with all that they were made from, for the page to look at."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.governance.versions import pinned, upwards
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.runner.verdicts import VERDICTS

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

KEPT = 20
DROPPED = 16
FARTHEST = 12  # ancestors of one record that are shown

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """A record with its verdict, and its ancestors with the stages where they stand, nearest first."""

    record: Row
    stage: str
    verdict: Row
    ancestors: Sequence[tuple[str, Row]]


def samples_of(lake: Lake, release: Release) -> list[Sample]:
    """The kept records with the lowest ids, then dropped ones, one of each reason first.

    Ids are hashes, so these are any records, and always the same.
    """
    verdicts = [*_first_kept(lake, release), *_first_dropped(lake, release)]
    found = _Found.of(lake, release, verdicts)
    of = release.manifest["of"]
    pairs = ((one, found.rows.get(one["record_id"])) for one in verdicts)
    return [Sample(row, of, one, found.above(row)) for one, row in pairs if row is not None]


def _first_kept(lake: Lake, release: Release) -> list[Row]:
    return list(_taken(_verdicts(lake, release, "kept"), KEPT))


def _first_dropped(lake: Lake, release: Release) -> list[Row]:
    """A few of each reason as they come by; then in turns, so that no frequent reason hides a rare one."""
    by_reason: dict[str | None, list[Row]] = {}
    for part in _verdicts(lake, release, "dropped"):
        for reason in part["reason"].unique().to_pylist():
            known = by_reason.setdefault(reason, [])
            if len(known) < DROPPED:
                of_it = (
                    part.filter(pc.equal(part["reason"], reason)) if reason else part.filter(part["reason"].is_null())
                )
                known += of_it.slice(0, DROPPED - len(known)).to_pylist()
    turns = [(turn, reason or "", row) for reason, rows in by_reason.items() for turn, row in enumerate(rows)]
    chosen = sorted(turns, key=lambda one: (one[0], one[1]))[:DROPPED]
    return [row for _, _, row in sorted(chosen, key=lambda one: (one[1], one[0]))]


def _verdicts(lake: Lake, release: Release, verdict: str) -> Iterator[pa.Table]:
    columns = ["record_id", "batch", "verdict", "reason", "duplicate_of", "score", "rank", "copies", "tokens"]
    for part in lake.stream(release.dataset, VERDICTS, batches=[release.release], columns=columns):
        table = pa.Table.from_batches([part])
        yield table.filter(pc.equal(table["verdict"], verdict))


def _taken(parts: Iterable[pa.Table], most: int) -> Iterator[Row]:
    left = most
    for part in parts:
        yield from part.slice(0, left).to_pylist()
        left -= part.num_rows
        if left <= 0:
            return


@dataclass(frozen=True, slots=True)
class _Found:
    """Records by id, and the stages in which they stand."""

    rows: dict[bytes, Row]
    stages: dict[bytes, str]

    @classmethod
    def of(cls, lake: Lake, release: Release, verdicts: Sequence[Row]) -> "_Found":
        """The records that verdicts are about and what they were made from. A version is read once."""
        batches = {one["batch"] for one in verdicts}
        found = cls({}, {})
        wanted = {one["record_id"] for one in verdicts}
        for candidate in (one for one in pinned(lake, release) if one.batch in batches):
            for version in upwards(lake, candidate):
                wanted |= found._read(lake, version, wanted)
        return found

    def _read(self, lake: Lake, version: Candidate, wanted: set[bytes]) -> set[bytes]:
        """Take what is wanted from a version, and what that was made from in the same version; the parents it names."""
        table, named = lake.candidate_table(version), set[bytes]()
        missing = wanted - self.rows.keys()
        while rows := _among(table, missing):
            self.rows.update((row["record_id"], row) for row in rows)
            self.stages.update((row["record_id"], version.stage) for row in rows)
            parents = {parent["record_id"] for row in rows for parent in row["parents"] or ()}
            named |= parents
            missing = parents - self.rows.keys()
        return named

    def above(self, record: Row) -> list[tuple[str, Row]]:
        """A record's ancestors, nearest first, each once."""
        above: dict[bytes, tuple[str, Row]] = {}
        waiting = [parent["record_id"] for parent in record["parents"] or ()]
        while waiting and len(above) < FARTHEST:
            record_id = waiting.pop(0)
            if record_id in self.rows and record_id not in above:
                above[record_id] = self.stages[record_id], self.rows[record_id]
                waiting += [parent["record_id"] for parent in self.rows[record_id]["parents"] or ()]
        return list(above.values())


def _among(table: pa.Table, wanted: set[bytes]) -> list[dict[str, Any]]:
    return table.filter(pc.is_in(table["record_id"], value_set=pa.array(sorted(wanted), pa.binary()))).to_pylist()
