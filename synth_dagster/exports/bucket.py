"""An export in a bucket: data first, the manifest last, so that a manifest means that all of it is there.

A bucket has no rename. While an export is replaced there is no `manifest.json`, and `manifest.partial.json` lists what
is ours; whoever is stopped there leaves it, and the next export takes it up.
"""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from synth_dagster.errors import SynthError
from synth_dagster.exports.manifest import MANIFEST, Manifest, manifest_from
from synth_dagster.exports.seal import OWN, own_files
from synth_dagster.storage import NotThere, Store

PARTIAL = "manifest.partial.json"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place under s3://bucket/prefix."""

    store: Store

    def found(self) -> Manifest | None:
        """The manifest of the export that is there, when every file that it lists is, in its size."""
        manifest = self._manifest(MANIFEST)
        if manifest is None:
            return None
        sizes = {entry.name: entry.size for entry in self.store.entries()}
        is_there = all(sizes.get(name) == facts["bytes"] for name, facts in manifest.files.items())
        return manifest if is_there and own_files(manifest) <= sizes.keys() else None

    @contextmanager
    def written(self) -> Iterator[Path]:
        """A folder of this machine to write into; it is uploaded when the block ends well."""
        ours = self._replaceable()
        try:
            with TemporaryDirectory(prefix="synth-export-") as fresh:
                yield Path(fresh)
                self._upload(Path(fresh), ours)
        except OSError as error:
            raise self._failure(error) from error

    def _replaceable(self) -> set[str]:
        """The files of earlier exports there. Raises SynthError where anything else is."""
        earlier = [found for name in (MANIFEST, PARTIAL) if (found := self._manifest(name)) is not None]
        ours = {name for manifest in earlier for name in manifest.files}
        there = {entry.name for entry in self.store.entries()}
        foreign = there - ours - ({*OWN, PARTIAL} if earlier else set())
        if foreign:
            raise SynthError(
                f"{self.store.url} holds something else than an earlier export, such as '{min(foreign)}', and nothing "
                "there is touched. Name another prefix with --to."
            )
        return there & (ours | OWN - {MANIFEST})

    def _upload(self, fresh: Path, ours: set[str]) -> None:
        manifest = manifest_from((fresh / MANIFEST).read_bytes())
        assert manifest is not None  # it was written a moment ago
        partial = replace(manifest, files={**{name: {} for name in ours}, **manifest.files})
        self._put(PARTIAL, partial.to_json().encode())
        self.store.remove(MANIFEST)
        written = {*manifest.files, *own_files(manifest)} - {MANIFEST}
        for name in sorted(written):
            self._put_file(name, fresh / name)
        for name in ours - written:
            self.store.remove(name)
        self._put_file(MANIFEST, fresh / MANIFEST)
        self.store.remove(PARTIAL)

    def _put(self, name: str, data: bytes) -> None:
        self.store.write(name, lambda file: file.write(data), needed=len(data))

    def _put_file(self, name: str, path: Path) -> None:
        with path.open("rb") as data:
            self.store.write(name, lambda file: shutil.copyfileobj(data, file), needed=path.stat().st_size)

    def _manifest(self, name: str) -> Manifest | None:
        try:
            return manifest_from(self.store.read(name))
        except NotThere:
            return None

    def _failure(self, error: OSError) -> SynthError:
        cure = "Check the machine"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            cure = "Free some space, or set TMPDIR to a folder with room for the whole export,"
        return SynthError(
            f"The export to {self.store.url} is first written to {gettempdir()}, and that failed: "
            f"{error.strerror or error}. {cure} and export again."
        )
