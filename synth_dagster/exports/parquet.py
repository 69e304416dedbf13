"""Parquet: the records as they stand in the lake, with ids in hexadecimal.

Without `run_id` and `created_at`, so that the same release gives the same bytes. A row is repeated as the mixture asks.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from synth_dagster.exports.base import Exporter
from synth_dagster.exports.files import Parquet
from synth_dagster.exports.rows import TEXTS, Unfit
from synth_dagster.record_tables import VOLATILE, schema_of
from synth_dagster.records import Json, RecordKind


class ParquetRecords(Exporter):
    title = "Parquet with all columns"
    shapes: ClassVar = {
        "document": "record_id, content_hash, source, batch, ..., attributes, text, title, url",
        "instruction": "record_id, content_hash, source, batch, ..., attributes, messages, evidence",
        "preference": "record_id, content_hash, source, batch, ..., attributes, prompt, chosen, rejected, "
        "chosen_score, rejected_score, rationale",
    }
    sink: ClassVar = Parquet

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        for column in TEXTS[kind]:
            if not row[column]:
                raise Unfit("no_text" if kind == "document" else "no_messages")
        return {name: _hexadecimal(row.get(name)) for name in self.reads(kind)}

    def reads(self, kind: RecordKind) -> Sequence[str]:
        return self.schema(kind).names

    def schema(self, kind: RecordKind) -> pa.Schema:
        fields = [field for field in schema_of(kind) if field.name not in VOLATILE]
        return pa.schema([pa.field(field.name, _as_text(field.type)) for field in fields])


def _hexadecimal(value: Any) -> Json:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_hexadecimal(item) for item in value]
    if isinstance(value, dict):
        return {name: _hexadecimal(item) for name, item in value.items()}
    return value


def _as_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_binary(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_as_text(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _as_text(field.type)) for field in kind])
    return kind
