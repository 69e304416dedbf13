"""Records as rows: the Arrow schema of each kind's table, and what SQL over it reads.

A table is the truth, a view of `records` is how a method reads and writes one record. `to_table` and `from_table` go
between them.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

import pyarrow as pa

from synth_dagster.records import VIEWS, Document, Message, Parent, Record, RecordKind, Span, canonical_json

SCHEMA_VERSION = 1

# Not part of a record's identity: the same data made again differs only here.
VOLATILE = ("run_id", "created_at")

PARENT = pa.struct(
    [("record_id", pa.binary()), ("stage", pa.string()), ("batch", pa.string()), ("relation", pa.string())]
)
SPAN = pa.struct([("record_id", pa.binary()), ("start", pa.int64()), ("end", pa.int64()), ("text", pa.string())])
MESSAGES = pa.list_(
    pa.struct([("role", pa.string()), ("content", pa.string()), ("name", pa.string()), ("tool_calls", pa.string())])
)

COMMON = (
    ("record_id", pa.binary(), "Sixteen bytes that name this record."),
    ("content_hash", pa.binary(), "Sixteen bytes that name its content, wherever it stands."),
    ("source", pa.string(), "The source that its oldest ancestor came from."),
    ("batch", pa.string(), "The delivered file or shard."),
    ("status", pa.string(), "current, superseded (a refined version exists) or eliminated (a rule dropped it)."),
    ("reason", pa.string(), "Why it is not current: the method, and its rule."),
    ("parents", pa.list_(PARENT), "The records it was made from, in order: the truth of lineage."),
    ("method", pa.string(), "The method that made it."),
    ("method_version", pa.string(), "The version of that method."),
    ("prompt_hash", pa.string(), "The prompt template that the teacher was given."),
    ("model_id", pa.string(), "The model that wrote it, as the endpoint names itself."),
    ("call_id", pa.binary(), "The teacher call that wrote its text."),
    ("calls", pa.list_(pa.binary()), "Every teacher call behind it."),
    ("license", pa.string(), "SPDX expression, joined from parents and teacher terms."),
    ("consent", pa.string(), "What its origin allows, joined from parents."),
    ("synthetic_depth", pa.int32(), "How many models stand between it and a person; 0 is human."),
    ("human_share", pa.float64(), "Share of its characters that a person wrote, 0 to 1."),
    ("lang", pa.string(), "Language as declared, und until identified."),
    ("attributes", pa.string(), "What the method adds, as canonical JSON."),
    ("run_id", pa.string(), "The run that made it."),
    ("created_at", pa.timestamp("us", tz="UTC"), "When that was."),
)
CONTENT: dict[RecordKind, tuple[tuple[str, pa.DataType, str], ...]] = {
    "document": (
        ("text", pa.string(), "The text."),
        ("title", pa.string(), "Its title, where it has one."),
        ("url", pa.string(), "Where it was found."),
    ),
    "instruction": (
        ("messages", MESSAGES, "The conversation, in OpenAI chat form."),
        ("evidence", pa.list_(SPAN), "Verbatim pieces of the parents that the answer rests on."),
    ),
    "preference": (
        ("prompt", MESSAGES, "The conversation so far."),
        ("chosen", MESSAGES, "The better answer."),
        ("rejected", MESSAGES, "The worse answer."),
        ("chosen_score", pa.float64(), "The judge's score of the better answer."),
        ("rejected_score", pa.float64(), "The judge's score of the worse answer."),
        ("rationale", pa.string(), "Why the judge preferred it."),
    ),
}
REJECT = pa.schema(
    [
        ("reject_id", pa.binary()),
        ("stage", pa.string()),
        ("step", pa.string()),
        ("source", pa.string()),
        ("batch", pa.string()),
        ("record_id", pa.binary()),  # the input that gave nothing; null where no record could be made
        ("kind", pa.string()),  # unusable (a line or an answer that is no good) or dropped (a method's own decision)
        ("location", pa.string()),  # where it stands in the delivery, such as notes.jsonl:12
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("raw", pa.string()),  # what came, cut to RAW_LIMIT characters
        ("call_id", pa.binary()),  # the call whose answer could not be used
        ("run_id", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("calls", pa.list_(pa.binary())),  # every call that was made for it; null in tables of before
    ]
)
RAW_LIMIT = 4_000


def schema_of(kind: RecordKind) -> pa.Schema:
    """The columns of a table of records; `batch` is also the table's partition."""
    return pa.schema([pa.field(name, type_) for name, type_, _ in (*COMMON, *CONTENT[kind])])


def describe(kind: RecordKind) -> dict[str, str]:
    """What each column means, for people."""
    return {name: meaning for name, _, meaning in (*COMMON, *CONTENT[kind])}


def to_table(records: Sequence[Record], kind: RecordKind) -> pa.Table:
    """Records as rows, in the order given. Every parent must be a reference by now."""
    schema = schema_of(kind)
    return pa.Table.from_arrays([_column(records, field) for field in schema], schema=schema)


def from_table(table: pa.Table, kind: RecordKind, *, stage: str = "") -> list[Record]:
    """Rows as typed views, in row order."""
    view = VIEWS[kind]
    named = {_FIELDS.get(name, name): table[name].to_pylist() for name in table.column_names}
    columns = {name: _READ.get(name, list)(named[name]) for name in _known_fields(kind) & named.keys()}
    columns["stage"] = [stage] * table.num_rows
    return [view(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def _column(records: Sequence[Record], field: pa.Field) -> pa.Array:
    """One column of a table of records. A column at a time costs half of what a row at a time does."""
    if field.name == "text":
        return pa.array([record.body for record in records if isinstance(record, Document)], field.type)
    if field.name == "attributes":
        return pa.array([canonical_json(record.attributes) for record in records], field.type)
    values = [getattr(record, field.name) for record in records]
    if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
        names = [inner.name for inner in field.type.value_type]
        values = [[{name: getattr(item, name) for name in names} for item in items] for items in values]
    return pa.array(values, field.type)


def _nested(made: Callable[..., Any]) -> Callable[[Iterable[Any]], list[Any]]:
    """How a column of lists is read, one typed value for each struct."""
    return lambda column: [tuple(made(**item) for item in items or ()) for items in column]


_FIELDS = {"text": "body"}  # column -> field, where their names differ

# How the columns are read that hold more than plain values. A column at a time costs half of what a row at a time does.
_READ: Mapping[str, Callable[[Iterable[Any]], list[Any]]] = {
    "body": lambda column: [text or "" for text in column],
    "attributes": lambda column: [json.loads(text or "{}") for text in column],
    "calls": lambda column: [tuple(calls or ()) for calls in column],
    "parents": _nested(Parent),
    "evidence": _nested(Span),
    **dict.fromkeys(("messages", "prompt", "chosen", "rejected"), _nested(Message)),
}


@cache
def _known_fields(kind: RecordKind) -> frozenset[str]:
    return frozenset(field.name for field in fields(VIEWS[kind]))


# The words of a record as plain text columns, so that one rule can be written in SQL for every record of a kind.
_TURNS = "list_filter({column}, lambda m: m.role = '{role}')"
_JOINED = "array_to_string(list_transform({turns}, lambda m: coalesce(m.content, '')), chr(10) || chr(10))"


def _joined(column: str, role: str) -> str:
    return _JOINED.format(turns=_TURNS.format(column=column, role=role))


# What a turn says: its words, or the calls of functions that stand in their place.
_SAYS = "case when coalesce(m.content, '') = '' then coalesce(m.tool_calls, m.content) else m.content end"


def _last(column: str, role: str) -> str:
    return f"list_last(list_transform({_TURNS.format(column=column, role=role)}, lambda m: {_SAYS}))"


FLAT: dict[RecordKind, dict[str, str]] = {
    "document": {"text": "text", "title": "title", "url": "url"},
    "instruction": {
        "text": _JOINED.format(turns="messages"),
        "instruction": _joined("messages", "user"),
        "response": _last("messages", "assistant"),
    },
    "preference": {
        "text": _JOINED.format(turns="list_concat(prompt, list_concat(chosen, rejected))"),
        "instruction": _joined("prompt", "user"),
        "response": _last("chosen", "assistant"),
        "rejected_response": _last("rejected", "assistant"),
        "chosen_score": "chosen_score",
        "rejected_score": "rejected_score",
    },
}
"""Per kind: column -> SQL over that kind's table. Filters, suites and measures read `record_id` and these."""

_BESIDE = "list_transform({turns}, lambda m: concat_ws(chr(10), m.name, m.tool_calls))"
_ANY_BESIDE = "array_to_string(list_filter({said}, lambda said: said <> ''), chr(10) || chr(10))"
_PAIR = "list_concat(prompt, list_concat(chosen, rejected))"

BESIDE: dict[RecordKind, str] = {
    "document": "''",
    "instruction": _ANY_BESIDE.format(said=_BESIDE.format(turns="messages")),
    "preference": _ANY_BESIDE.format(said=f"list_append({_BESIDE.format(turns=_PAIR)}, coalesce(rationale, ''))"),
}
"""Per kind: SQL of the words that stand in no column of FLAT: names of speakers, calls of tools, a judge's reasons."""
