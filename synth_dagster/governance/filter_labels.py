"""What the filters of a mix say of its records in a word, such as a language or a topic, for those who count by it."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from synth_dagster.errors import LakeError
from synth_dagster.governance.versions import pinned_by
from synth_dagster.lake.lake import Lake

_COLUMNS = pa.schema([("record_id", pa.binary()), ("filter", pa.string()), ("named", pa.string())])


def filter_labels(lake: Lake, manifest: Mapping[str, Any], is_wanted: Callable[[str], bool]) -> pa.Table:
    """A row for each judged record and filter with a wanted signal, which is a column such as `language__lang`."""
    parts = [_COLUMNS.empty_table()]
    for version in pinned_by(lake, manifest, "signals"):
        try:
            wanted = [name for name in lake.candidate_columns(version) if is_wanted(name)]
            table = lake.candidate_table(version, columns=["record_id", *wanted])
        except LakeError:  # an older version of signals, which the lake holds no longer
            continue
        for name in wanted:
            by = pa.repeat(name.partition("__")[0], table.num_rows)
            parts.append(pa.table([table["record_id"], by, table[name]], schema=_COLUMNS))
    return pa.concat_tables(parts)
