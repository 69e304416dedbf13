"""Which files a path of the project means: a file, a folder or a pattern, in a stable order, never outside it.

What a delivery holds besides is named, not skipped in silence, except hidden and temporary files: these are how
programs write what is not finished.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from synth_dagster.errors import SynthError
from synth_dagster.readers.base import NotDelivered
from synth_dagster.readers.formats.delivery import FORMATS, format_problem
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.places import Places

TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".swp", ".lock", "~")
_MAGIC = "*?["


def found_files(places: Places, path: str, *, optional: bool = False) -> list[File]:
    """The files a path means, by name. Raises NotDelivered if there is none, SynthError if it leaves the project."""
    home, inside, prefix = places.home_of(path)
    root = home.resolve()
    _check_inside(root, inside, path)
    found = sorted(_found(root, inside), key=lambda file: (file.key, file.name))
    if not found and not optional:
        raise NotDelivered(
            f"No file is at '{inside}' in {root}. Put {', '.join(FORMATS)} files there, correct the path, or say "
            "'optional: true' if the source may be absent."
        )
    return [replace(file, name=prefix + file.name) for file in _judged(found, root)]


def file_facts(places: Places, path: str) -> str | None:
    """A hash over names, sizes and times of the files that a path means; None when there is none. Nothing is opened."""
    home, inside, _ = places.home_of(path)
    root = home.resolve()
    _check_inside(root, inside, path)
    found = sorted((file.name, *_facts(root / file.name)) for file in _found(root, inside))
    whole = hashlib.blake2b(digest_size=16)
    for facts in found:
        whole.update(repr(facts).encode("utf-8", "backslashreplace"))
    return whole.hexdigest() if found else None


def _facts(path: Path) -> tuple[int, int, int]:
    """Size and times. The time of any change moves also where a copy keeps its original's time of writing."""
    try:
        status = path.stat()
    except (OSError, RuntimeError):
        return (-1, 0, 0)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_passing(name: str) -> bool:
    """Hidden, or a file that is still being written."""
    return name.startswith((".", "~$", "#")) or name.lower().endswith(TEMPORARY)


def _check_inside(root: Path, path: str, given: str) -> None:
    if not path.strip() or "\0" in path:
        raise SynthError(
            "The path of the source is empty or holds a NUL. Name a file, a folder or a pattern of the project."
        )
    fixed, folder = _before_magic(path), "project" if path == given else "inbox"
    if not (root / fixed).resolve().is_relative_to(root) or (fixed != path and ".." in PurePosixPath(path).parts):
        raise SynthError(
            f"'{given}' leaves the {folder} {root}, by '..', as an absolute path or through a link. "
            f"Copy what it points to into the {folder} and name it there."
        )


def _before_magic(path: str) -> str:
    """The folders of a pattern that come before its first wildcard."""
    parts = PurePosixPath(path).parts
    fixed = next((number for number, part in enumerate(parts) if any(sign in part for sign in _MAGIC)), None)
    return path if fixed is None else str(PurePosixPath(*parts[:fixed]))


def _found(root: Path, path: str) -> Iterator[File]:
    place = root / path
    if PurePosixPath(path).is_absolute() or ".." in place.parts:
        place = place.resolve()  # one file has one key, however the recipe spells its path
    if place.is_dir():
        yield from _walked(root, place)
    elif os.path.lexists(place):
        yield _file(root, place)
    else:
        yield from _matched(root, place)


def _matched(root: Path, place: Path) -> Iterator[File]:
    pattern = os.path.relpath(place, root)
    try:
        matches = [match for match in root.glob(pattern) if match.is_symlink() or not match.is_dir()]
    except (ValueError, NotImplementedError) as error:
        raise SynthError(
            f"'{pattern}' is no pattern of files: {error}. Use *, ? and ** as a whole folder name."
        ) from error
    yield from (_file(root, match) for match in matches if not is_passing(match.name))


def _walked(root: Path, folder: Path) -> Iterator[File]:
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not is_passing(name)]
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        yield from (_linked(root, Path(place) / name) for name in links)
        yield from (_file(root, Path(place) / name) for name in files if not is_passing(name))
    yield from (_unreadable(root, Path(error.filename), error) for error in closed)


def _file(root: Path, path: Path, problem: tuple[str, str] | None = None) -> File:
    return File(path.relative_to(root).as_posix(), partial(_opened, path), partial(_version, path), problem)


def _opened(path: Path, offset: int) -> BinaryIO:
    stream = path.open("rb")
    stream.seek(offset)
    return stream


def _version(path: Path) -> str:
    status = path.stat()
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"


def _linked(root: Path, path: Path) -> File:
    detail = "It is a link to a folder, and links to folders are not followed. Put the folder itself there."
    return _file(root, path, ("linked_folder", detail))


def _unreadable(root: Path, path: Path, error: OSError) -> File:
    return _file(root, path, ("unreadable", f"{error.strerror}. Allow this user to read it."))


def _judged(found: list[File], root: Path) -> list[File]:
    """The same files, each with what keeps it from being read."""
    seen: set[str] = set()
    judged: list[File] = []
    for file in found:
        twin = ("duplicate_key", "Another file has this name in another Unicode spelling. Rename one.")
        problem = twin if file.key in seen else file.problem or _problem(root / file.name, root)
        judged.append(replace(file, problem=problem))
        seen.add(file.key)
    return judged


def _problem(path: Path, root: Path) -> tuple[str, str] | None:
    try:
        if not path.resolve(strict=True).is_relative_to(root):
            return "outside_project", "It is a link that leaves the project. Copy what it points to into the project."
        status = path.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        return "unreadable", f"{getattr(error, 'strerror', None) or 'The link leads to itself'}. Repair or remove it."
    if not stat.S_ISREG(status.st_mode):
        return "not_a_file", "It is a device, a socket or a pipe. Only plain files are read."
    if status.st_size == 0:
        return "empty_file", "It has no bytes. Deliver it again, or remove it."
    return format_problem(path.name)
