"""What closes an export: checksums that any machine can check, and the signature of its manifest.

`SHA256SUMS` is for `sha256sum --check`; `manifest.sig.json` is there when somebody signs. The manifest names the key,
so that a signature cannot be taken away without a trace.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from synth_dagster.exports.manifest import MANIFEST, Manifest
from synth_dagster.records import Json
from synth_dagster.signing import Signer

SUMS = "SHA256SUMS"
SIGNATURE = "manifest.sig.json"
OWN = frozenset({MANIFEST, SUMS, SIGNATURE})
"""The files of an export that its manifest does not list: the manifest itself, and what is about it."""


def own_files(manifest: Manifest) -> frozenset[str]:
    """Those of an export that has this manifest."""
    return OWN if manifest.signed_by else OWN - {SIGNATURE}


def seal(folder: Path, manifest: Manifest, signer: Signer | None) -> None:
    """Write the manifest and what is about it into an export's folder."""
    data = manifest.to_json().encode()
    (folder / MANIFEST).write_bytes(data)
    (folder / SUMS).write_text(sums(manifest.files, data), encoding="utf-8")
    if signer is not None:
        (folder / SIGNATURE).write_bytes(signer.sign(data))


def sums(files: Mapping[str, Mapping[str, Json]], manifest: bytes) -> str:
    """A line for each file, as `sha256sum` writes it."""
    hashes = {name: str(facts.get("sha256", "")) for name, facts in files.items()}
    hashes[MANIFEST] = hashlib.sha256(manifest).hexdigest()
    return "".join(f"{found}  {name}\n" for name, found in sorted(hashes.items()))
