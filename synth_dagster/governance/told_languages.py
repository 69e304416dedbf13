"""What language the filters of a mix that tell languages say a record is in: for records whose source declares none."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from synth_dagster.errors import LakeError
from synth_dagster.governance.versions import pinned_by
from synth_dagster.lake.lake import Lake

_TOLD = "__lang"  # how the signal of such a filter ends: language__lang, fineweb2__lang
_COLUMNS = pa.schema([("record_id", pa.binary()), ("filter", pa.string()), ("named", pa.string())])

# A language for each record that some filter gives one: where two do, the first by name.
TOLD_ONCE = """select record_id, min_by(named, filter) as named from told
    where coalesce(named, 'und') not in ('', 'und') group by 1"""
# What a record is in: the language that was declared or found out before the mix, else what its filters tell.
SPOKEN = "coalesce(nullif(nullif(lang, ''), 'und'), named, nullif(lang, ''), 'none')"


def told_languages(lake: Lake, manifest: Mapping[str, Any]) -> pa.Table:
    """A row for each judged record and filter that tells languages."""
    parts = [_COLUMNS.empty_table()]
    for version in pinned_by(lake, manifest, "signals"):
        try:
            telling = [name for name in lake.candidate_columns(version) if name.endswith(_TOLD)]
            table = lake.candidate_table(version, columns=["record_id", *telling])
        except LakeError:  # an older version of signals, which the lake holds no longer
            continue
        for name in telling:
            by = pa.repeat(name.removesuffix(_TOLD), table.num_rows)
            parts.append(pa.table([table["record_id"], by, table[name]], schema=_COLUMNS))
    return pa.concat_tables(parts)
