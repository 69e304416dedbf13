"""Whether a release in the lake is still what was published: its manifest, every file, its rows in the metadata.

A file is held against its bytes. Where another file has taken its place, as when somebody compacts a table, the rows
are held against what they say. What a vacuum or an erasure has taken of the inputs is told and is no fault: the release
itself is unchanged.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.exports.verify import Fault, Verified, hash_of, signature_of
from synth_dagster.governance.approvals import approval_of
from synth_dagster.governance.release_seal import (
    about_row,
    manifest_file,
    prompt_hash,
    recipe_hash,
    signature_file,
)
from synth_dagster.lake.canonical import data_version
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.lake.seals import Seal, Seals
from synth_dagster.storage import NotThere

METADATA = "the lake's metadata"


def verify_release(lake: Lake, release: Release, expected: str | None = None) -> Verified:
    """Check a release; `expected` is the key that should have signed it.

    Raises SynthError for one that was withdrawn, or is older than manifests.
    """
    if release.state == "withdrawn":
        raise SynthError(_withdrawn(lake, release))
    sealed, name = Seals(lake.meta.database).of(release.dataset, release.release), manifest_file(release)
    try:
        data: bytes | None = lake.store.read(name)
    except NotThere:
        data = None
    if sealed is None and data is None:
        raise SynthError(
            f"Release '{release.release}' of '{release.dataset}' has no manifest: it is older than manifests, or its "
            f"run was stopped before it had one. 'synth run {release.dataset} --release {release.release}' makes the "
            "same release again, which must give the same bytes, and writes it."
        )
    look = _Look(lake, release)
    manifest = look.manifest(data)
    key = look.seal(data, sealed, manifest, expected)
    if manifest is not None:
        look.whole(manifest)
    look.approvals(sealed)
    return Verified(
        place=f"the lake {lake.store.url}",
        what=f"{release.release} of {release.dataset}",
        files=len(manifest["files"]) if manifest else 0,
        faults=tuple(look.faults),
        signed_by=key,
        expected=expected,
        notes=tuple(look.notes),
        approval=approval_of(lake, release).line(),
    )


def _withdrawn(lake: Lake, release: Release) -> str:
    # each erasure withdraws the successor that the one before it has left
    left, releases = release, lake.meta.releases(release.dataset)
    while later := [one for one in releases if one.manifest.get("successor_of") == left.release]:
        left = later[-1]
    cure = f" '{left.release}' is what is left of it." if left.state == "accepted" else ""
    return (
        f"Release '{release.release}' of '{release.dataset}' was withdrawn, since records of it were erased: it is no "
        f"longer what was published, and is not meant to be.{cure}"
    )


@dataclass
class _Look:
    """One look at a release, and what was found."""

    lake: Lake
    release: Release
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def manifest(self, data: bytes | None) -> dict[str, Any] | None:
        name = manifest_file(self.release)
        if data is None:
            self.faults.append(Fault(name, "is missing"))
            return None
        try:
            found = json.loads(data)
            entries = [(one["sha256"], one["version"], one["stage"], one["batch"]) for one in found["files"].values()]
            named = (found["recipes"].items(), found["prompts"].items(), found["own"].items(), str(found["signed_by"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.faults.append(Fault(name, "cannot be read: it was changed"))
            return None
        return found if entries and named else None

    def seal(
        self, data: bytes | None, sealed: Seal | None, manifest: Mapping[str, Any] | None, expected: str | None
    ) -> str | None:
        """The key whose signature of the manifest holds."""
        name, signature = manifest_file(self.release), signature_file(self.release)
        if data is None:
            return None
        signed_by = manifest["signed_by"] if manifest else sealed.signed_by if sealed else ""
        key, wrong = signature_of(self.lake.store, signature, data, about=name, signed_by=signed_by)
        self.faults += wrong
        if sealed is None:
            self.faults.append(Fault(METADATA, f"does not know {name}: it was changed, or the file was added"))
        elif sealed.manifest != sha256(data).hexdigest():
            self.faults.append(
                Fault(METADATA, f"names another manifest than {name}, whose signature holds")
                if key
                else Fault(name, f"is not the one that {METADATA} names: one of the two was changed")
            )
        if expected is not None and not wrong and key != expected:
            by = f"signed by another key, {key}" if key else "not signed"
            self.faults.append(Fault(name, f"is {by}; expected was {expected}"))
        return key

    def whole(self, manifest: Mapping[str, Any]) -> None:
        """Everything that a manifest lists."""
        own = set(manifest["own"].values())
        for name, told in sorted(manifest["files"].items()):
            self._file(name, told, is_own=told["version"] in own)
        self._row(manifest)
        for what, now in (("recipe", recipe_hash), ("prompt", prompt_hash)):
            for name, hashed in manifest[f"{what}s"].items():
                found = now(self.lake, name)
                if found != hashed:
                    wrong = "is missing" if found is None else "was changed"
                    self.faults.append(Fault(METADATA, f"the {what} {name} {wrong}"))

    def _file(self, name: str, told: Mapping[str, Any], *, is_own: bool) -> None:
        try:
            found = hash_of(self.lake.store, name)[1]
        except NotThere:
            found = None
        if found is not None and found != told["sha256"]:
            self.faults.append(Fault(name, f"was changed: its SHA-256 is {found}, not {told['sha256']}"))
        elif is_own:
            self._shown(name, told, is_there=found is not None)
        elif found is None:
            self.notes.append(f"{name}: {self._why_gone(told)}")

    def _shown(self, name: str, told: Mapping[str, Any], *, is_there: bool) -> None:
        """The table shows the file itself, or another that says the same."""
        now = self._now(told)
        if now is None:
            self.faults.append(Fault(name, "is no longer shown by its table" if is_there else "is missing"))
        elif now == "other":
            self.faults.append(Fault(name, "was replaced in its table by a file with other rows"))
        elif now == "same":
            self.notes.append(f"{name}: another file with the same rows has taken its place")
        elif not is_there:
            self.faults.append(Fault(name, "is missing"))

    def _now(self, told: Mapping[str, Any]) -> str | None:
        """How the table shows a version now: as `itself`, by files with the `same` rows, as `other` ones, or not."""
        try:
            place, shown = self.lake.snapshot(self.release.dataset, told["stage"])
        except UnknownName:  # a manifest that was changed, which its seal tells too
            return None
        files = shown.files_of((told["batch"],))
        if not files:
            return None
        if [PurePosixPath(file.path).stem for file in files] == [told["version"]]:
            return "itself"
        (column,) = shown.partition_by
        parts = (_rows(pq.ParquetFile(place.local(file)).read(), column, told) for file in files)
        try:
            return "same" if data_version(pa.concat_tables(parts)) == told["data_version"] else "other"
        except (pa.ArrowInvalid, KeyError, OSError):
            return "other"

    def _why_gone(self, told: Mapping[str, Any]) -> str:
        erased = self.lake.meta.database.row("select erasure from erased_versions where old = ?", (told["version"],))
        if erased:
            return f"the erasure {erased['erasure']} has rewritten it without records that this release does not hold"
        return "is no longer kept, as after a vacuum; what was made from it is unchanged"

    def _row(self, manifest: Mapping[str, Any]) -> None:
        for name, value in about_row(self.release).items():
            if manifest.get(name) != value:
                self.faults.append(Fault(METADATA, f"{name} of the release is {value}, not {manifest.get(name)}"))

    def approvals(self, sealed: Seal | None) -> None:
        """What was said about the release, and whether it was said of this manifest."""
        found = approval_of(self.lake, self.release)
        self.faults += [Fault(METADATA, fault) for fault in found.faults]
        for entry in found.standing:
            if not entry.statement.manifest:
                self.notes.append(f"{entry.line()}, before it had a manifest")
            elif sealed is None or entry.statement.manifest != sealed.manifest:
                self.faults.append(Fault(METADATA, f"{entry.line()} with another manifest"))


def _rows(table: pa.Table, column: str, told: Mapping[str, Any]) -> pa.Table:
    """The rows of a file with its partition's column, and none that its table got later."""
    filled = table if column in table.column_names else table.append_column(column, _repeated(told["batch"], table))
    return filled.select(told["columns"])


def _repeated(value: str, table: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), table.num_rows)
