"""Single rows of a table's file, without reading the file: rows are sorted by their key and lie in groups.

The footer says which ids each group holds, so a record costs one group, however many records its batch has.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.lake.delta_log import DataFile, Place
from synth_dagster.lake.lake import Lake

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false


def local_file(lake: Lake, dataset: str, table: str, path: str) -> Path:
    """A file of a table on this machine, by its name under the table. Raises NotThere when it was removed."""
    return Place.of(lake.store, f"{dataset}/{table}").local(DataFile(path, (), 0))


def rows_at(path: Path, ids: pa.Array, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of these ids in a file, in its order; of the columns those that it has."""
    with pq.ParquetFile(path) as file:
        parts = list(groups_with(file, ids, columns))
        return pa.concat_tables(parts) if parts else file.schema_arrow.empty_table()


def groups_with(file: pq.ParquetFile, ids: pa.Array, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Group by group the rows of these ids; groups that hold none are not read."""
    there = file.schema_arrow.names if columns is None else [c for c in columns if c in file.schema_arrow.names]
    for group in _near(file, ids):
        rows = file.read_row_group(group, columns=list(dict.fromkeys(["record_id", *there])))
        yield rows.filter(pc.is_in(rows["record_id"], value_set=ids))


def _near(file: pq.ParquetFile, ids: pa.Array) -> Iterator[int]:
    """The groups whose range of ids holds one of these; each group where the footer does not say."""
    column = file.schema_arrow.names.index("record_id")  # plain columns stand before all nested ones
    wanted = sorted(ids.to_pylist())
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group).column(column)
        if about.path_in_schema != "record_id" or about.statistics is None or not about.statistics.has_min_max:
            yield group
        else:
            first = bisect_left(wanted, about.statistics.min)
            if first < len(wanted) and wanted[first] <= about.statistics.max:
                yield group
