"""Which files a path of the project means: a file, a folder or a pattern, in a stable order, never outside it.

What a delivery holds besides is named, not skipped in silence, except hidden and temporary files: these are how
programs write what is not finished.
"""

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from synth_dagster.errors import SynthError
from synth_dagster.readers.base import NotDelivered, well_formed
from synth_dagster.readers.places import Places

TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".swp", ".lock", "~")
_MAGIC = "*?["


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a delivery, and why it cannot be read, if so: reason and detail."""

    name: str  # relative to the project, as the file system spells it; `inbox/...` wherever the inbox stands
    path: Path
    problem: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        """The name in one spelling: macOS and Linux write an accent differently."""
        return unicodedata.normalize("NFC", well_formed(self.name))


def found_files(places: Places, path: str, *, suffixes: Iterable[str], optional: bool = False) -> list[Found]:
    """The files a path means, by name. Raises NotDelivered if there is none, SynthError if it leaves the project."""
    home, inside, prefix = places.home_of(path)
    root = home.resolve()
    _check_inside(root, inside, path)
    found = sorted(_found(root, inside), key=lambda file: (file.key, file.name))
    if not found and not optional:
        raise NotDelivered(
            f"No file is at '{inside}' in {root}. Put {', '.join(suffixes)} files there, correct the path, or say "
            "'optional: true' if the source may be absent."
        )
    return [replace(file, name=prefix + file.name) for file in _judged(found, root, tuple(suffixes))]


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


def _found(root: Path, path: str) -> Iterator[Found]:
    place = root / path
    if PurePosixPath(path).is_absolute() or ".." in place.parts:
        place = place.resolve()  # one file has one key, however the recipe spells its path
    if place.is_dir():
        yield from _walked(root, place)
    elif os.path.lexists(place):
        yield _file(root, place)
    else:
        yield from _matched(root, place)


def _matched(root: Path, place: Path) -> Iterator[Found]:
    pattern = os.path.relpath(place, root)
    try:
        matches = [match for match in root.glob(pattern) if match.is_symlink() or not match.is_dir()]
    except (ValueError, NotImplementedError) as error:
        raise SynthError(
            f"'{pattern}' is no pattern of files: {error}. Use *, ? and ** as a whole folder name."
        ) from error
    yield from (_file(root, match) for match in matches if not is_passing(match.name))


def _walked(root: Path, folder: Path) -> Iterator[Found]:
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not is_passing(name)]
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        yield from (_linked(root, Path(place) / name) for name in links)
        yield from (_file(root, Path(place) / name) for name in files if not is_passing(name))
    yield from (_unreadable(root, Path(error.filename), error) for error in closed)


def _file(root: Path, path: Path) -> Found:
    return Found(path.relative_to(root).as_posix(), path)


def _linked(root: Path, path: Path) -> Found:
    detail = "It is a link to a folder, and links to folders are not followed. Put the folder itself there."
    return Found(path.relative_to(root).as_posix(), path, ("linked_folder", detail))


def _unreadable(root: Path, path: Path, error: OSError) -> Found:
    return Found(
        path.relative_to(root).as_posix(), path, ("unreadable", f"{error.strerror}. Allow this user to read it.")
    )


def _judged(found: list[Found], root: Path, suffixes: tuple[str, ...]) -> list[Found]:
    """The same files, each with what keeps it from being read."""
    seen: set[str] = set()
    judged: list[Found] = []
    for file in found:
        twin = ("duplicate_key", "Another file has this name in another Unicode spelling. Rename one.")
        problem = twin if file.key in seen else file.problem or _problem(file.path, root, suffixes)
        judged.append(Found(file.name, file.path, problem))
        seen.add(file.key)
    return judged


def _problem(path: Path, root: Path, suffixes: tuple[str, ...]) -> tuple[str, str] | None:
    try:
        if not path.resolve(strict=True).is_relative_to(root):
            return "outside_project", "It is a link that leaves the project. Copy what it points to into the project."
        status = path.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        return "unreadable", f"{getattr(error, 'strerror', None) or 'The link leads to itself'}. Repair or remove it."
    if not stat.S_ISREG(status.st_mode):
        return "not_a_file", "It is a device, a socket or a pipe. Only plain files are read."
    if path.suffix.lower() not in suffixes:
        return "unknown_format", f"'{path.suffix}' is not read here. Allowed are {', '.join(suffixes)}."
    if status.st_size == 0:
        return "empty_file", "It has no bytes. Deliver it again, or remove it."
    return None
