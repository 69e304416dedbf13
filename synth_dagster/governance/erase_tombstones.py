"""The tombstones of an erasure: keyed hashes of what must not come in again (`lake/tombstones.py`)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.governance.erase_scope import Scope
from synth_dagster.lake.doomed import Stored, rows_of
from synth_dagster.lake.holdings_rows import ITEM, item_key
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.tombstones import lake_key, mac
from synth_dagster.record_tables import schema_of

ROOTS = ("record_id", "source", "parents", "attributes", "content_hash")
ROOT = pa.schema([one for one in schema_of("document") if one.name in ROOTS])

Key: TypeAlias = tuple[str, str, str]  # dataset, source and native key


def marks_of(lake: Lake, found: Scope) -> Iterator[str]:
    """Marks of records, of the items they were read from and, if asked for, of their content."""
    secret = lake_key(lake.meta.database)
    for record_id in found.doomed.ids.to_pylist():
        yield mac(secret, "record", record_id.hex())
    gone: dict[Key, list[Any]] = {}
    for file in found.files.values():
        rows = _roots(lake, file)
        for row in rows.filter(pc.is_in(rows["record_id"], value_set=found.doomed.ids)).to_pylist():  # type: ignore[attr-defined]
            if (item := _item(file, row)) is not None:
                gone.setdefault(item[0], []).append(item[1])
                if found.asked.everywhere:
                    yield mac(secret, "content", row["content_hash"].hex())
    kept = _kept_items(found, gone) if found.asked.source is None else set[Key]()
    for key, ordinals in gone.items():
        if key not in kept:
            yield mac(secret, "key", *key)
        for ordinal in ordinals:
            yield mac(secret, "passage", *key, ordinal)


def _kept_items(found: Scope, gone: Mapping[Key, Sequence[Any]]) -> set[Key]:
    """The items with a passage that stays: those that more rows were read from than go."""
    keys = {item_key(*key): key for key in gone}
    sought = Ids.of(sorted(keys))
    times = found.held.counts(ITEM, sought).tolist()
    there = zip(sought.to_arrow().to_pylist(), times, strict=True)
    return {keys[one] for one, count in there if count > len(gone[keys[one]])}


def _roots(lake: Lake, file: Stored) -> pa.Table:
    """The records of a file that were made from no other; none for a file of other things."""
    rows = rows_of(lake, file, ROOT.names)
    if set(rows.column_names) != set(ROOT.names):
        return ROOT.empty_table()
    is_root = pc.equal(pc.fill_null(pc.list_value_length(rows["parents"]), 0), 0)  # type: ignore[attr-defined]
    return rows.filter(is_root)


def _item(file: Stored, row: Mapping[str, Any]) -> tuple[Key, Any] | None:
    """The item of a delivery that a record was read from, and which passage of it."""
    attributes = json.loads(row["attributes"] or "{}")
    if "native_key" not in attributes:
        return None
    return (file.dataset, row["source"], attributes["native_key"]), attributes.get("chunk", 0)
