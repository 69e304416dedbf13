"""What an export is: rows of a release as one trainer reads them, in a place where it is whole or not at all.

It holds the data of each split, the record behind each line (`record_ids/`, for `synth trace`), what the trainer needs
beside them, a card and, written last, `manifest.json` with counts and checksums, signed where there is a key. The
same release gives the same bytes: nothing in it says when it was exported.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from synth_dagster.errors import SynthError
from synth_dagster.exports.card import card
from synth_dagster.exports.facts import Facts
from synth_dagster.exports.files import JsonLines, ShardSize, Sink, SplitFiles
from synth_dagster.exports.manifest import MAKER, Manifest
from synth_dagster.exports.place import Place
from synth_dagster.exports.rows import TEXTS, Unfit, chosen_side, each, features_of, has_rare_fields, texts_of
from synth_dagster.exports.seal import seal
from synth_dagster.exports.split import TRAIN, Split
from synth_dagster.exports.standards import written
from synth_dagster.exports.standards.base import Shown, columns_of
from synth_dagster.parts.text.tokens import count as count_tokens
from synth_dagster.records import Json, RecordKind, canonical_json, digest
from synth_dagster.signing import Signer

CARD = "README.md"
DESCRIBED = 100  # lines that are looked at to say what a line holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which release goes out, and what is to be said about it."""

    dataset: str
    release: str
    demo: bool = False
    data_version: str = ""  # of the release; without it no export knows whether it is there already
    facts: Mapping[str, Json] = field(default_factory=dict)
    approval: Mapping[str, Json] = field(default_factory=dict)  # how the release stands, and who approved it
    signer: Signer | None = None
    about: Facts | None = None  # what the standards beside the data are written from

    @property
    def name(self) -> str:
        return f"{self.dataset}_{self.release}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a release is cut up: the held-out part, the size of files, and which side of preference pairs."""

    split: Split = field(default_factory=Split)
    shard: ShardSize | None = None
    only_chosen: bool = False  # of a preference pair the better answer, as a conversation
    standards: Sequence[str] = ()  # what is written beside the data for other people's tools

    def as_json(self) -> dict[str, Json]:
        shard = {"rows": self.shard.rows, "bytes": self.shard.bytes} if self.shard else None
        return {
            "validation": dict(self.split.facts),
            "shard": shard,
            "only_chosen": self.only_chosen,
            "standards": list(self.standards),
        }


class Exporter:
    """Base of the formats. A subclass says which kinds it holds and how one record looks."""

    title: ClassVar[str]  # the format as its users call it
    shapes: ClassVar[Mapping[RecordKind, str]]  # kind -> how a line looks, for people
    sink: ClassVar[type[Sink]] = JsonLines
    has_turns: ClassVar[bool] = False  # whether its lines hold turns in OpenAI chat form

    @property
    def slug(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        """One record in the format. Raises Unfit with the reason where it does not fit."""
        raise NotImplementedError

    def reads(self, kind: RecordKind) -> Sequence[str]:
        """The columns that `line` reads."""
        return TEXTS[kind]

    def schema(self, kind: RecordKind) -> pa.Schema:
        """The columns of a file, where its format has any."""
        return pa.schema([])

    def beside(self, manifest: Manifest, data: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
        """Further files that the trainer reads, name -> text; `data` are the data files of each split."""
        return {}

    def export(
        self,
        rows: Iterable[pa.RecordBatch],
        kind: RecordKind,
        *,
        to: Place,
        origin: Origin,
        form: Form | None = None,
    ) -> Manifest:
        """Write a release to a place. An earlier export there is replaced, anything else is left alone.

        A column `copies` repeats a row. Raises SynthError; in a folder what was there before is then still there.
        """
        form = form or Form()
        shown = self.kind_shown(kind, form)
        with to.written() as folder:
            return _Export(self, folder, kind, shown, origin, form).write(rows)

    def there(self, kind: RecordKind, *, to: Place, origin: Origin, form: Form | None = None) -> Manifest | None:
        """The manifest of this very export, when it is at `to` already and whole."""
        form = form or Form()
        identity = self.identity(self.kind_shown(kind, form), origin, form)
        found = to.found() if origin.data_version else None
        return found if found is not None and found.identity == identity else None

    def identity(self, kind: RecordKind, origin: Origin, form: Form) -> str:
        """What an export depends on: the release's data, the form, and who writes it."""
        signer = origin.signer.key if origin.signer else ""
        stated = (signer, origin.about.creator, origin.about.url) if origin.about else (signer,)
        approved = (origin.approval,) if origin.approval.get("approvals") else ()
        whole = (origin.dataset, origin.release, origin.data_version, form.as_json(), *stated, *approved)
        parts = (maker(), self.slug, kind, *whole)
        return digest("export", *parts).hex()

    def kind_shown(self, kind: RecordKind, form: Form) -> RecordKind:
        """The kind of what goes out. Raises SynthError with the formats that fit, where this one does not."""
        if form.only_chosen and kind != "preference":
            raise SynthError(f"Only preference pairs have a chosen side; this release has {kind} records.")
        shown: RecordKind = "instruction" if form.only_chosen else kind
        if shown not in self.shapes:
            raise SynthError(
                f"The format '{self.slug}' holds no {shown} records. Formats that do: {', '.join(_holding(shown))}."
            )
        return shown


def _holding(kind: RecordKind) -> list[str]:
    from synth_dagster.exports import exporters

    return [slug for slug, other in exporters().items() if kind in other.shapes]


@dataclass
class Tally:
    """What was written so far. Tokens count each copy, since a trainer sees each."""

    records: Counter[str] = field(default_factory=Counter)  # by split
    rows: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any], kind: RecordKind, split: str, copies: int) -> None:
        self.records[split] += 1
        self.rows[split] += copies
        self.tokens += copies * sum(count_tokens(text) for text in texts_of(row, kind))
        self.licenses[row.get("license") or "unknown"] += 1
        self.sources[row.get("source") or "unknown"] += 1


@dataclass
class _Export:
    """One export while it is written into a fresh folder."""

    exporter: Exporter
    folder: Path
    stored: RecordKind  # the kind of the rows
    kind: RecordKind  # the kind of what goes out
    origin: Origin
    form: Form
    tally: Tally = field(default_factory=Tally)
    features: Sequence[Json] = ()  # of the columns, where a reader could not guess them
    columns: dict[str, str | Sequence[str]] = field(default_factory=dict)  # as the first lines show them

    def write(self, rows: Iterable[pa.RecordBatch]) -> Manifest:
        splits = self._data(rows)
        files = {name: facts for files in splits.values() for name, facts in files.files.items()}
        data = {name: tuple(files.data) for name, files in splits.items()}
        manifest = self._manifest(data, files)
        exporter, about = self.exporter, self.origin.about
        texts = {
            **exporter.beside(manifest, data),
            CARD: card(manifest, exporter.title, exporter.shapes[self.kind], data, self.features, about),
        }
        files |= {name: self._text(name, text) for name, text in texts.items()}
        files |= self._standards(replace(manifest, files=files), data)
        manifest = replace(manifest, files=files)
        seal(self.folder, manifest, self.origin.signer)
        return manifest

    def _standards(self, manifest: Manifest, data: Mapping[str, Sequence[str]]) -> dict[str, Mapping[str, Json]]:
        if self.origin.about is None:
            return {}
        facts, shown = self.origin.about, Shown(manifest=manifest, data=data, columns=self.columns)
        return {one.file: self._text(one.file, one.write(facts, shown)) for one in written(self.form.standards)}

    def _data(self, rows: Iterable[pa.RecordBatch]) -> dict[str, SplitFiles]:
        sink, schema = self.exporter.sink, self.exporter.schema(self.kind)
        splits = {name: SplitFiles(self.folder, name, sink, schema, self.form.shard) for name in self.form.split.names}
        columns = dict.fromkeys(("record_id", "license", "source", "copies", *self._reads()))
        for row in each(rows, tuple(columns)):
            self._row(row, splits)
        for files in splits.values():
            files.close()
        return splits

    def _reads(self) -> Sequence[str]:
        return (*TEXTS[self.stored], *self.exporter.reads(self.kind))

    def _row(self, row: dict[str, Any], splits: Mapping[str, SplitFiles]) -> None:
        copies = _copies(row)
        if not copies:
            return
        try:
            shown = chosen_side(row) if self.form.only_chosen else row
            line = self.exporter.line(shown, self.kind)
        except Unfit as unfit:
            self.tally.left_out[str(unfit)] += 1
            return
        if not self.features and self.exporter.has_turns and has_rare_fields(shown, self.kind):
            self.features = features_of(line)
        if self.tally.records.total() < DESCRIBED:
            self.columns |= columns_of(line)
        split, encoded = self.form.split.side(row["record_id"]), self.exporter.sink.encode(line)
        for _ in range(copies):
            splits[split].write(encoded, row["record_id"])
        self.tally.add(shown, self.kind, split, copies)

    def _manifest(self, data: Mapping[str, Sequence[str]], files: Mapping[str, Mapping[str, Json]]) -> Manifest:
        tally, origin = self.tally, self.origin
        for split in self.form.split.names:
            if not tally.rows[split]:
                raise SynthError(self._nothing(split))
        return Manifest(
            format=self.exporter.slug,
            dataset=origin.dataset,
            release=origin.release,
            kind=self.kind,
            demo=origin.demo,
            records=tally.records.total(),
            rows=tally.rows.total(),
            tokens=tally.tokens,
            splits={
                split: {"records": tally.records[split], "rows": tally.rows[split], "files": list(names)}
                for split, names in data.items()
            },
            left_out=dict(sorted(tally.left_out.items())),
            licenses=dict(sorted(tally.licenses.items())),
            sources=dict(sorted(tally.sources.items())),
            files=files,
            options=self.form.as_json(),
            facts=dict(origin.facts),
            approval=dict(origin.approval),
            identity=self.exporter.identity(self.kind, origin, self.form),
            created_by=maker(),
            signed_by=origin.signer.key if origin.signer else "",
        )

    def _nothing(self, split: str) -> str:
        left_out = self.tally.left_out
        why = f" (left out: {canonical_json(left_out)})" if left_out else ": it has no records"
        part = "" if split == TRAIN else f" for the {split} part"
        return (
            f"The release '{self.origin.release}' of '{self.origin.dataset}' gives no row in the format "
            f"'{self.exporter.slug}'{part}{why}. Nothing was written."
        )

    def _text(self, name: str, text: str) -> dict[str, Json]:
        data = text.encode()
        (self.folder / name).write_bytes(data)
        return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _copies(row: Mapping[str, Any]) -> int:
    copies = row.get("copies")
    if copies is not None and copies < 0:
        raise SynthError(
            f"Record {row['record_id'].hex()} has {copies} copies. The mix must give 0 or more: make it anew."
        )
    return 1 if copies is None else int(copies)


def maker() -> str:
    """Who writes, as manifests name it."""
    try:
        return f"{MAKER} {version('synth-dagster')}"
    except PackageNotFoundError:  # the library is used from a folder, without being installed
        return f"{MAKER} from source"
