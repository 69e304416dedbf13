"""Where an export goes: a folder of this machine, or a bucket."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from synth_dagster.exports import folder
from synth_dagster.exports.bucket import Bucket
from synth_dagster.exports.manifest import Manifest
from synth_dagster.storage import Store, is_bucket


class Place(Protocol):
    """A destination that holds an export whole or not at all."""

    def found(self) -> Manifest | None:
        """The manifest of the export that is there, when all its files are."""
        ...

    def written(self) -> AbstractContextManager[Path]:
        """A fresh folder to write into; what it holds is at the place when the block ends well."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine."""

    to: Path

    def found(self) -> Manifest | None:
        return folder.found(self.to)

    def written(self) -> AbstractContextManager[Path]:
        return folder.written(self.to)


def place_of(to: str, open_bucket: Callable[[str], Store]) -> Place:
    """The place that a path or an s3 URL means. Raises StorageError for another URL."""
    return Bucket(open_bucket(to)) if is_bucket(to) else Folder(Path(to))
