"""What an export is: rows of a release as one trainer reads them, in a folder that is there whole or not at all.

The folder holds `train.jsonl`, `record_ids.txt` (line for line the record behind a row, for `synth trace`),
`manifest.json` and a card. It is written beside its place and renamed. The same release gives the same bytes: nothing
in it says when it was made.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import pyarrow as pa

from synth_dagster.errors import SynthError
from synth_dagster.exports.card import card
from synth_dagster.exports.folder import MANIFEST, written
from synth_dagster.exports.manifest import MAKER, Manifest
from synth_dagster.parts.tokens import count as count_tokens
from synth_dagster.records import CONTENT, Json, RecordKind, canonical_json

DATA, IDS, CARD = "train.jsonl", "record_ids.txt", "README.md"
AT_ONCE = 500  # rows that are Python objects at one time


class Unfit(Exception):
    """A record that the format cannot hold; it is left out and counted under this reason."""


class Exporter:
    """Base of the formats. A subclass says which kinds it holds and how one record looks."""

    title: ClassVar[str]  # the format as its users call it
    shapes: ClassVar[Mapping[RecordKind, str]]  # kind -> how a line looks, for people

    @property
    def slug(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def line(self, row: Mapping[str, Any], kind: RecordKind) -> dict[str, Json]:
        """One record in the format. Raises Unfit with the reason where it does not fit."""
        raise NotImplementedError

    def export(
        self,
        rows: Iterable[pa.RecordBatch],
        kind: RecordKind,
        *,
        to: Path,
        dataset: str,
        release: str,
        demo: bool,
        facts: Mapping[str, Json] | None = None,
    ) -> Manifest:
        """Write a release into the folder `to`. An earlier export there is replaced, anything else is left alone.

        A column `copies` repeats a row. Raises SynthError; then what was there before is still there.
        """
        self._check(kind)
        with written(to) as folder:
            tally = Tally()
            with (folder / DATA).open("wb") as data, (folder / IDS).open("wb") as ids:
                self._write(rows, kind, tally, Hashed(data), Hashed(ids))
            manifest = self._manifest(kind, tally, dataset=dataset, release=release, demo=demo, facts=facts or {})
            (folder / CARD).write_text(card(manifest, self.title, self.shapes[kind], DATA), encoding="utf-8")
            (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        return manifest

    def _check(self, kind: RecordKind) -> None:
        if kind in self.shapes:
            return
        from synth_dagster.exports import exporters

        fitting = [slug for slug, other in exporters().items() if kind in other.shapes]
        raise SynthError(
            f"The format '{self.slug}' holds no {kind} records. Formats that do: {', '.join(fitting) or 'none'}."
        )

    def _write(
        self, rows: Iterable[pa.RecordBatch], kind: RecordKind, tally: "Tally", data: "Hashed", ids: "Hashed"
    ) -> None:
        for row in each(rows, kind):
            copies = _copies(row)
            try:
                line = _json_line(self.line(row, kind)) if copies else b""
            except Unfit as unfit:
                tally.left_out[str(unfit)] += 1
                continue
            for _ in range(copies):
                data.write(line)
                ids.write(row["record_id"].hex().encode() + b"\n")
            tally.add(row, kind, copies)
        tally.files = {DATA: data.facts(tally.rows), IDS: ids.facts(tally.rows)}

    def _manifest(
        self, kind: RecordKind, tally: "Tally", *, dataset: str, release: str, demo: bool, facts: Mapping[str, Json]
    ) -> Manifest:
        if not tally.rows:
            raise SynthError(
                f"The release '{release}' of '{dataset}' gives no row in the format '{self.slug}'"
                f"{_because(tally.left_out)}. Nothing was written."
            )
        return Manifest(
            format=self.slug,
            dataset=dataset,
            release=release,
            kind=kind,
            demo=demo,
            records=tally.records,
            rows=tally.rows,
            tokens=tally.tokens,
            left_out=dict(sorted(tally.left_out.items())),
            licenses=dict(sorted(tally.licenses.items())),
            sources=dict(sorted(tally.sources.items())),
            files=tally.files,
            facts=dict(facts),
            created_by=f"{MAKER} {_version()}",
        )


@dataclass
class Tally:
    """What was written so far. Tokens count each copy, since a trainer sees each."""

    records: int = 0
    rows: int = 0
    tokens: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    files: dict[str, dict[str, Json]] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any], kind: RecordKind, copies: int) -> None:
        self.records += copies > 0
        self.rows += copies
        self.tokens += copies * sum(count_tokens(text) for text in texts_of(row, kind))
        if copies:
            self.licenses[row.get("license") or "unknown"] += 1
            self.sources[row.get("source") or "unknown"] += 1


class Hashed:
    """A file that knows its length and checksum while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._sha, self._bytes = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._sha.update(data)
        self._bytes += len(data)

    def facts(self, rows: int) -> dict[str, Json]:
        return {"bytes": self._bytes, "rows": rows, "sha256": self._sha.hexdigest()}


# -------------------------------------------------------------------------------------------------------- rows to text


def each(rows: Iterable[pa.RecordBatch], kind: RecordKind) -> Iterator[dict[str, Any]]:
    """The rows as dicts, a few hundred at a time, of the columns that an export reads."""
    wanted = ("record_id", "license", "source", "copies", *(name for name, _, _ in CONTENT[kind]))
    for batch in rows:
        narrow = batch.select([name for name in wanted if name in batch.schema.names])
        for start in range(0, narrow.num_rows, AT_ONCE):
            yield from narrow.slice(start, AT_ONCE).to_pylist()


def texts_of(row: Mapping[str, Any], kind: RecordKind) -> Iterator[str]:
    """Every text of a row that a trainer reads."""
    if kind == "document":
        yield row["text"] or ""
        return
    columns = ("messages",) if kind == "instruction" else ("prompt", "chosen", "rejected")
    for column in columns:
        yield from (message["content"] or "" for message in row[column] or ())


def turns(messages: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Json]]:
    """A conversation in OpenAI chat form, without the fields that are empty. Raises Unfit where there is none."""
    if not messages:
        raise Unfit("no_messages")
    return [_turn(message) for message in messages]


def _turn(message: Mapping[str, Any]) -> dict[str, Json]:
    turn: dict[str, Json] = {"role": message["role"], "content": message["content"] or ""}
    if message.get("name") is not None:
        turn["name"] = message["name"]
    if message.get("tool_calls") is not None:
        turn["tool_calls"] = _parsed(message["tool_calls"])
    return turn


def _parsed(tool_calls: str) -> Json:
    try:
        return json.loads(tool_calls)
    except ValueError:
        raise Unfit("tool_calls_not_json") from None


def _copies(row: Mapping[str, Any]) -> int:
    copies = row.get("copies")
    if copies is not None and copies < 0:
        raise SynthError(
            f"Record {row['record_id'].hex()} has {copies} copies. The mix must give 0 or more: make it anew."
        )
    return 1 if copies is None else int(copies)


def _json_line(value: dict[str, Json]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    # some readers of JSON lines take these for the end of a line
    for separator in ("\u2028", "\u2029", "\x85"):
        text = text.replace(separator, f"\\u{ord(separator):04x}")
    return text.encode() + b"\n"


def _because(left_out: Mapping[str, int]) -> str:
    return f" (left out: {canonical_json(left_out)})" if left_out else ": it has no records"


def _version() -> str:
    try:
        return version("synth-dagster")
    except PackageNotFoundError:  # the library is used from a folder, without being installed
        return "from source"
