"""Texts to compare with, such as a benchmark to keep out: the user turns of the files under a path of the project."""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from synth_dagster.errors import SynthError


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A file of reference texts: its name under the path that was given, its SHA-256, and its texts."""

    name: str
    sha256: str
    items: int


FIELDS = ("question", "prompt", "instruction", "input", "query", "problem", "text", "turns")
ANSWERS = ("answer", "response", "output", "solution", "completion", "reference", "target")
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


class FileStamp(NamedTuple):
    """What is another when a file has changed."""

    file: Path
    size: int
    inode: int
    modified_ns: int
    changed_ns: int


def file_stamps(root: Path, path: str) -> tuple[FileStamp, ...]:
    """Of the files that `read_texts` reads there, in its order, without reading them."""
    stats = ((file, file.stat()) for file in _files(root, path))
    return tuple(FileStamp(file, of.st_size, of.st_ino, of.st_mtime_ns, of.st_ctime_ns) for file, of in stats)


def texts_by_file(root: Path, path: str) -> dict[str, list[str]]:
    """The same texts, by the name of their file under the path; files without a text are left out."""
    read_texts(root, path)
    place = (root / path).resolve()
    found = {_name(file, place): [text.strip() for text in _READERS[file.suffix](file)] for file in _files(root, path)}
    return {name: [text for text in texts if text] for name, texts in found.items() if any(texts)}


def answers_by_file(root: Path, path: str) -> dict[str, list[str]]:
    """For each text of `texts_by_file` its answer, empty where there is none.

    Only a line of JSON says an answer, in a field beside its question; of several turns it is the answer to the last.
    """
    place = (root / path).resolve()
    found = {_name(file, place): file for file in _files(root, path)}
    return {
        name: [*_answers(found[name])] if name.endswith(".jsonl") else [""] * len(texts)
        for name, texts in texts_by_file(root, path).items()
    }


def _answers(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            item = _parsed(line, file, number) if line.strip() else None
            turns = [turn for turn in _turns(item) if turn.strip()]
            yield from [""] * (len(turns) - 1)
            yield from [_answer(item)] * bool(turns)


def _answer(item: object) -> str:
    """The first field that holds one; of a list its last one."""
    values = [item.get(name) for name in ANSWERS] if isinstance(item, dict) else []
    value = next((value for value in values if value not in (None, "", [])), "")
    last = value[-1] if isinstance(value, list) else value
    return last.strip() if isinstance(last, str) else str(last) if isinstance(last, int | float) else ""


def read_rows(root: Path, path: str) -> list[dict[str, object]]:
    """The objects of the JSON files under a path, in file and line order. Raises SynthError where there are none."""
    files = [file for file in _files(root, path) if file.suffix == ".jsonl"]
    found = [row for file in files for row in _objects(file)]
    if not found:
        raise SynthError(f"No line of JSON under '{path}'. Put a .jsonl file there, an object on each line.")
    return found


def _objects(file: Path) -> Iterator[dict[str, object]]:
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            item = _parsed(line, file, number) if line.strip() else None
            if isinstance(item, dict):
                yield item


def reference_files(root: Path, path: str) -> list[ReferenceFile]:
    """The files that `read_texts` reads there, in its order."""
    place = (root / path).resolve()
    found = []
    for file in _files(root, path):
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        items = sum(1 for text in _READERS[file.suffix](file) if text.strip())
        found.append(ReferenceFile(_name(file, place), digest, items))
    return found


def _name(file: Path, place: Path) -> str:
    return file.relative_to(place).as_posix() if place.is_dir() else file.name


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
