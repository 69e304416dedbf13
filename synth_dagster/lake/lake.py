"""The lake: every dataset's tables, what was accepted into them, and what still awaits its gate.

A stage writes a batch as a *candidate*: Parquet in the table's folder that no commit names, so no reader sees it.
Accepting it is one metadata-only Delta commit that puts its files in place of the batch's old ones. What a table shows
is therefore what was accepted, for every reader, and the Delta log is the truth about it: after a kill between the
commit and the note in the metadata store, the note is made when somebody next asks.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.errors import LakeError, UnknownName
from synth_dagster.lake import query, tables
from synth_dagster.lake.canonical import data_version
from synth_dagster.lake.files import conform, plain_type, write_parquet
from synth_dagster.lake.leases import Kind, Lease, Leases
from synth_dagster.lake.meta import Candidate, Meta
from synth_dagster.parts.sql import literal, quoted
from synth_dagster.records import REJECT
from synth_dagster.storage import FolderStore, S3Options, disk_full, is_bucket, write_whole
from synth_dagster.storage.folder import FULL, TEMPORARY

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

REJECTS = "rejects"
NAME = re.compile(r"^[a-z][a-z0-9_]*$")
NOT_DATASETS = frozenset({"derived", "previews", "recipes", "reports"})
DAY = 86_400.0


class Lake:
    """Tables, metadata and leases under one root folder."""

    def __init__(self, root: Path, metadata: str | Path) -> None:
        self.root = root
        self.store = FolderStore(root)
        self.meta = Meta(metadata, self.store)
        self._leases = Leases(self.meta.database)

    @classmethod
    def open(cls, root: str | Path, *, metadata: str | Path | None = None, s3: S3Options | None = None) -> "Lake":
        """Open the lake under a folder, and make it when there is none.

        Its metadata stands in a SQLite file, `meta.sqlite` there unless another is named, or at a Postgres URL.
        """
        if is_bucket(root):
            raise LakeError(f"The lake root {root} is a bucket, which is not supported yet. Give a folder.")
        folder = Path(root).expanduser().absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LakeError(f"The lake root {folder} cannot be made: {error.strerror}. Give another folder.") from error
        return cls(folder, metadata or folder / "meta.sqlite")

    def lease(
        self, name: str, kind: Kind = "shared", *, wait_s: float = 600, ttl_s: float = 60
    ) -> AbstractContextManager[Lease]:
        """Hold `batch/<dataset>/<stage>/<batch>` or `lake` for the length of a block."""
        return self._leases.hold(name, kind, wait_s=wait_s, ttl_s=ttl_s)

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
        table = self._conformed(dataset, stage, _filled(records, {partition: batch}), (partition,))
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
            current=_current(table),
        )
        with self.lease("lake"):
            return self._add_candidate(candidate, table.drop_columns([partition]), refused, sort_by)

    def awaiting(self, dataset: str, stage: str, batch: str) -> Candidate | None:
        """The candidate of a batch that no gate has decided on."""
        accepted = self.accepted(dataset, stage, batch)
        waiting = self.meta.awaiting(dataset, stage, batch)
        return None if waiting and accepted and waiting.candidate_id == accepted.candidate_id else waiting

    def accepted(self, dataset: str, stage: str, batch: str) -> Candidate | None:
        """The version of a batch that readers see: the candidate whose file the table shows."""
        path = self._table(dataset, stage)
        if not tables.exists(path):
            return None
        files = tables.snapshot(path).files_of((batch,))
        return self._healed(self.meta.candidate(_id_of(files[0]))) if files else None

    def accepted_all(self, dataset: str, stage: str) -> dict[str, Candidate]:
        """The accepted version of every batch of a stage, by batch."""
        path = self._table(dataset, stage)
        if not tables.exists(path):
            return {}
        files = tables.snapshot(path).files
        known = {candidate.candidate_id: candidate for candidate in self.meta.candidates(dataset, stage)}
        return {
            file.partition[0]: self._healed(known.get(_id_of(file)) or self.meta.candidate(_id_of(file)))
            for file in files
        }

    def candidate_table(self, candidate: Candidate, columns: Sequence[str] | None = None) -> pa.Table:
        """The records of a candidate, accepted or not."""
        path = self._records_file(candidate)
        if not path.exists():
            raise LakeError(f"The files of the candidate {candidate.candidate_id} are gone. Make the batch again.")
        filled = {candidate.partition: candidate.batch}
        names = [*pq.read_schema(path).names, *filled] if columns is None else list(columns)
        return _read(path, names, filled)

    def candidate_rejects(self, candidate: Candidate) -> pa.Table:
        """What became no record when a candidate was made."""
        path = self._rejects_file(candidate)
        if not path.exists():
            return REJECT.empty_table()
        return _read(path, REJECT.names, {"stage": candidate.stage, "batch": candidate.batch})

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
        connection = query.open_views(self._views(dataset, as_of, stages))
        if sealed:
            query.seal(connection, [self.root / dataset])
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
        path, shown = self._one(dataset, stage, as_of)
        names = query.columns_of(shown.schema, columns)
        schema = pa.schema([shown.schema.field(name) for name in names])
        if where is not None:
            condition = query.where_only(where)
            sql = _where_sql(stage, shown, names, where=condition, batches=batches, limit=limit)
            return self._answer(dataset, stage, as_of, sql).cast(schema)
        parts = _first(_stream(path, shown, names, batches, _rows_at_a_time(limit)), limit)
        return pa.Table.from_batches(list(parts), schema)

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
        path, shown = self._one(dataset, stage, as_of)
        yield from _stream(path, shown, query.columns_of(shown.schema, columns), batches, rows)

    def datasets(self) -> list[str]:
        """The datasets that have tables."""
        folders = (folder.name for folder in self.root.iterdir() if folder.is_dir() and folder.name not in NOT_DATASETS)
        return sorted(name for name in folders if self.stages(name))

    def stages(self, dataset: str) -> list[str]:
        """The stages of a dataset that have a table."""
        return [name for name in self._tables_on_disk(dataset) if name != REJECTS]

    def table_names(self, dataset: str) -> list[str]:
        """All tables of a dataset: its stages, and what became no record."""
        return self._tables_on_disk(dataset)

    def counts(self, dataset: str) -> dict[str, tuple[int, int, int]]:
        """Per stage: current records, batches, version of the table. No file of records is opened."""
        found: dict[str, tuple[int, int, int]] = {}
        for stage in self.stages(dataset):
            shown = self.accepted_all(dataset, stage)
            version = tables.snapshot(self._table(dataset, stage)).version
            found[stage] = (sum(candidate.current for candidate in shown.values()), len(shown), version)
        return found

    def snapshot(self, dataset: str, stage: str) -> tuple[Path, tables.Snapshot]:
        """Where a table lies and what it shows: its version, its columns and its files."""
        return self._one(dataset, stage, None)

    # -------------------------------------------------------------------------------------------------- other things

    def save_preview(self, name: str, html: str) -> Path:
        """Keep a page under `previews/`, where record text may stand; what to link to."""
        path = self.root / "previews" / f"{quote(name.removesuffix('.html'), safe='')}.html"
        page = html.encode()
        write_whole(path, lambda file: file.write(page), needed=len(page))
        return path

    def sweep(self, *, older_than_s: float = DAY) -> list[Path]:
        """Remove what dead writers and decided candidates left behind; the files that were removed.

        A file that any version of a table has shown is not touched, nor is one of a candidate that awaits its gate.
        """
        removed: list[Path] = []
        for dataset in self.datasets():
            for name in self._tables_on_disk(dataset):
                removed += self._sweep_table(dataset, name, time.time() - older_than_s)
        return removed

    # ------------------------------------------------------------------------------------------------------- accepting

    def _add_candidate(
        self, candidate: Candidate, records: pa.Table, rejects: pa.Table | None, sort_by: Sequence[str]
    ) -> Candidate:
        """The files first, then the note: a kill in between leaves files that `sweep` finds."""
        try:
            write_parquet(self._records_file(candidate), records, sort_by)
            if rejects is not None:
                write_parquet(self._rejects_file(candidate), rejects.drop_columns(["stage", "batch"]), ["reject_id"])
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
        if not self._records_file(candidate).exists():
            raise LakeError(f"The files of the candidate {candidate.candidate_id} are gone. Make the batch again.")
        self._fit_columns(candidate)
        versions: dict[str, int] = {}
        if tables.exists(self._table(candidate.dataset, REJECTS)):
            versions[REJECTS] = self._commit_rejects(candidate)
        versions[candidate.stage] = self._commit_files(
            candidate.dataset,
            candidate.stage,
            {candidate.partition: candidate.batch},
            self._files(candidate, self._records_file(candidate), candidate.stage, candidate.rows),
            _metadata(candidate),
            candidate=candidate,
        )
        self.meta.finish_accept(candidate, versions)
        return versions[candidate.stage]

    def _commit_rejects(self, candidate: Candidate) -> int:
        files = self._files(candidate, self._rejects_file(candidate), REJECTS, candidate.rejected)
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
            for other in (self.meta.candidate(_id_of(file)) for file in there):
                if candidate and other.number > candidate.number:
                    raise LakeError(
                        f"A newer version of {dataset}/{table}/{'/'.join(place.values())} is accepted already, made by "
                        f"the run {other.run_id}. To go back, make the batch again."
                    )

        return tables.replace_partition(
            self._table(dataset, table), place, files, metadata=metadata, may_replace=may_replace
        )

    def _files(self, candidate: Candidate, path: Path, table: str, rows: int) -> dict[str, int]:
        return {str(path.relative_to(self._table(candidate.dataset, table))): rows} if path.exists() else {}

    def _fit_columns(self, candidate: Candidate) -> None:
        """New columns join the table with the first batch that has them."""
        path = self._table(candidate.dataset, candidate.stage)
        known, own = tables.snapshot(path).schema, pq.read_schema(self._records_file(candidate))
        new = [field for field in own if field.name not in known.names]
        if new:
            tables.add_columns(path, new)
            known = tables.snapshot(path).schema
        conform(own.empty_table(), known, f"{candidate.dataset}/{candidate.stage}")
        for field in own:
            if plain_type(known.field(field.name).type) != plain_type(field.type):
                raise LakeError(
                    f"Another batch has made the column '{field.name}' of {candidate.dataset}/{candidate.stage} a "
                    f"{known.field(field.name).type}; here it is a {field.type}. Make the batch again."
                )

    def _restore_rejects(self, candidate: Candidate, active: Candidate | None) -> None:
        """An accept that was killed half-way has shown rejects of what is now refused: show the accepted ones again."""
        path = self._table(candidate.dataset, REJECTS)
        if not tables.exists(path):
            return
        shown = tables.snapshot(path).files_of((candidate.stage, candidate.batch))
        if any(_id_of(file) == candidate.candidate_id for file in shown):
            old = self._files(active, self._rejects_file(active), REJECTS, active.rejected) if active else {}
            place = {"stage": candidate.stage, "batch": candidate.batch}
            metadata = {"run_id": candidate.run_id, "commit_id": f"refuse-{uuid4().hex}"}
            self._commit_files(candidate.dataset, REJECTS, place, old, metadata)

    def _healed(self, candidate: Candidate) -> Candidate:
        """Note what the table shows, when the one who made it show that was killed before it could."""
        if candidate.state == "accepted":
            return candidate
        path = self._table(candidate.dataset, candidate.stage)
        name = str(self._records_file(candidate).relative_to(path))
        versions = {candidate.stage: tables.version_that_added(path, name)}
        rejects, rejects_file = self._table(candidate.dataset, REJECTS), self._rejects_file(candidate)
        if rejects_file.exists():
            versions[REJECTS] = tables.version_that_added(rejects, rejects_file.name)
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
                raise disk_full(self._table(candidate.dataset, candidate.stage), 65_536) from error
            raise

    # ------------------------------------------------------------------------------------------------------ the layout

    def _table(self, dataset: str, name: str) -> Path:
        for word in (dataset, name):
            if not NAME.match(word) or (word == dataset and word in NOT_DATASETS):
                raise LakeError(f"'{word}' cannot name a dataset or stage: use a-z, 0-9 and _, a letter first.")
        return self.root / dataset / name

    def _records_file(self, candidate: Candidate) -> Path:
        folder = tables.partition_folder({candidate.partition: candidate.batch})
        return self._table(candidate.dataset, candidate.stage) / folder / f"{candidate.candidate_id}.parquet"

    def _rejects_file(self, candidate: Candidate) -> Path:
        folder = tables.partition_folder({"stage": candidate.stage, "batch": candidate.batch})
        return self._table(candidate.dataset, REJECTS) / folder / f"{candidate.candidate_id}.parquet"

    def _remove_files(self, candidate: Candidate) -> None:
        self._records_file(candidate).unlink(missing_ok=True)
        self._rejects_file(candidate).unlink(missing_ok=True)

    def _tables_on_disk(self, dataset: str) -> list[str]:
        folder = self.root / dataset
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if NAME.match(path.name) and tables.exists(path))

    def _conformed(self, dataset: str, stage: str, table: pa.Table, partition_by: Sequence[str]) -> pa.Table:
        """The table in the types of where it goes; that is made when it is not there."""
        path, where = self._table(dataset, stage), f"{dataset}/{stage}"
        if not tables.exists(path):
            table = conform(table, None, where)
        tables.ensure(path, table.schema, partition_by)
        shown = tables.snapshot(path)
        if shown.partition_by != tuple(partition_by):
            raise LakeError(f"{where} is partitioned by {shown.partition_by}, not by {tuple(partition_by)}.")
        return conform(table, shown.schema, where)

    def _rejects_of(self, dataset: str, stage: str, batch: str, rejects: pa.Table | None) -> pa.Table | None:
        if rejects is None or not rejects.num_rows:
            return None
        table = _with_all(rejects, REJECT)
        return self._conformed(dataset, REJECTS, _filled(table, {"stage": stage, "batch": batch}), ("stage", "batch"))

    def _views(
        self, dataset: str, as_of: str | None, stages: Sequence[str] | None
    ) -> dict[str, tuple[Path, tables.Snapshot]]:
        there = self._tables_on_disk(dataset)
        for stage in stages or ():
            if stage not in there:
                raise UnknownName(f"stage of {dataset} with a table", stage, there)
        versions = None if as_of is None else self.meta.versions_as_of(dataset, as_of)
        found: dict[str, tuple[Path, tables.Snapshot]] = {}
        for name in there if stages is None else stages:
            path = self._table(dataset, name)
            # a table that no run had changed by then was empty: version 0
            found[name] = path, tables.snapshot(path, None if versions is None else versions.get(name, 0))
        return found

    def _one(self, dataset: str, stage: str, as_of: str | None) -> tuple[Path, tables.Snapshot]:
        return self._views(dataset, as_of, [stage])[stage]

    def _answer(self, dataset: str, stage: str, as_of: str | None, sql: str) -> pa.Table:
        import duckdb

        connection = self.connect(dataset, as_of=as_of, stages=[stage], sealed=True)
        try:
            return connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            reason = str(error).split("\n", 1)[0]
            raise LakeError(f"The condition cannot be used on {dataset}/{stage}: {reason}") from error
        finally:
            connection.close()

    def _sweep_table(self, dataset: str, name: str, before: float) -> list[Path]:
        path = self._table(dataset, name)
        shown, awaiting = tables.ever_added(path), self._kept(dataset)
        removed: list[Path] = []
        for file in sorted(path.rglob("*")):
            if not file.is_file() or file.stat().st_mtime > before:
                continue
            if _is_stray(file) or (_is_data(file) and file.stem not in shown | awaiting):
                file.unlink(missing_ok=True)
                removed.append(file)
        return removed

    def _kept(self, dataset: str) -> set[str]:
        """The candidates whose files somebody may still need."""
        rows = self.meta.database.rows(
            "select candidate_id from candidates where dataset = ? and state in ('awaiting', 'accepted')", (dataset,)
        )
        return {row["candidate_id"] for row in rows}


# ------------------------------------------------------------------------------------------------------------- tables


def _metadata(candidate: Candidate) -> dict[str, str]:
    """What a commit says about itself: ids and hashes, since it stays in the log for good."""
    return {
        "commit_id": candidate.candidate_id,
        "run_id": candidate.run_id,
        "data_version": candidate.data_version,
        "code_version": candidate.code_version,
    }


def _id_of(file: tables.DataFile) -> str:
    return Path(file.path).stem


def _is_stray(file: Path) -> bool:
    """Left by a writer that died: ours, or one of delta-rs, whose text-bearing strays no vacuum sees."""
    is_of_log = _is_of_log(file) and file.name.endswith(".tmp")
    return file.name.startswith(TEMPORARY) or ".parquet#" in file.name or is_of_log


def _is_data(file: Path) -> bool:
    """Records or rejects: the log's checkpoints are Parquet too, and a table without them cannot be opened."""
    return file.suffix == ".parquet" and not _is_of_log(file)


def _is_of_log(file: Path) -> bool:
    return "_delta_log" in file.parts


def _filled(table: pa.Table, values: Mapping[str, str]) -> pa.Table:
    """The table with its partition's columns filled in, where they stand or at the end."""
    for name, value in values.items():
        column = pa.repeat(pa.scalar(value, pa.string()), table.num_rows)
        if name not in table.column_names:
            table = table.append_column(name, column)
            continue
        others = table[name].unique().drop_null().to_pylist()
        if any(str(other) != value for other in others):
            raise LakeError(
                f"Rows for {name} '{value}' say '{others[0]}' in their column '{name}'. Write each by itself."
            )
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _with_all(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with every column of the schema, null where it has none."""
    for field in schema:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table


def _current(table: pa.Table) -> int:
    if "status" not in table.column_names:
        return table.num_rows
    return table.select(["status"]).filter(pc.field("status") == "current").num_rows


def _read(path: Path, names: Sequence[str], filled: Mapping[str, str]) -> pa.Table:
    """Columns of one file, with those that only its folder's name holds."""
    with pq.ParquetFile(path) as file:
        table = file.read([name for name in names if name not in filled])
    return _filled(table, filled).select(list(names))


def _rows_at_a_time(limit: int | None) -> int:
    """How many rows to read at a time when no more than `limit` are wanted."""
    return 10_000 if limit is None else max(1, min(limit, 10_000))


def _first(parts: Iterator[pa.RecordBatch], limit: int | None) -> Iterator[pa.RecordBatch]:
    left = limit
    for part in parts:
        if left is not None and left <= part.num_rows:
            yield part.slice(0, left)
            return
        left = None if left is None else left - part.num_rows
        yield part


def _stream(
    path: Path, shown: tables.Snapshot, names: Sequence[str], batches: Sequence[str] | None, rows: int
) -> Iterator[pa.RecordBatch]:
    """File by file in the order of their partitions; each is sorted by its key."""
    wanted = None if batches is None else set(batches)
    schema = pa.schema([shown.schema.field(name) for name in names])
    for file in shown.files:
        filled = dict(zip(shown.partition_by, file.partition, strict=True))
        if wanted is None or filled.get("batch", file.partition[-1]) in wanted:
            yield from _parts(path / file.path, schema, filled, rows)


def _parts(path: Path, schema: pa.Schema, filled: Mapping[str, str], rows: int) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        there = [name for name in schema.names if name in file.schema_arrow.names]
        for part in file.iter_batches(batch_size=rows, columns=there):
            yield pa.RecordBatch.from_arrays([_column(part, field, filled) for field in schema], schema=schema)


def _column(part: pa.RecordBatch, field: pa.Field, filled: Mapping[str, str]) -> pa.Array:
    if field.name in filled:
        return pa.repeat(pa.scalar(filled[field.name], pa.string()), part.num_rows)
    if field.name in part.schema.names:
        return part.column(field.name).cast(field.type)
    return pa.nulls(part.num_rows, field.type)  # the file is older than the column


def _where_sql(
    stage: str,
    shown: tables.Snapshot,
    names: Sequence[str],
    *,
    where: str,
    batches: Sequence[str] | None,
    limit: int | None,
) -> str:
    """The query behind `read(where=...)`. The condition has been judged; the newline ends a comment in it."""
    chosen = ", ".join(quoted(name) for name in names)
    last = quoted(shown.partition_by[-1])
    listed = ", ".join(literal(batch) for batch in batches or ()) or "null"
    only = "" if batches is None else f" and {last} in ({listed})"
    keys = [*shown.partition_by, *(key for key in ("record_id", "reject_id") if key in shown.schema.names)]
    order = ", ".join(quoted(key) for key in keys)
    top = "" if limit is None else f" limit {int(limit)}"
    return f"select {chosen} from {quoted(stage)} where ({where}\n){only} order by {order}{top}"
