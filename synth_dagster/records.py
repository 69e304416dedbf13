"""What flows between stages: three kinds of record, as typed views that methods read and write, and their ids.

Ids and content hashes are 16 bytes of BLAKE2b. A record's parents stand in the record itself, so that record and
lineage are one atomic commit. How records stand in tables is `record_tables`' matter.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Literal, Self, TypeAlias

Json: TypeAlias = bool | int | float | str | Sequence[Any] | Mapping[str, Any] | None
RecordKind: TypeAlias = Literal["document", "instruction", "preference"]

# `current` is the version that the next stage reads; the two others stay as rows so that every parent exists.
Status: TypeAlias = Literal["current", "superseded", "eliminated"]


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


VIEWS: dict[RecordKind, type[Record]] = {view.kind: view for view in (Document, Instruction, Preference)}


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
