"""A folder that appears whole: written beside its place, then renamed. What was there goes when the new one is ready.

Between the two renames of a replacement nothing is at the place for an instant; whoever is killed there leaves the old
folder beside it, and the next export puts it back before it begins.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from synth_dagster.errors import SynthError
from synth_dagster.exports.manifest import MANIFEST, Manifest, manifest_from
from synth_dagster.exports.seal import OWN, own_files
from synth_dagster.records import Json


@contextmanager
def written(to: Path) -> Iterator[Path]:
    """A fresh folder to write into; it stands at `to` when the block ends well and is gone when it does not."""
    place = to.absolute().resolve()
    try:
        _recover(place)
        _check_replaceable(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = _beside(place, f"partial-{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
    except OSError as error:
        raise _failure(place, error) from error
    try:
        yield fresh
        _flush(fresh)
        _swap(fresh, place)
    except OSError as error:
        raise _failure(place, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def found(to: Path) -> Manifest | None:
    """The manifest of the export at `to`, when every file that it lists is there and has its checksum."""
    folder = to.absolute().resolve()
    manifest = _manifest(folder)
    if manifest is None or not all(_is_whole(folder / name, facts) for name, facts in manifest.files.items()):
        return None
    return manifest if all((folder / name).is_file() for name in own_files(manifest)) else None


def _is_whole(file: Path, facts: Mapping[str, Json]) -> bool:
    try:
        if file.stat().st_size != facts["bytes"]:
            return False
        with file.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest() == facts["sha256"]
    except OSError:
        return False


def is_export(folder: Path) -> bool:
    """Whether a folder is an export of ours and holds nothing else, so that replacing it loses nothing."""
    manifest = _manifest(folder)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    return manifest is not None and files <= {*manifest.files, *OWN}


def _manifest(folder: Path) -> Manifest | None:
    try:
        return manifest_from((folder / MANIFEST).read_bytes())
    except OSError:
        return None


def _check_replaceable(place: Path) -> None:
    if not place.exists():
        return
    if not place.is_dir():
        raise SynthError(f"{place} is a file, and an export is a folder. Name another place with --to.")
    if any(place.iterdir()) and not is_export(place):
        raise SynthError(
            f"{place} holds something else than an earlier export, and nothing there is touched. "
            "Name an empty or a new folder with --to."
        )


def _beside(place: Path, suffix: str) -> Path:
    return place.with_name(f".{place.name}.{suffix}")


def _swap(fresh: Path, place: Path) -> None:
    old = _beside(place, "replaced")
    if place.exists():
        place.rename(old)
    try:
        fresh.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _recover(place: Path) -> None:
    """Clean up after exports that were killed."""
    old = _beside(place, "replaced")
    if old.exists() and not place.exists():
        old.rename(place)
    shutil.rmtree(old, ignore_errors=True)
    for partial in place.parent.glob(f".{_escaped(place.name)}.partial-*"):
        if not _is_running(partial.name.rpartition("-")[2]):
            shutil.rmtree(partial, ignore_errors=True)


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:  # somebody else's process: it runs
        return True
    return int(pid) != os.getpid()


def _flush(folder: Path) -> None:
    """Everything on the disk before the folder gets its name."""
    for path in (*folder.rglob("*"), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _failure(place: Path, error: OSError) -> SynthError:
    cure = "Free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Check the place and its permissions"
    return SynthError(
        f"The export to {place} could not be written: {error.strerror or error}. {cure} and export again; "
        "what was there before is still there."
    )
