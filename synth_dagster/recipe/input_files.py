"""Hashes of the files and folders that a recipe names: what they hold counts, never where the project stands."""

import hashlib
from functools import lru_cache
from pathlib import Path

from synth_dagster.errors import SynthError
from synth_dagster.records import fingerprint_of


def input_digest(path: Path, root: Path) -> str:
    """Hash of a file's bytes, or of the names and bytes of a folder's files; never of where the project stands."""
    try:
        files = [path] if path.is_file() else visible_files(path)
        return fingerprint_of([[file.relative_to(path).as_posix(), _file_digest(file)] for file in files])
    except OSError as error:
        shown = path.relative_to(root).as_posix()
        raise SynthError(
            f"'{shown}' of the recipe cannot be read: {error.strerror}. Put it back, or change the recipe."
        ) from error


def visible_files(folder: Path) -> list[Path]:
    """The files under a folder in order of their names; hidden ones and what is in hidden folders do not count."""
    if not folder.is_dir():
        raise FileNotFoundError(2, "no such file or folder", str(folder))
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _file_digest(file: Path) -> str:
    facts = file.stat()
    return _digest_at(file, facts.st_size, facts.st_mtime_ns, facts.st_ino)


@lru_cache(maxsize=4096)
def _digest_at(file: Path, size: int, changed: int, inode: int) -> str:
    """A benchmark may be large, and fingerprints are asked for often: an unchanged file is read once."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
