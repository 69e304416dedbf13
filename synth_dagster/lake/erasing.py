"""Takes records out of every file that a lake holds: what tables show, what they have shown, what awaits its gate.

A file is never changed in place. Its copy without the erased rows gets a name that follows from the erasure, so that a
kill in between is gone on with. Where the table shows the file, the copy is accepted in its place; old versions of a
table read the copy too (`erased_versions`). Then the file itself is removed. Whoever calls this holds the lake alone.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.lake import delta_log
from synth_dagster.lake.canonical import data_version
from synth_dagster.lake.corpus_state import held_of, name_of, state_of
from synth_dagster.lake.database import Row
from synth_dagster.lake.doomed import VERDICTS, Doomed, Stored, named
from synth_dagster.lake.file_names import id_of
from synth_dagster.lake.files import write_parquet
from synth_dagster.lake.findings import forget_decisions
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.layout import REJECTS
from synth_dagster.lake.leases import Lease
from synth_dagster.lake.meta_values import Candidate, Release
from synth_dagster.lake.reading import current_rows
from synth_dagster.records import canonical_json


def unfinished(lake: Lake) -> list[str]:
    """The erasures that a kill has cut short, oldest first."""
    rows = lake.meta.database.rows("select erasure from erasures where state <> 'done' order by number")
    return [row["erasure"] for row in rows]


def is_cut_short(lake: Lake) -> bool:
    """Whether an erasure is under way or was killed, or has left word of what it was to do."""
    return bool(unfinished(lake) or journals(lake))


def journals(lake: Lake) -> list[str]:
    """What was to be done, where that is still written down: it names the records."""
    return [entry.name for entry in lake.store.entries("erasures/") if entry.name.endswith("/journal.json")]


class Eraser:
    """One erasure's work on the files of a lake. Every step may be done again."""

    def __init__(self, lake: Lake, erasure: str, doomed: Doomed, lease: Lease) -> None:
        self.lake, self.erasure, self.doomed, self.lease = lake, erasure, doomed, lease
        self.run_id = f"erase-{erasure}"
        self._ever: dict[tuple[str, str], set[str]] = {}

    def rewrite(self, files: Iterable[Stored]) -> None:
        """Put copies in the place of these files, which hold a doomed row. Some may be gone since before a kill."""
        touched: dict[tuple[str, str], list[Stored]] = {}
        for file in files:
            if self.lake.store.entry(file.name) is not None:
                touched.setdefault((file.dataset, file.stem), []).append(file)
        for (dataset, stem), parts in sorted(touched.items()):
            self.lease.check()
            known = self._candidate(stem)
            if known is None:  # of a writer that died before it noted its candidate
                for file in parts:
                    self.lake.store.remove(file.name)
            else:
                self._replace(dataset, known)
        self._rename_inputs()
        self._give_up_releases()
        forget_decisions(self.lake, self.doomed.ids.to_pylist())

    def without(self, dataset: str, table: str, rows: pa.Table) -> pa.Table:
        """The rows that stay."""
        kept = rows.filter(pc.invert(self.doomed.rows(dataset, table, rows)))  # type: ignore[attr-defined]
        if table == VERDICTS and "duplicate_of" in kept.column_names:
            at = kept.column_names.index("duplicate_of")
            is_named = named(kept, self.doomed.ids)
            nulled = pc.if_else(is_named, pa.scalar(None, pa.binary()), kept["duplicate_of"])  # type: ignore[attr-defined]
            kept = kept.set_column(at, kept.schema.field(at), nulled)
        return kept

    def _candidate(self, candidate_id: str) -> Candidate | None:
        rows = self.lake.meta.database.rows("select 1 from candidates where candidate_id = ?", (candidate_id,))
        return self.lake.meta.candidate(candidate_id) if rows else None

    def _replace(self, dataset: str, old: Candidate) -> None:
        """Put a copy without the doomed rows in the place of a version, or remove one that nobody has ever seen."""
        lake, place = self.lake, self.lake.layout.table(dataset, old.stage)
        shown = old.candidate_id in {id_of(file) for file in delta_log.snapshot(place).files}
        if not shown and old.candidate_id not in self._shown_ever(dataset, old.stage):
            self._give_up(old)
            return
        new_id = blake2b(f"{self.erasure}/{old.candidate_id}".encode(), digest_size=16).hexdigest()
        # a file may be gone that a kill has removed already; then its copy is noted
        noted = lake.meta.database.row("select new from erased_versions where old = ?", (old.candidate_id,))
        if noted is None or shown:
            self._copy(old, new_id, shown=shown)
        self._forget(old)

    def _give_up(self, old: Candidate) -> None:
        self.lake.acceptance.restore_rejects(old, self.lake.accepted(old.dataset, old.stage, old.batch))
        self._forget(old)

    def _copy(self, old: Candidate, new_id: str, *, shown: bool) -> None:
        lake = self.lake
        table = self.without(old.dataset, old.stage, lake.candidate_table(old))
        refused = self.without(old.dataset, REJECTS, lake.candidate_rejects(old)) if old.rejected else None
        rejects = refused if refused is not None and refused.num_rows else None
        new = replace(
            old,
            candidate_id=new_id,
            run_id=self.run_id,
            data_version=data_version(table),
            rows=table.num_rows,
            rejected=rejects.num_rows if rejects is not None else 0,
            state="awaiting",
            details=_counted(old, table) | {"erased": old.rows - table.num_rows},
            current=current_rows(table),
            version=None,
        )
        if not shown:
            write_parquet(lake.store, lake.layout.records_file(new), table.drop_columns([old.partition]), ["record_id"])
            if rejects is not None:
                write_parquet(
                    lake.store, lake.layout.rejects_file(new), rejects.drop_columns(["stage", "batch"]), ["reject_id"]
                )
        self._note(old, new)
        if shown:
            self._show(old, new, table, rejects)

    def _show(self, old: Candidate, new: Candidate, table: pa.Table, rejects: pa.Table | None) -> None:
        if self._candidate(new.candidate_id) is None:
            self.lake.acceptance.add(new, table.drop_columns([old.partition]), rejects, ("record_id",))
            gate = self.lake.meta.gate(old.candidate_id)
            if gate is not None:
                self.lake.meta.add_gate(replace(gate, candidate_id=new.candidate_id))  # they ran then, not now
        self.lake.meta.begin_accept(new.candidate_id)
        self.lake.acceptance.commit(self.lake.meta.candidate(new.candidate_id))

    def _note(self, old: Candidate, new: Candidate) -> None:
        self.lake.meta.database.write(
            "insert into erased_versions values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
            (
                *(old.candidate_id, new.candidate_id, self.erasure, old.dataset),
                *(new.rows, new.rejected, old.data_version, new.data_version),
            ),
        )

    def _forget(self, old: Candidate) -> None:
        self.lake.meta.database.write(
            "update candidates set state = 'replaced' where candidate_id = ?", (old.candidate_id,)
        )
        self.lake.layout.remove_files(old)

    def _shown_ever(self, dataset: str, stage: str) -> set[str]:
        if (dataset, stage) not in self._ever:
            self._ever[dataset, stage] = delta_log.ever_added(self.lake.layout.table(dataset, stage))
        return self._ever[dataset, stage]

    def _rename_inputs(self) -> None:
        """What was made from a version counts as made from its copy: nothing is made again, and nothing paid for."""
        database = self.lake.meta.database
        copies = database.rows(
            "select erased_versions.*, stage, batch from erased_versions join candidates on candidate_id = old "
            "where erasure = ?",
            (self.erasure,),
        )
        renamed = {(row["dataset"], row["old_version"]): row["new_version"] for row in copies}
        for dataset in {dataset for dataset, _ in renamed}:
            states = self._renamed_states(dataset, copies)
            for stage in self.lake.stages(dataset):
                for candidate in self.lake.meta.candidates(dataset, stage):
                    inputs = {
                        name: states.get((name, one), renamed.get((dataset, one), one))
                        for name, one in candidate.inputs.items()
                    }
                    if inputs != dict(candidate.inputs):
                        database.write(
                            "update candidates set inputs = ? where candidate_id = ?",
                            (canonical_json(inputs), candidate.candidate_id),
                        )

    def _renamed_states(self, dataset: str, copies: Sequence[Row]) -> dict[tuple[str, str], str]:
        """The same for what was made in view of a whole corpus: input and state -> the state with the copies."""
        found: dict[tuple[str, str], str] = {}
        for stage in sorted({row["stage"] for row in copies if row["dataset"] == dataset}):
            shown = self.lake.accepted_all(dataset, stage)
            now = {batch: version.data_version for batch, version in shown.items()}
            old = {
                row["new"]: row["old_version"] for row in copies if (row["dataset"], row["stage"]) == (dataset, stage)
            }
            before = {batch: old.get(version.candidate_id, now[batch]) for batch, version in shown.items()}
            away = held_of(self.lake, shown)
            found[name_of(stage), state_of(before, away)] = state_of(now, away)
        return found

    # ------------------------------------------------------------------------------------------------------- releases

    def _give_up_releases(self) -> None:
        """Of a release that awaits its gate nothing stays where a version that it was made from was rewritten.

        Its rows may hold nothing that goes while its verdicts do, and a gate that is run alone would publish the rest.
        """
        for row in self.lake.meta.database.rows(
            "select candidate_id from candidates where partition = 'release' and state = 'awaiting'"
        ):
            self.lease.check()
            known = self.lake.meta.candidate(row["candidate_id"])
            waiting = self.lake.awaiting(known.dataset, known.stage, known.batch)
            pins = known.details.get("manifest", {}).get("batches", {}).values()
            if waiting is not None and any(self._repinned(one) != one for one in pins):
                self._give_up(waiting)

    def touched_releases(self) -> list[Release]:
        """The releases that held an erased record, by dataset and age."""
        rows = self.lake.meta.database.rows(
            "select distinct candidates.dataset, batch from erased_versions join candidates "
            "on candidates.candidate_id = old where erasure = ? and partition = 'release'",
            (self.erasure,),
        )
        held = {(row["dataset"], row["batch"]) for row in rows}
        datasets = sorted({dataset for dataset, _ in held})
        known = (one for dataset in datasets for one in self.lake.meta.releases(dataset))
        return [one for one in known if (one.dataset, one.release) in held]

    def withdraw(self) -> list[tuple[Release, Release | None]]:
        """Withdraw the releases that held an erased record; each with its successor, if it was not withdrawn before."""
        found: list[tuple[Release, Release | None]] = []
        for release in self.touched_releases():
            there = [
                one
                for one in self.lake.meta.releases(release.dataset)
                if one.manifest.get("successor_of") == release.release and one.manifest.get("erasure") == self.erasure
            ]
            if not there and release.state == "accepted":
                there = [self._successor(release)]
            self.lake.meta.database.write(
                "update releases set state = 'withdrawn' where dataset = ? and release = ?",
                (release.dataset, release.release),
            )
            found.append((release, there[0] if there else None))
        self._forget_held()
        return found

    def _successor(self, release: Release) -> Release:
        """The release without what was erased, under the next name: decided by the same rules, at the same time."""
        lake, name = self.lake, self.lake.meta.next_release_name(release.dataset)
        manifest = self._manifest(release, name)
        made: dict[str, Candidate] = {}
        for stage in (VERDICTS, release.manifest.get("table")):
            old = lake.accepted(release.dataset, stage, release.release) if stage else None
            if old is not None:
                made[old.stage] = self._renamed(old, name, manifest)
        rows = made.get(str(release.manifest.get("table"))) or made[VERDICTS]
        counted = made[VERDICTS].details.get("verdicts") if VERDICTS in made else rows.details.get("verdicts")
        return lake.meta.add_release(
            replace(
                release,
                release=name,
                identity=manifest["identity"],
                data_version=rows.data_version,
                manifest=manifest | {"verdicts": counted, "tokens": self._tokens(made.get(VERDICTS))},
                records=rows.rows,
                run_id=self.run_id,
                created_at=0.0,
                state="accepted",
            )
        )

    def _tokens(self, verdicts: Candidate | None) -> int | None:
        if verdicts is None:
            return None
        rows = self.lake.candidate_table(verdicts, columns=["verdict", "tokens"])
        return pc.sum(rows.filter(pc.field("verdict") == "kept")["tokens"]).as_py() or 0  # type: ignore[attr-defined]

    def _manifest(self, release: Release, name: str) -> dict[str, Any]:
        batches = {batch: self._repinned(pins) for batch, pins in release.manifest.get("batches", {}).items()}
        of = {"successor_of": release.release, "erasure": self.erasure, "release": name, "batches": batches}
        identity = blake2b(f"{release.identity}/{self.erasure}".encode(), digest_size=16).hexdigest()
        return dict(release.manifest) | of | {"identity": identity}

    def _repinned(self, pins: Mapping[str, Any]) -> dict[str, Any]:
        """The versions that were read of a batch, those that were rewritten by their copies, and what was held back."""
        found = self._without_held(pins)
        for what, version in (("records", "data_version"), ("signals", "signals_version")):
            if pins.get(what):
                copy = standing(self.lake, pins[what])
                found |= {what: copy.candidate_id, version: copy.data_version}
        return found

    def _without_held(self, pins: Mapping[str, Any]) -> dict[str, Any]:
        """The same without the erased among the records that a guard held back: their ids stand there as keys."""
        held = pins.get("held", {})
        if not held:
            return dict(pins)
        ids = pa.array([bytes.fromhex(one) for one in held], pa.binary())
        stays = pc.invert(pc.is_in(ids, value_set=self.doomed.ids)).to_pylist()  # type: ignore[attr-defined]
        kept = {one: why for (one, why), is_kept in zip(held.items(), stays, strict=True) if is_kept}
        others = {name: value for name, value in pins.items() if name != "held"}
        return others | ({"held": kept} if kept else {})

    def _forget_held(self) -> None:
        """No release, withdrawn or waiting, names an erased record among those that were held back."""
        database, holds = self.lake.meta.database, ('%"held":{%',)
        for row in database.rows("select dataset, release, manifest from releases where manifest like ?", holds):
            told = canonical_json(self._forgetful(json.loads(row["manifest"])))
            if told != row["manifest"]:
                database.write(
                    "update releases set manifest = ? where dataset = ? and release = ?",
                    (told, row["dataset"], row["release"]),
                )
        for row in database.rows("select candidate_id, details from candidates where details like ?", holds):
            details = json.loads(row["details"])
            if "manifest" not in details:
                continue
            told = canonical_json(details | {"manifest": self._forgetful(details["manifest"])})
            if told != row["details"]:
                where = (told, row["candidate_id"])
                database.write("update candidates set details = ? where candidate_id = ?", where)

    def _forgetful(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        batches = {batch: self._without_held(pins) for batch, pins in manifest.get("batches", {}).items()}
        return dict(manifest) | {"batches": batches}

    def _renamed(self, old: Candidate, name: str, manifest: Mapping[str, Any]) -> Candidate:
        lake = self.lake
        table = lake.candidate_table(old)
        at = table.column_names.index("release")
        table = table.set_column(at, "release", pa.array([name] * table.num_rows, pa.string()))
        new_id = blake2b(f"{self.erasure}/{old.candidate_id}/{name}".encode(), digest_size=16).hexdigest()
        new = replace(
            old,
            candidate_id=new_id,
            batch=name,
            run_id=self.run_id,
            data_version=data_version(table),
            state="awaiting",
            details=dict(old.details) | {"manifest": manifest},
            version=None,
        )
        self._show(old, new, table, None)
        return lake.meta.candidate(new_id)


def standing(lake: Lake, candidate_id: str) -> Candidate:
    """What stands in the place of a version: the copy that the last of several erasures has left, or itself."""
    while row := lake.meta.database.row("select new from erased_versions where old = ?", (candidate_id,)):
        candidate_id = row["new"]
    return _version(lake, candidate_id)


def _version(lake: Lake, candidate_id: str) -> Candidate:
    """A version, also a copy that no table shows: it has its note, and is else what it was made from."""
    note = lake.meta.database.row(
        "select * from erased_versions where new = ? and new not in (select candidate_id from candidates)",
        (candidate_id,),
    )
    if note is None:
        return lake.meta.candidate(candidate_id)
    counts = {name: note[name] for name in ("rows", "rejected")}
    return replace(_version(lake, note["old"]), candidate_id=candidate_id, data_version=note["new_version"], **counts)


def _counted(old: Candidate, table: pa.Table) -> dict[str, Any]:
    """The details of a version, with what they count counted again where the rows can tell it."""
    details = dict(old.details)
    names = table.column_names
    if "status" in details and "status" in names:
        details["status"] = _counts(table["status"])
    if "methods" in details and "status" in names:
        details["methods"] = _counts(table.filter(pc.field("status") == "current")["method"])
    if "reasons" in details and "status" in names:
        details["reasons"] = _counts(table.filter(pc.field("status") == "eliminated")["reason"])
    if "verdicts" in details and old.stage == VERDICTS:
        dropped = _counts(table["reason"])
        details["verdicts"] = {"kept": table["reason"].null_count, "dropped": dropped}
    return details


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    counted = column.drop_null().value_counts().to_pylist()
    return {one["values"]: one["counts"] for one in sorted(counted, key=lambda one: one["values"])}
