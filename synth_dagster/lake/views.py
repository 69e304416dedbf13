"""What readers see of a dataset: its tables as they are now, or as a run has left them."""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from synth_dagster.errors import LakeError, UnknownName
from synth_dagster.lake import delta_log, query
from synth_dagster.lake.file_names import id_of
from synth_dagster.lake.layout import REJECTS, Layout
from synth_dagster.lake.meta import Meta
from synth_dagster.lake.reading import first_rows, rows_at_a_time, stream_files, where_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Views:
    """The tables of a lake, to be read."""

    def __init__(self, layout: Layout, meta: Meta) -> None:
        self.layout, self.meta = layout, meta

    def datasets(self) -> list[str]:
        """The datasets that have tables."""
        return self.layout.datasets()

    def stages(self, dataset: str) -> list[str]:
        """The stages of a dataset that have a table."""
        return self.layout.stages(dataset)

    def table_names(self, dataset: str) -> list[str]:
        """All tables of a dataset: its stages, and what became no record."""
        return self.layout.table_names(dataset)

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
            until_closed.enter_context(self.layout.store.hold())
            views = self._views(dataset, as_of, stages)
            connection = query.open_views(
                {name: (place.local_all(shown.files), shown) for name, (place, shown) in views.items()}
            )
            if sealed:
                query.seal(connection, [self.layout.store.folder / dataset])
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
        place, shown = self.snapshot(dataset, stage, as_of=as_of)
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
        only = query.select_only(sql, self.layout.table_names(dataset))
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
        place, shown = self.snapshot(dataset, stage, as_of=as_of)
        yield from stream_files(place, shown, query.columns_of(shown.schema, columns), batches, rows)

    def snapshot(
        self, dataset: str, stage: str, *, as_of: str | None = None
    ) -> tuple[delta_log.Place, delta_log.Snapshot]:
        """Where a table lies and what it shows, now or as a run left it: its version, its columns and its files."""
        return self._views(dataset, as_of, [stage])[stage]

    def _views(
        self, dataset: str, as_of: str | None, stages: Sequence[str] | None
    ) -> dict[str, tuple[delta_log.Place, delta_log.Snapshot]]:
        there = self.layout.table_names(dataset)
        for stage in stages or ():
            if stage not in there:
                raise UnknownName(f"stage of {dataset} with a table", stage, there)
        versions = None if as_of is None else self.meta.versions_as_of(dataset, as_of)
        found: dict[str, tuple[delta_log.Place, delta_log.Snapshot]] = {}
        for name in there if stages is None else stages:
            place = self.layout.table(dataset, name)
            # a table that no run had changed by then was empty: version 0
            shown = delta_log.snapshot(place, None if versions is None else versions.get(name, 0))
            found[name] = place, shown if versions is None else self._without_erased(name, shown)
        return found

    def _without_erased(self, table: str, shown: delta_log.Snapshot) -> delta_log.Snapshot:
        """An old version with the copies that an erasure has left in the place of its files."""
        rows = self.meta.database.rows("select * from erased_versions")
        copies = {row["old"]: row for row in rows}
        files: list[delta_log.DataFile] = []
        for file in shown.files:
            stem, count = id_of(file), file.rows
            while stem in copies:
                copy = copies[stem]
                stem, count = copy["new"], copy["rejected" if table == REJECTS else "rows"]
            path = PurePosixPath(file.path).with_name(f"{stem}.parquet").as_posix()
            if table != REJECTS or count:
                files.append(replace(file, path=path, rows=count))
        return replace(shown, files=tuple(files)) if copies else shown

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
