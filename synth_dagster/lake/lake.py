"""The lake: every dataset's tables, what was accepted into them, and what still awaits its gate.

A stage writes a batch as a *candidate*: Parquet in the table's folder that no commit names, so no reader sees it.
Accepting it is one metadata-only Delta commit that puts its files in place of the batch's old ones. What a table shows
is therefore what was accepted, for every reader, and the Delta log is the truth about it: after a kill between the
commit and the note in the metadata store, the note is made when somebody next asks.

The files lie in a folder or in a bucket. Files of records are never replaced, so those of a bucket are read as copies
on this machine, and everything that reads finds local files in both cases.
"""

import re
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.errors import LakeError, UnknownName
from synth_dagster.lake import query, tables
from synth_dagster.lake.canonical import data_version
from synth_dagster.lake.file_names import id_of, is_data, is_stray
from synth_dagster.lake.files import conform, plain_type, write_parquet
from synth_dagster.lake.leases import Kind, Lease, Leases
from synth_dagster.lake.ledger import LakeLedger
from synth_dagster.lake.meta import Candidate, Meta
from synth_dagster.lake.reading import (
    current_rows,
    filled,
    first_rows,
    read_file,
    rows_at_a_time,
    stream_files,
    where_sql,
    with_all,
)
from synth_dagster.lake.tombstones import Tombstones
from synth_dagster.records import REJECT
from synth_dagster.storage import NotThere, S3Options, Store, disk_full, is_bucket, open_store
from synth_dagster.storage.folder import FULL

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

REJECTS = "rejects"
NAME = re.compile(r"^[a-z][a-z0-9_]*$")
NOT_DATASETS = frozenset(
    {"derived", "duplicates", "erasures", "models", "previews", "recipes", "releases", "reports", "scratch"}
)
DAY = 86_400.0


class Lake:
    """Tables, metadata and leases under one root folder."""

    def __init__(self, store: Store, metadata: str | Path) -> None:
        self.store = store
        self.meta = Meta(metadata, store)
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
        table = self._conformed(dataset, stage, filled(records, {partition: batch}), (partition,))
        refused = self._rejects_of(dataset, stage, batch, rejects)
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
            self._refuse_erased(table, refused, f"{dataset}/{stage}/{batch}")
            return self._add_candidate(candidate, table.drop_columns([partition]), refused, sort_by)

    def awaiting(self, dataset: str, stage: str, batch: str) -> Candidate | None:
        """The candidate of a batch that no gate has decided on."""
        accepted = self.accepted(dataset, stage, batch)
        waiting = self.meta.awaiting(dataset, stage, batch)
        return None if waiting and accepted and waiting.candidate_id == accepted.candidate_id else waiting

    def accepted(self, dataset: str, stage: str, batch: str) -> Candidate | None:
        """The version of a batch that readers see: the candidate whose file the table shows."""
        shown = tables.shown(self._table(dataset, stage))
        files = shown.files_of((batch,)) if shown else ()
        return self._healed(self.meta.candidate(id_of(files[0]))) if files else None

    def accepted_all(self, dataset: str, stage: str) -> dict[str, Candidate]:
        """The accepted version of every batch of a stage, by batch."""
        shown = tables.shown(self._table(dataset, stage))
        if shown is None:
            return {}
        known = {candidate.candidate_id: candidate for candidate in self.meta.candidates(dataset, stage)}
        return {
            file.partition[0]: self._healed(known.get(id_of(file)) or self.meta.candidate(id_of(file)))
            for file in shown.files
        }

    def candidate_table(self, candidate: Candidate, columns: Sequence[str] | None = None) -> pa.Table:
        """The records of a candidate, accepted or not."""
        path = self._local(candidate, self._records_file(candidate))
        of_folder = {candidate.partition: candidate.batch}
        names = [*pq.read_schema(path).names, *of_folder] if columns is None else list(columns)
        return read_file(path, names, of_folder)

    def file_of(self, candidate: Candidate) -> str:
        """Where the records of a candidate stand in the store."""
        return self._records_file(candidate)

    def candidate_rejects(self, candidate: Candidate) -> pa.Table:
        """What became no record when a candidate was made."""
        if not candidate.rejected:
            return REJECT.empty_table()
        path = self._local(candidate, self._rejects_file(candidate))
        there = pq.read_schema(path).names
        names = [name for name in REJECT.names if name in {*there, "stage", "batch"}]
        return with_all(read_file(path, names, {"stage": candidate.stage, "batch": candidate.batch}), REJECT)

    def accept(self, candidate: Candidate) -> int:
        """Make a candidate the version that everybody reads; the version of the table that shows it. Twice is once."""
        with self.lease("lake") as lease, self._room_for(candidate):
            active = self.accepted(candidate.dataset, candidate.stage, candidate.batch)
            if active and active.candidate_id == candidate.candidate_id and active.version is not None:
                return active.version
            self.meta.begin_accept(candidate.candidate_id)
            lease.check()
            return self._commit(self.meta.candidate(candidate.candidate_id))

    def refuse(self, candidate: Candidate) -> None:
        """The gate has said no. The files stay, for its examples, until the next candidate of the batch is written."""
        active = self.accepted(candidate.dataset, candidate.stage, candidate.batch)
        if active and active.candidate_id == candidate.candidate_id:
            return  # readers see it already: what blocks is the gate that was recorded
        self.meta.refuse(candidate.candidate_id)
        self._restore_rejects(candidate, active)

    def retire(self, dataset: str, stage: str, batch: str, run_id: str) -> int | None:
        """Take a batch out of its table, as when a delivery has shrunk; the version without it."""
        path = self._table(dataset, stage)
        if not tables.exists(path):
            return None
        with self.lease("lake"):
            self.accepted(dataset, stage, batch)  # heals
            for dropped in self.meta.drop_undecided(dataset, stage, batch):
                self._remove_files(dropped)
            (column,) = tables.snapshot(path).partition_by
            metadata = {"run_id": run_id, "commit_id": f"retire-{uuid4().hex}"}
            if tables.exists(self._table(dataset, REJECTS)):
                version = self._commit_files(dataset, REJECTS, {"stage": stage, "batch": batch}, {}, metadata)
                self.meta.add_version(run_id, dataset, REJECTS, version)
            version = self._commit_files(dataset, stage, {column: batch}, {}, metadata)
            self.meta.add_version(run_id, dataset, stage, version)
            return version

    # ------------------------------------------------------------------------------------------------------- reading

    def connect(
        self,
        dataset: str,
        *,
        as_of: str | None = None,
        stages: Sequence[str] | None = None,
        sealed: bool = False,
    ) -> "DuckDBPyConnection":
        """A DuckDB in memory with a view for each table of a dataset, as they are now or as a run left them.

        `sealed` closes it to everything outside the dataset, for SQL that somebody else wrote.
        """
        with ExitStack() as until_closed:
            until_closed.enter_context(self.store.hold())
            views = self._views(dataset, as_of, stages)
            connection = query.open_views(
                {name: (place.local_all(shown.files), shown) for name, (place, shown) in views.items()}
            )
            if sealed:
                query.seal(connection, [self.store.folder / dataset])
            weakref.finalize(connection, until_closed.pop_all().close)
            return connection

    def read(
        self,
        dataset: str,
        stage: str,
        *,
        batches: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        as_of: str | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """The accepted records of a stage, by batch and record id. `where` is a condition in SQL."""
        place, shown = self._one(dataset, stage, as_of)
        names = query.columns_of(shown.schema, columns)
        schema = pa.schema([shown.schema.field(name) for name in names])
        if where is not None:
            condition = query.where_only(where)
            sql = where_sql(stage, shown, names, where=condition, batches=batches, limit=limit)
            about = f"The condition cannot be used on {dataset}/{stage}"
            return self._answer(dataset, [stage], as_of, sql, about=about).cast(schema)
        parts = first_rows(stream_files(place, shown, names, batches, rows_at_a_time(limit)), limit)
        return pa.Table.from_batches(list(parts), schema)

    def select(self, dataset: str, sql: str, *, as_of: str | None = None, limit: int | None = None) -> pa.Table:
        """What one SELECT over the tables of a dataset says, its first rows. Raises LakeError for any other SQL."""
        only = query.select_only(sql, self.table_names(dataset))
        return self._answer(dataset, None, as_of, only, limit=limit, about=f"This SQL cannot be used on '{dataset}'")

    def stream(
        self,
        dataset: str,
        stage: str,
        *,
        batches: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        as_of: str | None = None,
        rows: int = 10_000,
    ) -> Iterator[pa.RecordBatch]:
        """The accepted records of a stage in the order of `read`, a few at a time."""
        place, shown = self._one(dataset, stage, as_of)
        yield from stream_files(place, shown, query.columns_of(shown.schema, columns), batches, rows)

    def datasets(self) -> list[str]:
        """The datasets that have tables."""
        return [name for name in self.store.folders() if name not in NOT_DATASETS and self.stages(name)]

    def stages(self, dataset: str) -> list[str]:
        """The stages of a dataset that have a table."""
        return [name for name in self.table_names(dataset) if name != REJECTS]

    def table_names(self, dataset: str) -> list[str]:
        """All tables of a dataset: its stages, and what became no record."""
        there = [name for name in self.store.folders(f"{dataset}/") if NAME.match(name)] if NAME.match(dataset) else []
        return [name for name in there if tables.exists(self._table(dataset, name))]

    def counts(self, dataset: str) -> dict[str, tuple[int, int, int]]:
        """Per stage: current records, batches, version of the table. No file of records is opened."""
        found: dict[str, tuple[int, int, int]] = {}
        for stage in self.stages(dataset):
            shown = self.accepted_all(dataset, stage)
            version = tables.snapshot(self._table(dataset, stage)).version
            found[stage] = (sum(candidate.current for candidate in shown.values()), len(shown), version)
        return found

    def snapshot(self, dataset: str, stage: str) -> tuple[tables.Place, tables.Snapshot]:
        """Where a table lies and what it shows: its version, its columns and its files."""
        return self._one(dataset, stage, None)

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
        before = time.time() - older_than_s
        removed = self.store.remove_unfinished(before)
        for dataset in self.datasets():
            for name in self.table_names(dataset):
                removed += self._sweep_table(dataset, name, before)
        return removed

    # ------------------------------------------------------------------------------------------------------- accepting

    def _refuse_erased(self, table: pa.Table, rejects: pa.Table | None, where: str) -> None:
        """No batch brings back what was erased: a run may have read it before."""
        tombstones = Tombstones(self.meta.database)
        if not tombstones:
            return
        ids = set(rejects["record_id"].drop_null().to_pylist()) if rejects is not None else set[bytes]()
        if "record_id" in table.column_names:
            ids.update(table["record_id"].to_pylist())
        if "parents" in table.column_names:
            ids.update(pc.list_flatten(table["parents"]).combine_chunks().field("record_id").to_pylist())  # type: ignore[attr-defined]
        returned = sum(tombstones.has_record(one) for one in ids)
        if returned:
            raise LakeError(
                f"The batch {where} holds or is made from {returned} records that were erased since it was begun. "
                "Nothing was written. Run 'synth run' again: it reads what is there now."
            )

    def _add_candidate(
        self, candidate: Candidate, records: pa.Table, rejects: pa.Table | None, sort_by: Sequence[str]
    ) -> Candidate:
        """The files first, then the note: a kill in between leaves files that `sweep` finds."""
        try:
            write_parquet(self.store, self._records_file(candidate), records, sort_by)
            if rejects is not None:
                refused = rejects.drop_columns(["stage", "batch"])
                write_parquet(self.store, self._rejects_file(candidate), refused, ["reject_id"])
            # heals an accept that was killed, before its candidate is given up
            self.accepted(candidate.dataset, candidate.stage, candidate.batch)
            added, replaced = self.meta.add_candidate(candidate)
        except BaseException:
            self._remove_files(candidate)
            raise
        for old in replaced:
            self._remove_files(old)
        return added

    def _commit(self, candidate: Candidate) -> int:
        """Rejects first, then records: the second commit is what makes the candidate the accepted one."""
        self._fit_columns(candidate)
        versions: dict[str, int] = {}
        if tables.exists(self._table(candidate.dataset, REJECTS)):
            versions[REJECTS] = self._commit_rejects(candidate)
        versions[candidate.stage] = self._commit_files(
            candidate.dataset,
            candidate.stage,
            {candidate.partition: candidate.batch},
            self._files(self._records_file(candidate), candidate.rows),
            _metadata(candidate),
            candidate=candidate,
        )
        self.meta.finish_accept(candidate, versions)
        return versions[candidate.stage]

    def _commit_rejects(self, candidate: Candidate) -> int:
        files = self._rejects_files(candidate)
        place = {"stage": candidate.stage, "batch": candidate.batch}
        return self._commit_files(candidate.dataset, REJECTS, place, files, _metadata(candidate), candidate=candidate)

    def _commit_files(
        self,
        dataset: str,
        table: str,
        place: Mapping[str, str],
        files: Mapping[str, int],
        metadata: Mapping[str, str],
        *,
        candidate: Candidate | None = None,
    ) -> int:
        def may_replace(there: tuple[tables.DataFile, ...]) -> None:
            for other in (self.meta.candidate(id_of(file)) for file in there):
                if candidate and other.number > candidate.number:
                    raise LakeError(
                        f"A newer version of {dataset}/{table}/{'/'.join(place.values())} is accepted already, made by "
                        f"the run {other.run_id}. To go back, make the batch again."
                    )

        return tables.replace_partition(
            self._table(dataset, table), place, files, metadata=metadata, may_replace=may_replace
        )

    def _files(self, name: str, rows: int) -> dict[str, int]:
        """A file as its table names it, and how many rows it has."""
        _, _, file = name.split("/", 2)
        return {file: rows}

    def _rejects_files(self, candidate: Candidate | None) -> dict[str, int]:
        rejected = candidate and candidate.rejected
        return self._files(self._rejects_file(candidate), rejected) if candidate and rejected else {}

    def _fit_columns(self, candidate: Candidate) -> None:
        """New columns join the table with the first batch that has them."""
        place = self._table(candidate.dataset, candidate.stage)
        own = pq.read_schema(self._local(candidate, self._records_file(candidate)))
        known = tables.snapshot(place).schema
        new = [field for field in own if field.name not in known.names]
        if new:
            tables.add_columns(place, new)
            known = tables.snapshot(place).schema
        conform(own.empty_table(), known, f"{candidate.dataset}/{candidate.stage}")
        for field in own:
            if plain_type(known.field(field.name).type) != plain_type(field.type):
                raise LakeError(
                    f"Another batch has made the column '{field.name}' of {candidate.dataset}/{candidate.stage} a "
                    f"{known.field(field.name).type}; here it is a {field.type}. Make the batch again."
                )

    def _restore_rejects(self, candidate: Candidate, active: Candidate | None) -> None:
        """An accept that was killed half-way has shown rejects of what is now refused: show the accepted ones again."""
        shown = tables.shown(self._table(candidate.dataset, REJECTS))
        files = shown.files_of((candidate.stage, candidate.batch)) if shown else ()
        if any(id_of(file) == candidate.candidate_id for file in files):
            old = self._rejects_files(active)
            place = {"stage": candidate.stage, "batch": candidate.batch}
            metadata = {"run_id": candidate.run_id, "commit_id": f"refuse-{uuid4().hex}"}
            self._commit_files(candidate.dataset, REJECTS, place, old, metadata)

    def _healed(self, candidate: Candidate) -> Candidate:
        """Note what the table shows, when the one who made it show that was killed before it could."""
        if candidate.state == "accepted":
            return candidate
        name, place = self._records_file(candidate), self._table(candidate.dataset, candidate.stage)
        versions = {candidate.stage: tables.version_that_added(place, name)}
        if candidate.rejected:
            rejects = self._table(candidate.dataset, REJECTS)
            versions[REJECTS] = tables.version_that_added(rejects, self._rejects_file(candidate))
        self.meta.finish_accept(candidate, versions)
        return replace(candidate, state="accepted", version=versions[candidate.stage])

    @contextmanager
    def _room_for(self, candidate: Candidate) -> Iterator[None]:
        """A full disk, said by whichever layer met it."""
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (OSError, DeltaError) as error:
            if getattr(error, "errno", None) in FULL or "No space left" in str(error) or "too large" in str(error):
                raise disk_full(self.store.folder, 65_536) from error
            raise

    # ------------------------------------------------------------------------------------------------------ the layout

    def _table(self, dataset: str, name: str) -> tables.Place:
        for word in (dataset, name):
            if not NAME.match(word) or (word == dataset and word in NOT_DATASETS):
                raise LakeError(f"'{word}' cannot name a dataset or stage: use a-z, 0-9 and _, a letter first.")
        return tables.Place.of(self.store, f"{dataset}/{name}")

    def _records_file(self, candidate: Candidate) -> str:
        folder = tables.partition_folder({candidate.partition: candidate.batch})
        return f"{self._table(candidate.dataset, candidate.stage).name}/{folder}/{candidate.candidate_id}.parquet"

    def _rejects_file(self, candidate: Candidate) -> str:
        folder = tables.partition_folder({"stage": candidate.stage, "batch": candidate.batch})
        return f"{self._table(candidate.dataset, REJECTS).name}/{folder}/{candidate.candidate_id}.parquet"

    def _local(self, candidate: Candidate, name: str) -> Path:
        """A file of a candidate on this machine."""
        try:
            return self.store.local(name)
        except NotThere as error:
            raise LakeError(
                f"The files of the candidate {candidate.candidate_id} are gone. Make the batch again."
            ) from error

    def _remove_files(self, candidate: Candidate) -> None:
        self.store.remove(self._records_file(candidate))
        self.store.remove(self._rejects_file(candidate))

    def _conformed(self, dataset: str, stage: str, table: pa.Table, partition_by: Sequence[str]) -> pa.Table:
        """The table in the types of where it goes; that is made when it is not there."""
        place, where = self._table(dataset, stage), f"{dataset}/{stage}"
        if tables.shown(place) is None:
            table = conform(table, None, where)
            tables.ensure(place, table.schema, partition_by)
        tables.migrate(place)
        shown = tables.snapshot(place)
        if shown.partition_by != tuple(partition_by):
            raise LakeError(f"{where} is partitioned by {shown.partition_by}, not by {tuple(partition_by)}.")
        return conform(table, shown.schema, where)

    def _rejects_of(self, dataset: str, stage: str, batch: str, rejects: pa.Table | None) -> pa.Table | None:
        if rejects is None or not rejects.num_rows:
            return None
        table = filled(with_all(rejects, REJECT), {"stage": stage, "batch": batch})
        fitted = self._conformed(dataset, REJECTS, table, ("stage", "batch"))
        place = self._table(dataset, REJECTS)
        known = tables.snapshot(place).schema.names
        if new := [field for field in fitted.schema if field.name not in known]:
            tables.add_columns(place, new)  # one of before
        return fitted

    def _views(
        self, dataset: str, as_of: str | None, stages: Sequence[str] | None
    ) -> dict[str, tuple[tables.Place, tables.Snapshot]]:
        there = self.table_names(dataset)
        for stage in stages or ():
            if stage not in there:
                raise UnknownName(f"stage of {dataset} with a table", stage, there)
        versions = None if as_of is None else self.meta.versions_as_of(dataset, as_of)
        found: dict[str, tuple[tables.Place, tables.Snapshot]] = {}
        for name in there if stages is None else stages:
            place = self._table(dataset, name)
            # a table that no run had changed by then was empty: version 0
            shown = tables.snapshot(place, None if versions is None else versions.get(name, 0))
            found[name] = place, shown if versions is None else self._without_erased(name, shown)
        return found

    def _without_erased(self, table: str, shown: tables.Snapshot) -> tables.Snapshot:
        """An old version with the copies that an erasure has left in the place of its files."""
        rows = self.meta.database.rows("select * from erased_versions")
        copies = {row["old"]: row for row in rows}
        files: list[tables.DataFile] = []
        for file in shown.files:
            stem, count = id_of(file), file.rows
            while stem in copies:
                copy = copies[stem]
                stem, count = copy["new"], copy["rejected" if table == REJECTS else "rows"]
            path = PurePosixPath(file.path).with_name(f"{stem}.parquet").as_posix()
            if table != REJECTS or count:
                files.append(replace(file, path=path, rows=count))
        return replace(shown, files=tuple(files)) if copies else shown

    def _one(self, dataset: str, stage: str, as_of: str | None) -> tuple[tables.Place, tables.Snapshot]:
        return self._views(dataset, as_of, [stage])[stage]

    def _answer(
        self,
        dataset: str,
        stages: Sequence[str] | None,
        as_of: str | None,
        sql: str,
        *,
        about: str,
        limit: int | None = None,
    ) -> pa.Table:
        import duckdb

        connection = self.connect(dataset, as_of=as_of, stages=stages, sealed=True)
        try:
            answer = connection.sql(sql)
            return (answer if limit is None else answer.limit(limit)).to_arrow_table()
        except duckdb.Error as error:
            raise LakeError(f"{about}: {query.reason(error)}") from error
        finally:
            connection.close()

    def _sweep_table(self, dataset: str, name: str, before: float) -> list[str]:
        """The log, which is long, is read only when there are files that the metadata does not account for."""
        kept = self._kept(dataset)
        old = [entry.name for entry in self.store.entries(f"{dataset}/{name}/") if entry.modified <= before]
        left = {file for file in old if is_data(file) and PurePosixPath(file).stem not in kept}
        shown = tables.ever_added(self._table(dataset, name)) if left else set()
        removed = [file for file in old if is_stray(file) or (file in left and PurePosixPath(file).stem not in shown)]
        for file in removed:
            self.store.remove(file)
        return removed

    def _kept(self, dataset: str) -> set[str]:
        """The candidates whose files somebody may still need."""
        rows = self.meta.database.rows(
            "select candidate_id from candidates where dataset = ? and state in ('awaiting', 'accepted')", (dataset,)
        )
        copies = self.meta.database.rows("select new from erased_versions where dataset = ?", (dataset,))
        return {row["candidate_id"] for row in rows} | {row["new"] for row in copies}


def _metadata(candidate: Candidate) -> dict[str, str]:
    """What a commit says about itself: ids and hashes, since it stays in the log for good."""
    return {
        "commit_id": candidate.candidate_id,
        "run_id": candidate.run_id,
        "data_version": candidate.data_version,
        "code_version": candidate.code_version,
    }
