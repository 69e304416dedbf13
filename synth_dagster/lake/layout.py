"""Where everything of a lake lies: the table of a stage, the files of a candidate, in the types that a table has."""

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from synth_dagster.errors import LakeError
from synth_dagster.lake import delta_log, tables
from synth_dagster.lake.files import conform
from synth_dagster.lake.meta_values import Candidate
from synth_dagster.lake.reading import filled, with_all
from synth_dagster.record_tables import REJECT
from synth_dagster.storage import NotThere, Store

REJECTS = "rejects"
NAME = re.compile(r"^[a-z][a-z0-9_]*$")
NOT_DATASETS = frozenset(
    {
        "derived",
        "duplicates",
        "erasures",
        "models",
        "previews",
        "recipes",
        "releases",
        "reports",
        "retrieved",
        "scratch",
    }
)


class Layout:
    """The names of what stands in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def table(self, dataset: str, name: str) -> delta_log.Place:
        """Where a table lies. Raises LakeError for a name that none can have."""
        for word in (dataset, name):
            if not NAME.match(word) or (word == dataset and word in NOT_DATASETS):
                raise LakeError(f"'{word}' cannot name a dataset or stage: use a-z, 0-9 and _, a letter first.")
        return delta_log.Place.of(self.store, f"{dataset}/{name}")

    def datasets(self) -> list[str]:
        """The datasets that have tables."""
        return [name for name in self.store.folders() if name not in NOT_DATASETS and self.stages(name)]

    def stages(self, dataset: str) -> list[str]:
        """The stages of a dataset that have a table."""
        return [name for name in self.table_names(dataset) if name != REJECTS]

    def table_names(self, dataset: str) -> list[str]:
        """All tables of a dataset: its stages, and what became no record."""
        there = [name for name in self.store.folders(f"{dataset}/") if NAME.match(name)] if NAME.match(dataset) else []
        return [name for name in there if delta_log.exists(self.table(dataset, name))]

    def records_file(self, candidate: Candidate) -> str:
        """The records of a candidate."""
        folder = tables.partition_folder({candidate.partition: candidate.batch})
        return f"{self.table(candidate.dataset, candidate.stage).name}/{folder}/{candidate.candidate_id}.parquet"

    def rejects_file(self, candidate: Candidate) -> str:
        """What became no record when a candidate was made."""
        folder = tables.partition_folder({"stage": candidate.stage, "batch": candidate.batch})
        return f"{self.table(candidate.dataset, REJECTS).name}/{folder}/{candidate.candidate_id}.parquet"

    def local(self, candidate: Candidate, name: str) -> Path:
        """A file of a candidate on this machine."""
        try:
            return self.store.local(name)
        except NotThere as error:
            raise LakeError(
                f"The files of the candidate {candidate.candidate_id} are gone. Make the batch again."
            ) from error

    def remove_files(self, candidate: Candidate) -> None:
        self.store.remove(self.records_file(candidate))
        self.store.remove(self.rejects_file(candidate))

    def conformed(self, dataset: str, stage: str, table: pa.Table, partition_by: Sequence[str]) -> pa.Table:
        """The table in the types of where it goes; that is made when it is not there."""
        place, where = self.table(dataset, stage), f"{dataset}/{stage}"
        if delta_log.shown(place) is None:
            table = conform(table, None, where)
            tables.ensure(place, table.schema, partition_by)
        tables.migrate(place)
        shown = delta_log.snapshot(place)
        if shown.partition_by != tuple(partition_by):
            raise LakeError(f"{where} is partitioned by {shown.partition_by}, not by {tuple(partition_by)}.")
        return conform(table, shown.schema, where)

    def conformed_rejects(self, dataset: str, stage: str, batch: str, rejects: pa.Table | None) -> pa.Table | None:
        """Rejects as their table holds them; None where there are none."""
        if rejects is None or not rejects.num_rows:
            return None
        table = filled(with_all(rejects, REJECT), {"stage": stage, "batch": batch})
        fitted = self.conformed(dataset, REJECTS, table, ("stage", "batch"))
        place = self.table(dataset, REJECTS)
        known = delta_log.snapshot(place).schema.names
        if new := [field for field in fitted.schema if field.name not in known]:
            tables.add_columns(place, new)  # one of before
        return fitted
