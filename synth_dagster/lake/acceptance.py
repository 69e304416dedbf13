"""How a candidate becomes what everybody reads: its files, the commit that shows them, and the note of that.

The Delta log is the truth about what is accepted. After a kill between the commit and the note in the metadata store,
the note is made when somebody next asks.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.errors import LakeError
from synth_dagster.lake import delta_log, tables
from synth_dagster.lake.file_names import id_of
from synth_dagster.lake.files import conform, plain_type, write_parquet
from synth_dagster.lake.layout import REJECTS, Layout
from synth_dagster.lake.meta import Meta
from synth_dagster.lake.meta_values import Candidate
from synth_dagster.lake.tombstones import Tombstones
from synth_dagster.storage import disk_full
from synth_dagster.storage.folder import FULL


class Acceptance:
    """The candidates of a lake on their way into its tables."""

    def __init__(self, layout: Layout, meta: Meta) -> None:
        self.layout, self.meta = layout, meta

    def accepted(self, dataset: str, stage: str, batch: str) -> Candidate | None:
        """The version of a batch that readers see: the candidate whose file the table shows."""
        shown = delta_log.shown(self.layout.table(dataset, stage))
        files = shown.files_of((batch,)) if shown else ()
        return self._healed(self.meta.candidate(id_of(files[0]))) if files else None

    def accepted_all(self, dataset: str, stage: str) -> dict[str, Candidate]:
        """The accepted version of every batch of a stage, by batch."""
        shown = delta_log.shown(self.layout.table(dataset, stage))
        if shown is None:
            return {}
        known = {candidate.candidate_id: candidate for candidate in self.meta.candidates(dataset, stage)}
        return {
            file.partition[0]: self._healed(known.get(id_of(file)) or self.meta.candidate(id_of(file)))
            for file in shown.files
        }

    def refuse_erased(self, table: pa.Table, rejects: pa.Table | None, where: str) -> None:
        """No batch brings back what was erased: a run may have read it before."""
        tombstones = Tombstones(self.meta.database)
        if not tombstones:
            return
        ids = set(rejects["record_id"].drop_null().to_pylist()) if rejects is not None else set[bytes]()
        if "record_id" in table.column_names:
            ids.update(table["record_id"].drop_null().to_pylist())  # a finding about all records names none
        if "parents" in table.column_names:
            ids.update(pc.list_flatten(table["parents"]).combine_chunks().field("record_id").to_pylist())  # type: ignore[attr-defined]
        returned = sum(tombstones.has_record(one) for one in ids)
        if returned:
            raise LakeError(
                f"The batch {where} holds or is made from {returned} records that were erased since it was begun. "
                "Nothing was written. Run 'synth run' again: it reads what is there now."
            )

    def add(
        self, candidate: Candidate, records: pa.Table, rejects: pa.Table | None, sort_by: Sequence[str]
    ) -> Candidate:
        """The files first, then the note: a kill in between leaves files that `sweep` finds."""
        try:
            write_parquet(self.layout.store, self.layout.records_file(candidate), records, sort_by)
            if rejects is not None:
                refused = rejects.drop_columns(["stage", "batch"])
                write_parquet(self.layout.store, self.layout.rejects_file(candidate), refused, ["reject_id"])
            # heals an accept that was killed, before its candidate is given up
            self.accepted(candidate.dataset, candidate.stage, candidate.batch)
            added, replaced = self.meta.add_candidate(candidate)
        except BaseException:
            self.layout.remove_files(candidate)
            raise
        for old in replaced:
            self.layout.remove_files(old)
        return added

    def commit(self, candidate: Candidate) -> int:
        """Rejects first, then records: the second commit is what makes the candidate the accepted one."""
        self._fit_columns(candidate)
        versions: dict[str, int] = {}
        if delta_log.exists(self.layout.table(candidate.dataset, REJECTS)):
            versions[REJECTS] = self._commit_rejects(candidate)
        versions[candidate.stage] = self.commit_files(
            candidate.dataset,
            candidate.stage,
            {candidate.partition: candidate.batch},
            _files(self.layout.records_file(candidate), candidate.rows),
            _metadata(candidate),
            candidate=candidate,
        )
        self.meta.finish_accept(candidate, versions)
        return versions[candidate.stage]

    def _commit_rejects(self, candidate: Candidate) -> int:
        files = self._rejects_files(candidate)
        place = {"stage": candidate.stage, "batch": candidate.batch}
        return self.commit_files(candidate.dataset, REJECTS, place, files, _metadata(candidate), candidate=candidate)

    def commit_files(
        self,
        dataset: str,
        table: str,
        place: Mapping[str, str],
        files: Mapping[str, int],
        metadata: Mapping[str, str],
        *,
        candidate: Candidate | None = None,
    ) -> int:
        """Put files in place of those of a partition; the version of the table that shows them."""

        def may_replace(there: tuple[delta_log.DataFile, ...]) -> None:
            for other in (self.meta.candidate(id_of(file)) for file in there):
                if candidate and other.number > candidate.number:
                    raise LakeError(
                        f"A newer version of {dataset}/{table}/{'/'.join(place.values())} is accepted already, made by "
                        f"the run {other.run_id}. To go back, make the batch again."
                    )

        return tables.replace_partition(
            self.layout.table(dataset, table), place, files, metadata=metadata, may_replace=may_replace
        )

    def restore_rejects(self, candidate: Candidate, active: Candidate | None) -> None:
        """An accept that was killed half-way has shown rejects of what is now refused: show the accepted ones again."""
        shown = delta_log.shown(self.layout.table(candidate.dataset, REJECTS))
        files = shown.files_of((candidate.stage, candidate.batch)) if shown else ()
        if any(id_of(file) == candidate.candidate_id for file in files):
            old = self._rejects_files(active)
            place = {"stage": candidate.stage, "batch": candidate.batch}
            metadata = {"run_id": candidate.run_id, "commit_id": f"refuse-{uuid4().hex}"}
            self.commit_files(candidate.dataset, REJECTS, place, old, metadata)

    @contextmanager
    def room_for(self, candidate: Candidate) -> Iterator[None]:
        """A full disk, said by whichever layer met it."""
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (OSError, DeltaError) as error:
            if getattr(error, "errno", None) in FULL or "No space left" in str(error) or "too large" in str(error):
                raise disk_full(self.layout.store.folder, 65_536) from error
            raise

    def _fit_columns(self, candidate: Candidate) -> None:
        """New columns join the table with the first batch that has them."""
        place = self.layout.table(candidate.dataset, candidate.stage)
        own = pq.read_schema(self.layout.local(candidate, self.layout.records_file(candidate)))
        known = delta_log.snapshot(place).schema
        new = [field for field in own if field.name not in known.names]
        if new:
            tables.add_columns(place, new)
            known = delta_log.snapshot(place).schema
        conform(own.empty_table(), known, f"{candidate.dataset}/{candidate.stage}")
        for field in own:
            if plain_type(known.field(field.name).type) != plain_type(field.type):
                raise LakeError(
                    f"Another batch has made the column '{field.name}' of {candidate.dataset}/{candidate.stage} a "
                    f"{known.field(field.name).type}; here it is a {field.type}. Make the batch again."
                )

    def _healed(self, candidate: Candidate) -> Candidate:
        """Note what the table shows, when the one who made it show that was killed before it could."""
        if candidate.state == "accepted":
            return candidate
        name, place = self.layout.records_file(candidate), self.layout.table(candidate.dataset, candidate.stage)
        versions = {candidate.stage: delta_log.version_that_added(place, name)}
        if candidate.rejected:
            rejects = self.layout.table(candidate.dataset, REJECTS)
            versions[REJECTS] = delta_log.version_that_added(rejects, self.layout.rejects_file(candidate))
        self.meta.finish_accept(candidate, versions)
        return replace(candidate, state="accepted", version=versions[candidate.stage])

    def _rejects_files(self, candidate: Candidate | None) -> dict[str, int]:
        rejected = candidate and candidate.rejected
        return _files(self.layout.rejects_file(candidate), rejected) if candidate and rejected else {}


def _files(name: str, rows: int) -> dict[str, int]:
    """A file as its table names it, and how many rows it has."""
    _, _, file = name.split("/", 2)
    return {file: rows}


def _metadata(candidate: Candidate) -> dict[str, str]:
    """What a commit says about itself: ids and hashes, since it stays in the log for good."""
    return {
        "commit_id": candidate.candidate_id,
        "run_id": candidate.run_id,
        "data_version": candidate.data_version,
        "code_version": candidate.code_version,
    }
