"""What flows between stages: three kinds of record, as Arrow schemas for tables and as typed views for methods.

A table is the truth, a view is how a method reads and writes one record. `to_table` and `from_table` go between them.
Ids and content hashes are 16 bytes of BLAKE2b. A record's parents stand in the record itself, so that record and
lineage are one atomic commit.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Literal, Self, TypeAlias

import pyarrow as pa

SCHEMA_VERSION = 1

Json: TypeAlias = bool | int | float | str | Sequence[Any] | Mapping[str, Any] | None
RecordKind: TypeAlias = Literal["document", "instruction", "preference"]

# `current` is the version that the next stage reads; the two others stay as rows so that every parent exists.
Status: TypeAlias = Literal["current", "superseded", "eliminated"]

# Not part of a record's identity: the same data made again differs only here.
VOLATILE = ("run_id", "created_at")


@dataclass(frozen=True, slots=True)
class Parent:
    """A reference from a child to a record that it was made from."""

    record_id: bytes
    stage: str
    batch: str
    relation: str = "source"


@dataclass(frozen=True, slots=True)
class Span:
    """A verbatim piece of a parent's text that an answer rests on: characters `start` to `end` of that text."""

    record_id: bytes
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation in OpenAI chat form; `tool_calls` is canonical JSON."""

    role: str
    content: str
    name: str | None = None
    tool_calls: str | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every record carries. A method fills in the content, parents and attributes; the runner stamps the rest."""

    kind: ClassVar[RecordKind]

    record_id: bytes = b""
    content_hash: bytes = b""
    source: str = ""
    batch: str = ""
    status: Status = "current"
    reason: str | None = None  # why it was superseded or eliminated: `<method>` or `<method>:<rule>`
    parents: Sequence["Parent | Record"] = ()
    method: str = ""
    method_version: str = ""
    prompt_hash: str | None = None
    model_id: str | None = None
    call_id: bytes | None = None  # the teacher call that wrote the text
    calls: Sequence[bytes] = ()  # every teacher call behind the record, so that erasure reaches them all
    license: str = ""
    consent: str = ""
    synthetic_depth: int = 0
    human_share: float = 1.0
    lang: str = "und"
    attributes: Mapping[str, Json] = field(default_factory=dict)
    run_id: str = ""
    created_at: datetime | None = None
    stage: str = ""  # where it stands; the name of the table, not a column

    def content(self) -> Json:
        """What the record says, and what its content hash is over."""
        raise NotImplementedError

    def text(self) -> str:
        """All words of the record, for counting and comparing."""
        raise NotImplementedError

    def as_parent(self, relation: str = "source") -> Parent:
        return Parent(self.record_id, self.stage, self.batch, relation)

    def but(self, **changes: Any) -> Self:
        """This record with some fields changed, made from this record: what a refiner returns."""
        return replace(self, **({"parents": (self,), "record_id": b"", "content_hash": b""} | changes))


@dataclass(frozen=True, kw_only=True)
class Document(Record):
    """A text: a page, a section, a passage."""

    kind: ClassVar[RecordKind] = "document"

    body: str = ""
    title: str | None = None
    url: str | None = None

    def content(self) -> Json:
        return self.body

    def text(self) -> str:
        return self.body


@dataclass(frozen=True, kw_only=True)
class Instruction(Record):
    """A conversation that teaches: one or more user turns, each with its answer."""

    kind: ClassVar[RecordKind] = "instruction"

    messages: Sequence[Message] = ()
    evidence: Sequence[Span] = ()

    @classmethod
    def single(cls, instruction: str, response: str, *, parents: Sequence["Parent | Record"] = (), **more: Any) -> Self:
        """One question and its answer."""
        return cls(messages=(Message("user", instruction), Message("assistant", response)), parents=parents, **more)

    @property
    def instruction(self) -> str:
        """What the last user turn asks."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def response(self) -> str:
        """What the last assistant turn answers."""
        return next((m.content for m in reversed(self.messages) if m.role == "assistant"), "")

    def content(self) -> Json:
        return messages_content(self.messages)

    def text(self) -> str:
        return "\n\n".join(message.content for message in self.messages)


@dataclass(frozen=True, kw_only=True)
class Preference(Record):
    """One prompt with a better and a worse answer, in the explicit-prompt conversational form that trainers read."""

    kind: ClassVar[RecordKind] = "preference"

    prompt: Sequence[Message] = ()
    chosen: Sequence[Message] = ()
    rejected: Sequence[Message] = ()
    chosen_score: float | None = None
    rejected_score: float | None = None
    rationale: str | None = None

    def content(self) -> Json:
        return [messages_content(turns) for turns in (self.prompt, self.chosen, self.rejected)]

    def text(self) -> str:
        return "\n\n".join(message.content for message in (*self.prompt, *self.chosen, *self.rejected))


VIEWS: dict[RecordKind, type[Record]] = {view.kind: view for view in (Document, Instruction, Preference)}


# ---------------------------------------------------------------------------------------------------------- identity


def digest(*parts: Json | bytes) -> bytes:
    """16 bytes that stand for the parts: BLAKE2b over their canonical JSON, bytes as hex."""
    plain = [part.hex() if isinstance(part, bytes) else part for part in parts]
    return digest_of(canonical_json(plain))


def digest_of(text: str) -> bytes:
    """16 bytes that stand for a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def canonical_json(value: Json) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no escapes, no NaN."""
    return _CANONICAL.encode(value)


def fingerprint_of(value: Json) -> str:
    """What stands for all that a piece of work depends on: 16 digits of SHA-256 over the canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def plain(value: Any) -> Any:
    """A value as JSON has it: ids in hexadecimal, times in ISO form, attributes as an object, null for no number."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: plain(_attributes(item) if key == "attributes" else item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _attributes(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else text


# one for all: `json.dumps` makes an encoder for every call, and every record is hashed several times
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def root_id(dataset: str, source: str, native_key: str, ordinal: int, content: Json) -> bytes:
    """The id of a record that came from outside. Equal texts in two places are two records."""
    return digest("root", dataset, source, native_key, ordinal, content)


def child_id(stage: str, step: str, method: str, parents: Iterable[bytes], sample: int, content_hash: bytes) -> bytes:
    """The id of a record that a method made; `sample` is its place among what the step made from the same input."""
    return digest("child", stage, step, method, [parent.hex() for parent in parents], sample, content_hash)


def messages_content(messages: Iterable[Message]) -> Json:
    """A conversation as what is hashed: every field that a trainer reads."""
    return [[message.role, message.content, message.name, message.tool_calls] for message in messages]


# ------------------------------------------------------------------------------------------------------------ tables

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Something that became no record: a line that does not parse, an answer that cannot be used, a dropped input."""

    reason: str
    detail: str = ""
    raw: str = ""
    location: str = ""
    kind: Literal["unusable", "dropped"] = "unusable"
    record_id: bytes | None = None
    call_id: bytes | None = None
    calls: Sequence[bytes] = ()  # every teacher call that was made for it, so that erasure reaches them all


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
