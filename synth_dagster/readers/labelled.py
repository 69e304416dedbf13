"""Labelled texts to learn from: the files under a path of the project."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from synth_dagster.errors import SynthError

LABELLED = pa.schema([("text", pa.string()), ("label", pa.string())])
_FORMS = "a .jsonl file whose lines have 'text' and 'label', or a folder for each label with .txt files in it"


def read_labelled(root: Path, path: str) -> pa.Table:
    """Columns text and label, in file and line order. Raises SynthError for what is not there or cannot be read."""
    place = (root / path).resolve()
    if not place.is_relative_to(root.resolve()):
        raise SynthError(f"'{path}' leaves the project. Copy what it points to into the project.")
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    files = [file for file in files if file.is_file() and not file.name.startswith(".")]
    rows = [row for file in files for row in _rows(file, place)]
    if len({label for _, label in rows}) < 2:
        raise SynthError(f"'{path}' has no texts of two labels to learn from. Put there {_FORMS}.")
    return pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]}, schema=LABELLED)


def read_rows(root: Path, path: str) -> list[dict[str, Any]]:
    """The objects of the .jsonl files under a path of the project, in file and line order; or those of a .json list.

    Raises SynthError.
    """
    place = (root / path).resolve()
    if not place.is_relative_to(root.resolve()):
        raise SynthError(f"'{path}' leaves the project. Copy what it points to into the project.")
    if not place.exists():
        raise SynthError(f"'{path}' is not there. Put it into the project, or correct the path.")
    files = sorted(place.rglob("*.jsonl")) if place.is_dir() else [place]
    return [row for file in files for row in _objects(file)]


def _objects(file: Path) -> list[dict[str, Any]]:
    if file.suffix != ".json":
        return [_object(line, where) for line, where in _numbered(file)]
    try:
        rows = json.loads(file.read_text(encoding="utf-8-sig", errors="replace"))
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SynthError(f"{file.name} is no JSON list of objects. Correct it, or write an object a line as .jsonl.")
    return rows


def table_digest(table: pa.Table) -> str:
    """A hash of the texts and labels of a table, in their order, and of their vectors where they have any."""
    made = hashlib.sha256()
    for row in table.select(["text", "label"]).to_pylist():
        made.update(json.dumps([row["text"], row["label"]]).encode())
    if "vector" in table.column_names:
        made.update(table["vector"].combine_chunks().flatten().to_numpy().tobytes())
    return made.hexdigest()


def _rows(file: Path, place: Path) -> Iterator[tuple[str, str]]:
    if file.suffix == ".jsonl":
        yield from (_pair(line, where) for line, where in _numbered(file))
    elif file.suffix == ".txt" and file.parent != place and place.is_dir():
        yield file.read_text(encoding="utf-8-sig", errors="replace"), file.relative_to(place).parts[0]


def _numbered(file: Path) -> Iterator[tuple[str, str]]:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield line, f"{file.name}:{number}"


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise SynthError(f"{where} is no JSON object. Correct the line.")
    return row


def _pair(line: str, where: str) -> tuple[str, str]:
    row = _object(line, where)
    text, label = row.get("text"), row.get("label")
    if not isinstance(text, str) or not isinstance(label, str | int) or isinstance(label, bool):
        raise SynthError(f"{where} needs 'text', and 'label', a name or a whole number. Correct the line.")
    return text, str(label)
