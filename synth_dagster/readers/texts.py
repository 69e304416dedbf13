"""Texts to compare with, such as a benchmark to keep out: the user turns of the files under a path of the project."""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from synth_dagster.errors import SynthError


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A file of reference texts: its name under the path that was given, its SHA-256, and its texts."""

    name: str
    sha256: str
    items: int


FIELDS = ("question", "prompt", "instruction", "input", "query", "problem", "text", "turns")
SUFFIXES = (".jsonl", ".txt", ".csv")


def read_texts(root: Path, path: str) -> Sequence[str]:
    """The user turns in file and line order. Raises SynthError when nothing is found there, or a line is no JSON."""
    texts = [text.strip() for file in _files(root, path) for text in _READERS[file.suffix](file)]
    found = [text for text in texts if text]
    if not found:
        raise SynthError(
            f"No text to compare with under '{path}'. Put {', '.join(SUFFIXES)} files there; "
            f"a line of JSON holds it in one of {', '.join(FIELDS)}."
        )
    return found


def reference_files(root: Path, path: str) -> list[ReferenceFile]:
    """The files that `read_texts` reads there, in its order."""
    place = (root / path).resolve()
    found = []
    for file in _files(root, path):
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        items = sum(1 for text in _READERS[file.suffix](file) if text.strip())
        name = file.relative_to(place).as_posix() if place.is_dir() else file.name
        found.append(ReferenceFile(name, digest, items))
    return found


def _files(root: Path, path: str) -> list[Path]:
    place = (root / path).resolve()
    if not place.is_relative_to(root.resolve()):
        raise SynthError(f"'{path}' leaves the project. Copy what it points to into the project.")
    found = sorted(place.rglob("*")) if place.is_dir() else [place]
    return [file for file in found if file.is_file() and file.suffix in SUFFIXES]


def _jsonl(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield from _turns(_parsed(line, file, number))


def _parsed(line: str, file: Path, number: int) -> object:
    try:
        return json.loads(line)
    except ValueError:
        raise SynthError(
            f"{file.name}:{number} is not JSON. A reference file must be whole: correct the line."
        ) from None


def _turns(item: object) -> Iterator[str]:
    if isinstance(item, str):
        yield item
    elif isinstance(item, dict):
        value = next((item[name] for name in FIELDS if item.get(name)), "")
        yield from [str(turn) for turn in value] if isinstance(value, list) else [str(value)]


def _txt(file: Path) -> Iterator[str]:
    yield from file.read_text(encoding="utf-8-sig").split("\n\n")


def _csv(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig", newline="") as rows:
        yield from (row[0] for row in csv.reader(rows) if row)


_READERS = {".jsonl": _jsonl, ".txt": _txt, ".csv": _csv}
