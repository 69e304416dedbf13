"""What the runner adds to a record that a method returned: id, lineage, licence, depth, and the share that is human.

Licence, consent, depth and human share are joined from the parents, so no method can forget or change them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from synth_dagster.errors import MethodError
from synth_dagster.licences.consent import joined_consents
from synth_dagster.licences.registry import joined
from synth_dagster.parts.text.words import one_line
from synth_dagster.records import Document, Instruction, Parent, Preference, Record, child_id, digest


class Versioned(Protocol):
    """What made a record: a method, or what stands in its place."""

    version: ClassVar[str]

    def fingerprint(self) -> str: ...


class Asked(Protocol):
    """The step that made a record."""

    @property
    def key(self) -> str: ...
    @property
    def slug(self) -> str: ...
    @property
    def method(self) -> Versioned: ...


@dataclass
class Stamper:
    """Stamps the records of one step; remembers them, so that a later record may name an earlier one as its parent."""

    stage: str
    batch: str
    step: Asked
    terms: str = ""  # of the providers whose models the step asks
    _stamped: dict[int, Record] = field(default_factory=dict)
    _kept_alive: list[Record] = field(default_factory=list)  # an id() is only unique among living objects
    _version: str = ""

    def __post_init__(self) -> None:
        method = self.step.method
        self._version = f"{method.version}+{method.fingerprint()[:8]}"

    def stamp(self, record: Record, *, sample: int, calls: Sequence[bytes] = (), relation: str = "source") -> Record:
        """The record as it is stored; `sample` is its place among what the step made from one input."""
        parents = [self._resolved(parent) for parent in record.parents]
        if not parents:
            raise MethodError(f"'{self.step.slug}' returned a record without a parent. Name what it was made from.")
        content_hash = digest(record.content())
        stamped = replace(
            record,
            parents=tuple(_reference(parent, relation) for parent in parents),
            reason=f"{self.step.slug}:{record.reason}" if record.reason else None,
            record_id=self._id(content_hash, parents, sample),
            content_hash=content_hash,
            batch=self.batch,
            stage=self.stage,
            method=self.step.slug,
            method_version=self._version,
            calls=tuple(dict.fromkeys(calls)),
            **inherited(record, [parent for parent in parents if isinstance(parent, Record)]),
        )
        if self.terms and (calls or record.model_id):
            stamped = replace(stamped, license=joined([stamped.license, self.terms]))
        self._stamped[id(record)] = stamped
        self._kept_alive.append(record)
        return stamped

    def _id(self, content_hash: bytes, parents: Sequence[Record | Parent], sample: int) -> bytes:
        return child_id(
            self.stage,
            self.step.key,
            self.step.slug,
            parents=[parent.record_id for parent in parents],
            sample=sample,
            content_hash=content_hash,
        )

    def _resolved(self, parent: Record | Parent) -> Record | Parent:
        if parent.record_id:
            return parent
        try:
            return self._stamped[id(parent)]
        except KeyError:
            raise MethodError(
                f"'{self.step.slug}' names a parent that it did not return before its child. Return the parent first."
            ) from None


def _reference(parent: Record | Parent, relation: str) -> Parent:
    return parent if isinstance(parent, Parent) else parent.as_parent(relation)


def inherited(record: Record, parents: Sequence[Record]) -> dict[str, object]:
    """The fields that come from the parents. The licence of a join is every licence in it."""
    depth = max((parent.synthetic_depth for parent in parents), default=0)
    return {
        "source": parents[0].source if parents else record.source,
        "license": joined(parent.license for parent in parents),
        "consent": joined_consents(parent.consent for parent in parents),
        "lang": _language(record, parents),
        "synthetic_depth": depth + _by_a_model_of_its_own(record, parents),
        "human_share": human_share(record, parents),
    }


def _by_a_model_of_its_own(record: Record, parents: Sequence[Record]) -> bool:
    """Whether one more model's text came between: a step that labels, cuts or redacts a model's text adds none."""
    wrote = (record.model_id, record.call_id)
    return record.model_id is not None and all(wrote != (parent.model_id, parent.call_id) for parent in parents)


def _language(record: Record, parents: Sequence[Record]) -> str:
    """What a method has found out or written in, else the language of all parents, where it is one."""
    given = {parent.lang for parent in parents}
    return record.lang if record.lang not in {"und", *given} else _common(given, otherwise="und")


def _common(values: Iterable[str], *, otherwise: str) -> str:
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else otherwise


def human_share(record: Record, parents: Sequence[Record]) -> float:
    """Share of a record's characters that a person wrote: of model text, those inside verbatim evidence.

    A record that no model wrote is as human as its parents, weighted by their length.
    """
    if record.model_id is None:
        return _weighted((parent.human_share, len(parent.text())) for parent in parents)
    turns = [one_line(turn) for turn in spoken(record) if turn.strip()]
    quoted = [one_line(span.text) for holder in (record, *parents) for span in getattr(holder, "evidence", ())]
    total = sum(len(turn) for turn in turns)
    return round(sum(verbatim(turn, quoted) for turn in turns) / total, 6) if total else 0.0


def spoken(record: Record) -> list[str]:
    """The texts of a record, one for each turn."""
    if isinstance(record, Instruction):
        return [message.content for message in record.messages]
    if isinstance(record, Preference):
        return [message.content for message in (*record.prompt, *record.chosen, *record.rejected)]
    return [record.body] if isinstance(record, Document) else []


def verbatim(text: str, quoted: Sequence[str]) -> int:
    """How many characters of a text stand in one of the quoted pieces, or are one."""
    if any(text in piece for piece in quoted):
        return len(text)
    return min(len(text), sum(len(piece) for piece in set(quoted) if piece and piece in text))


def _weighted(shares: Iterable[tuple[float, int]]) -> float:
    pairs = list(shares)
    total = sum(weight for _, weight in pairs)
    return round(sum(share * weight for share, weight in pairs) / total, 6) if total else 1.0


def counted(reasons: Iterable[str | None]) -> Mapping[str, int]:
    """How often each reason occurs, most frequent first, then by name."""
    counts: dict[str, int] = {}
    for reason in reasons:
        if reason:
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
