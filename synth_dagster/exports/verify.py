"""Whether an export is still what was handed over: every file's hash, nothing missing or added, and whose signature.

It needs no lake and no project, so whoever gets the data can check it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synth_dagster.errors import SynthError
from synth_dagster.exports.manifest import MANIFEST, Manifest, manifest_from
from synth_dagster.exports.seal import OWN, SIGNATURE, SUMS, sums
from synth_dagster.records import Json
from synth_dagster.signing import VARIABLE, BadSignature, check
from synth_dagster.storage import NotThere, Store

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is not as it was handed over, and how."""

    file: str
    what: str

    def line(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found. `signed_by` is the key whose signature holds; `expected` the one that was asked for."""

    place: str
    what: str  # release and dataset, as the manifest names them
    files: int
    faults: tuple[Fault, ...]
    signed_by: str | None
    expected: str | None
    notes: tuple[str, ...] = ()  # what is told and is no fault
    approval: str = ""  # how the release stands, or stood when it went out

    @property
    def is_whole(self) -> bool:
        return not self.faults

    def signature(self) -> str:
        """What is to be said about the signature."""
        if self.signed_by is None:
            return f"Unsigned: checksums show that nothing changed, not who made it. {VARIABLE} names a key that signs."
        if self.expected is None:
            return f"Signed by {self.signed_by}. Whose key that is, --key with the key you trust will tell."
        return f"Signed by {self.signed_by}, the key that was expected."

    def as_json(self) -> dict[str, Any]:
        return {
            "place": self.place,
            "what": self.what,
            "whole": self.is_whole,
            "files": self.files,
            "faults": [{"file": fault.file, "what": fault.what} for fault in self.faults],
            "signed_by": self.signed_by,
            "expected": self.expected,
            "notes": list(self.notes),
            "approval": self.approval,
        }


def verify(store: Store, expected: str | None = None) -> Verified:
    """Check what is at a place; `expected` is the key that should have signed it. Raises SynthError for no export."""
    there = {entry.name: entry.size for entry in store.entries()}
    if MANIFEST not in there:
        raise SynthError(
            f"{store.url} holds no {MANIFEST}, so it is no export of ours, or one that was never finished."
        )
    data = store.read(MANIFEST)
    manifest = manifest_from(data)
    if manifest is None:
        fault = Fault(MANIFEST, "cannot be read: it was changed, or is of another program")
        return Verified(place=store.url, what="", files=0, faults=(fault,), signed_by=None, expected=expected)
    key, unsigned = signature_of(store, SIGNATURE, data, about=MANIFEST, signed_by=manifest.signed_by)
    faults = [*_files(store, manifest, there), *_sums(store, there, manifest, data, key), *unsigned]
    if expected is not None and not unsigned and key != expected:
        by = f"signed by another key, {key}" if key else "not signed"
        faults.append(Fault(MANIFEST, f"is {by}; expected was {expected}"))
    return Verified(
        place=store.url,
        what=f"{manifest.release} of {manifest.dataset}",
        files=len(manifest.files),
        faults=tuple(faults),
        signed_by=key,
        expected=expected,
        approval=_approval(manifest),
    )


def _approval(manifest: Manifest) -> str:
    said: Any = manifest.approval.get("approvals") or ()
    try:
        told = [f"approved by {one['by']} on {one['at'][:10]}" for one in said]
    except (KeyError, TypeError):  # what somebody has changed is a fault of the manifest
        return ""
    return "; ".join(told) or str(manifest.approval.get("state", ""))


def _files(store: Store, manifest: Manifest, there: Mapping[str, int]) -> Iterator[Fault]:
    for name, facts in sorted(manifest.files.items()):
        what = _changed(store, name, facts) if name in there else "is missing"
        if what:
            yield Fault(name, what)
    for name in sorted(there.keys() - manifest.files.keys() - OWN):
        yield Fault(name, f"is not in {MANIFEST}: it was added")


def _changed(store: Store, name: str, facts: Mapping[str, Json]) -> str:
    _, found = hash_of(store, name)
    return "" if found == facts.get("sha256") else f"was changed: its SHA-256 is {found}, not {facts.get('sha256')}"


def hash_of(store: Store, name: str) -> tuple[int, str]:
    """The size and the SHA-256 of a file where it lies, never of a copy of it. Raises NotThere."""
    hashed, size = hashlib.sha256(), 0
    with store.open(name) as stream:
        while part := stream.read(CHUNK):
            hashed.update(part)
            size += len(part)
    return size, hashed.hexdigest()


def _sums(store: Store, there: Mapping[str, int], manifest: Manifest, data: bytes, key: str | None) -> Iterator[Fault]:
    """Where nobody signed, only the list of checksums has that of the manifest; the two stand or fall together."""
    if SUMS not in there:
        yield Fault(SUMS, "is missing")
        return
    found, wanted = store.read(SUMS), sums(manifest.files, data).encode()
    if found == wanted:
        return
    line = next(line for line in wanted.splitlines(keepends=True) if line.endswith(f"  {MANIFEST}\n".encode()))
    if key is None and line not in found:
        yield Fault(MANIFEST, f"is not the one that {SUMS} names: one of the two was changed")
    yield Fault(SUMS, f"does not say what {MANIFEST} does: it was changed, or the manifest was")


def signature_of(
    store: Store, name: str, data: bytes, *, about: str, signed_by: str
) -> tuple[str | None, tuple[Fault, ...]]:
    """The key whose signature holds, and what is wrong with the signature. `about` is the file that it belongs to."""
    try:
        key = check(data, store.read(name))
    except NotThere:
        gone = Fault(name, f"is missing: {about} says that {signed_by} signed it")
        return None, (gone,) if signed_by else ()
    except BadSignature as error:
        return None, (Fault(name, f"does not hold. {error}"),)
    if key != signed_by:
        return key, (Fault(name, f"is of {key}, and {about} names {signed_by or 'no key'}"),)
    return key, ()
