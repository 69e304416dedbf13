"""The lake: every dataset's tables, what was accepted into them, and what still awaits its gate.

A stage writes a batch as a *candidate*: Parquet in the table's folder that no commit names, so no reader sees it.
Accepting it is one metadata-only Delta commit that puts its files in place of the batch's old ones (`acceptance.py`).
What a table shows is therefore what was accepted, for every reader (`views.py`).

The files lie in a folder or in a bucket. Files of records are never replaced, so those of a bucket are read as copies
on this machine, and everything that reads finds local files in both cases.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from synth_dagster.errors import LakeError
from synth_dagster.lake import delta_log
from synth_dagster.lake.acceptance import Acceptance
from synth_dagster.lake.canonical import data_version
from synth_dagster.lake.layout import REJECTS, Layout
from synth_dagster.lake.leases import Kind, Lease, Leases
from synth_dagster.lake.ledger import LakeLedger
from synth_dagster.lake.meta import Meta
from synth_dagster.lake.meta_values import Candidate
from synth_dagster.lake.reading import current_rows, filled, read_file, with_all
from synth_dagster.lake.sessions import Sessions
from synth_dagster.lake.sweeping import DAY, sweep
from synth_dagster.lake.views import Views
from synth_dagster.record_tables import REJECT
from synth_dagster.storage import S3Options, Store, is_bucket, open_store


class Lake(Views):
    """Tables, metadata and leases under one root folder."""

    def __init__(self, store: Store, metadata: str | Path) -> None:
        super().__init__(Layout(store), Meta(metadata, store))
        self.store = store
        self.acceptance = Acceptance(self.layout, self.meta)
        self.sessions = Sessions(self.meta.database)
        self._leases = Leases(self.meta.database)

    @classmethod
    def open(cls, root: str | Path, *, metadata: str | Path | None = None, s3: S3Options | None = None) -> "Lake":
        """Open the lake in a folder, which is made when there is none, or under `s3://bucket/prefix`.

        Its metadata stands in a SQLite file, `meta.sqlite` in that folder unless another is named, or at a Postgres
        URL. Raises StorageError for a bucket that cannot be used or is not safe to commit to.
        """
        store = open_store(root, s3)
        if metadata is None and is_bucket(root):
            raise LakeError(
                f"The lake {root} is in a bucket, where its metadata cannot be. Set SYNTH_METADATA to the URL of a "
                "Postgres database, or to a file of this machine if no other machine writes to the lake."
            )
        store.prepare()
        return cls(store, metadata or store.folder / "meta.sqlite")

    @cached_property
    def spending(self) -> LakeLedger:
        """What teachers have spent and hold, for all who work on this lake."""
        return LakeLedger(self.meta.database)

    def lease(
        self, name: str, kind: Kind = "shared", *, wait_s: float = 600, ttl_s: float = 60
    ) -> AbstractContextManager[Lease]:
        """Hold `batch/<dataset>/<stage>/<batch>` or `lake` for the length of a block."""
        return self._leases.hold(name, kind, wait_s=wait_s, ttl_s=ttl_s)

    def leases_held(self, beginning: str) -> set[str]:
        """The names of leases with this beginning that somebody holds."""
        return self._leases.held(beginning)

    def keeps_leases(self) -> bool:
        """Whether this process holds some, and has lost none of them."""
        return self._leases.are_kept()

    def let_erasures_end(self) -> None:
        """Wait for an erasure that is at work: called with a lease on what is read next, so that the next one waits."""
        with self.lease("lake"):
            pass

    def telling(self, dataset: str) -> AbstractContextManager[Lease]:
        """Hold off erasures while records are read and written to where an erasure looks: into a page, an export."""
        return self.lease(f"telling/{dataset}")

    # --------------------------------------------------------------------------------------------------- candidates

    def write_candidate(
        self,
        dataset: str,
        stage: str,
        batch: str,
        records: pa.Table,
        *,
        rejects: pa.Table | None,
        run_id: str,
        session_id: str,
        code_version: str,
        inputs: Mapping[str, str],
        recipe_hash: str,
        details: Mapping[str, Any],
        partition: str = "batch",
        sort_by: Sequence[str] = ("record_id",),
    ) -> Candidate:
        """Write a batch that readers do not see yet. An undecided older candidate of the batch gives way to it."""
        candidate_id = uuid4().hex
        table = self.layout.conformed(dataset, stage, filled(records, {partition: batch}), (partition,))
        refused = self.layout.conformed_rejects(dataset, stage, batch, rejects)
        candidate = Candidate(
            candidate_id=candidate_id,
            dataset=dataset,
            stage=stage,
            batch=batch,
            run_id=run_id,
            session_id=session_id,
            code_version=code_version,
            inputs=dict(inputs),
            recipe_hash=recipe_hash,
            data_version=data_version(table, sort_by),
            rows=table.num_rows,
            rejected=refused.num_rows if refused is not None else 0,
            state="awaiting",
            created_at=time.time(),
            details=dict(details),
            partition=partition,
            current=current_rows(table),
        )
        with self.lease("lake"):
            self.acceptance.refuse_erased(table, refused, f"{dataset}/{stage}/{batch}")
            return self.acceptance.add(candidate, table.drop_columns([partition]), refused, sort_by)

    def awaiting(self, dataset: str, stage: str, batch: str) -> Candidate | None:
        """The candidate of a batch that no gate has decided on."""
        accepted = self.accepted(dataset, stage, batch)
        waiting = self.meta.awaiting(dataset, stage, batch)
        return None if waiting and accepted and waiting.candidate_id == accepted.candidate_id else waiting

    def accepted(self, dataset: str, stage: str, batch: str) -> Candidate | None:
        """The version of a batch that readers see: the candidate whose file the table shows."""
        return self.acceptance.accepted(dataset, stage, batch)

    def accepted_all(self, dataset: str, stage: str) -> dict[str, Candidate]:
        """The accepted version of every batch of a stage, by batch."""
        return self.acceptance.accepted_all(dataset, stage)

    def candidate_table(self, candidate: Candidate, columns: Sequence[str] | None = None) -> pa.Table:
        """The records of a candidate, accepted or not."""
        path = self.layout.local(candidate, self.layout.records_file(candidate))
        of_folder = {candidate.partition: candidate.batch}
        names = self.candidate_columns(candidate) if columns is None else list(columns)
        return read_file(path, names, of_folder)

    def candidate_columns(self, candidate: Candidate) -> list[str]:
        """The names of its columns, without its records."""
        path = self.layout.local(candidate, self.layout.records_file(candidate))
        return [*pq.read_schema(path).names, candidate.partition]

    def file_of(self, candidate: Candidate) -> str:
        """Where the records of a candidate stand in the store."""
        return self.layout.records_file(candidate)

    def candidate_rejects(self, candidate: Candidate) -> pa.Table:
        """What became no record when a candidate was made."""
        if not candidate.rejected:
            return REJECT.empty_table()
        path = self.layout.local(candidate, self.layout.rejects_file(candidate))
        there = pq.read_schema(path).names
        names = [name for name in REJECT.names if name in {*there, "stage", "batch"}]
        return with_all(read_file(path, names, {"stage": candidate.stage, "batch": candidate.batch}), REJECT)

    def accept(self, candidate: Candidate) -> int:
        """Make a candidate the version that everybody reads; the version of the table that shows it. Twice is once."""
        with self.lease("lake") as lease, self.acceptance.room_for(candidate):
            active = self.accepted(candidate.dataset, candidate.stage, candidate.batch)
            if active and active.candidate_id == candidate.candidate_id and active.version is not None:
                return active.version
            self.meta.begin_accept(candidate.candidate_id)
            lease.check()
            return self.acceptance.commit(self.meta.candidate(candidate.candidate_id))

    def refuse(self, candidate: Candidate) -> None:
        """The gate has said no. The files stay, for its examples, until the next candidate of the batch is written."""
        active = self.accepted(candidate.dataset, candidate.stage, candidate.batch)
        if active and active.candidate_id == candidate.candidate_id:
            return  # readers see it already: what blocks is the gate that was recorded
        self.meta.refuse(candidate.candidate_id)
        self.acceptance.restore_rejects(candidate, active)

    def retire(self, dataset: str, stage: str, batch: str, run_id: str) -> int | None:
        """Take a batch out of its table, as when a delivery has shrunk; the version without it."""
        path = self.layout.table(dataset, stage)
        if not delta_log.exists(path):
            return None
        with self.lease("lake"):
            self.accepted(dataset, stage, batch)  # heals
            for dropped in self.meta.drop_undecided(dataset, stage, batch):
                self.layout.remove_files(dropped)
            (column,) = delta_log.snapshot(path).partition_by
            metadata = {"run_id": run_id, "commit_id": f"retire-{uuid4().hex}"}
            if delta_log.exists(self.layout.table(dataset, REJECTS)):
                version = self.acceptance.commit_files(dataset, REJECTS, {"stage": stage, "batch": batch}, {}, metadata)
                self.meta.add_version(run_id, dataset, REJECTS, version)
            version = self.acceptance.commit_files(dataset, stage, {column: batch}, {}, metadata)
            self.meta.add_version(run_id, dataset, stage, version)
            return version

    # ------------------------------------------------------------------------------------------------------- reading

    def counts(self, dataset: str) -> dict[str, tuple[int, int, int]]:
        """Per stage: current records, batches, version of the table. No file of records is opened."""
        found: dict[str, tuple[int, int, int]] = {}
        for stage in self.stages(dataset):
            shown = self.accepted_all(dataset, stage)
            version = delta_log.snapshot(self.layout.table(dataset, stage)).version
            found[stage] = (sum(candidate.current for candidate in shown.values()), len(shown), version)
        return found

    # -------------------------------------------------------------------------------------------------- other things

    def save_preview(self, name: str, html: str) -> str:
        """Keep a page under `previews/`, where record text may stand; what to link to."""
        return self.save_page(f"previews/{quote(name.removesuffix('.html'), safe='')}.html", html)

    def save_page(self, name: str, text: str) -> str:
        """Keep a page for people, in place of the one of that name; what to link to."""
        page = text.encode()
        self.store.write(name, lambda file: file.write(page), needed=len(page))
        return self.store.link(name)

    def sweep(self, *, older_than_s: float = DAY) -> list[str]:
        """Remove what dead writers and decided candidates left behind; the names of the files that were removed.

        A file that any version of a table has shown is not touched, nor is one of a candidate that awaits its gate.
        """
        return sweep(self.layout, self.meta, older_than_s=older_than_s)
