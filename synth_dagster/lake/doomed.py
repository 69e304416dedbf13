"""What an erasure has to find: the files of rows that lie in a lake, whoever sees them, and which rows of them go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.lake.file_names import is_data
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.layout import REJECTS
from synth_dagster.lake.shingles import Needles
from synth_dagster.storage import Entry, NotThere

VERDICTS = "verdicts"


@dataclass(frozen=True, slots=True)
class Doomed:
    """What has to go: records, the sources that go whole, teacher calls, and pieces of text that are nobody else's."""

    ids: pa.Array  # of binary
    sources: frozenset[tuple[str, str]] = frozenset()  # dataset and source
    calls: pa.Array | None = None
    needles: Needles | None = None

    def rows(self, dataset: str, table: str, rows: pa.Table) -> pa.Array:
        """Which rows go, as booleans. A reject goes with its record, its source, its call, or for what it says."""
        gone = pc.is_in(rows["record_id"], value_set=self.ids).combine_chunks()  # type: ignore[attr-defined]
        if table != REJECTS:
            return gone
        own = [source for other, source in self.sources if other == dataset]
        of_source = pc.is_in(rows["source"], value_set=pa.array(own, pa.string())).combine_chunks()  # type: ignore[attr-defined]
        gone = pc.or_(gone, of_source)  # type: ignore[attr-defined]
        if self.calls is not None and "call_id" in rows.column_names:
            asked = pc.is_in(rows["call_id"], value_set=self.calls).combine_chunks()  # type: ignore[attr-defined]
            gone = pc.or_(gone, asked)  # type: ignore[attr-defined]
        if self.needles is not None:
            said = [f"{row['raw'] or ''}\n{row['detail'] or ''}" for row in rows.select(["raw", "detail"]).to_pylist()]
            gone = pc.or_(gone, pa.array([self.needles.occur_in([text]) for text in said], pa.bool_()))  # type: ignore[attr-defined]
        return gone


def named(rows: pa.Table, ids: pa.Array) -> pa.ChunkedArray:
    """Which verdicts name one of these records as the one that theirs repeats."""
    return pc.is_in(rows["duplicate_of"], value_set=ids)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of rows under a table, whoever can see it."""

    dataset: str
    table: str
    name: str  # in the store
    stem: str


def stored_files(lake: Lake) -> Iterator[Stored]:
    """Every file of rows that lies in a lake."""
    return (stored for stored, _ in stored_entries(lake))


def stored_entries(lake: Lake) -> Iterator[tuple[Stored, Entry]]:
    """Every file of rows that lies in a lake, and what the store says of it."""
    for dataset in lake.datasets():
        for table in lake.table_names(dataset):
            for entry in lake.store.entries(f"{dataset}/{table}/"):
                if is_data(entry.name):
                    yield Stored(dataset, table, entry.name, PurePosixPath(entry.name).stem), entry


def rows_of(lake: Lake, file: Stored, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a file, with the columns asked for that it has. Raises NotThere for a file that is gone."""
    try:
        with pq.ParquetFile(lake.store.local(file.name)) as parquet:
            there = parquet.schema_arrow.names
            return parquet.read(None if columns is None else [name for name in columns if name in there])
    except FileNotFoundError as error:  # since it was looked for
        raise NotThere(f"There is no file {file.name} any more.") from error
