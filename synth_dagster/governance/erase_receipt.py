"""What stays of an erasure: a receipt of what was done and found, without a text or an id, signed if it can be."""

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from synth_dagster.errors import SynthError
from synth_dagster.records import canonical_json

KEY = "SYNTH_SIGNING_KEY"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with the Ed25519 key of a PEM file; without one says why nothing is signed."""

    key: Path | None = None

    def check(self) -> None:
        """Raise SynthError for a key that cannot be used, before anything is done."""
        self.signed({"asked": "is the key usable"})

    def signed(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The same with a signature over its canonical JSON."""
        if self.key is None:
            return dict(told) | {"signature": None, "unsigned": f"no key is configured ({KEY} names a PEM file)"}
        try:
            from cryptography.exceptions import UnsupportedAlgorithm
            from cryptography.hazmat.primitives import serialization
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        except ImportError:
            return dict(told) | {"signature": None, "unsigned": "the package 'cryptography' is not installed"}
        try:
            key = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SynthError(_unusable(self.key, type(error).__name__)) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SynthError(_unusable(self.key, "it is of another kind"))
        public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        signature = {
            "algorithm": "Ed25519",
            "public_key": base64.b64encode(public).decode(),
            "value": base64.b64encode(key.sign(canonical_json(dict(told)).encode())).decode(),
        }
        return dict(told) | {"signature": signature}


def verify(receipt: Mapping[str, Any]) -> bool:
    """Whether a receipt says what was signed. Raises SynthError for one without a signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature = receipt.get("signature")
    if not signature:
        raise SynthError(f"The receipt is not signed: {receipt.get('unsigned', 'nobody says why')}.")
    told = {name: value for name, value in receipt.items() if name != "signature"}
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature["public_key"]))
    try:
        key.verify(base64.b64decode(signature["value"]), canonical_json(told).encode())
    except InvalidSignature:
        return False
    return True


def receipt_of(
    *,
    erasure: str,
    asked: Mapping[str, Any],
    counts: Mapping[str, Any],
    releases: Sequence[Mapping[str, Any]],
    versions: tuple[Mapping[str, int], Mapping[str, int]],
    files: tuple[Mapping[str, Any], Mapping[str, Any]],
    proof: Mapping[str, Any],
    signer: Signer,
) -> dict[str, Any]:
    """The receipt: files that left and came with their hashes, and one hash over all that stayed the same."""
    before, after = files
    same = {name: after[name] for name in after if before.get(name) == after[name]}
    told = {
        "erasure": erasure,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "asked": dict(asked),
        "policy": "records with an erased parent among several go too",
        "counts": dict(counts),
        "releases": list(releases),
        "table_versions": {"before": dict(versions[0]), "after": dict(versions[1])},
        "files": {
            "removed": {name: before[name] for name in sorted(before.keys() - after.keys())},
            "added": {name: after[name] for name in sorted(after.keys() - before.keys())},
            "changed": {name: after[name] for name in sorted(after.keys() - same.keys()) if name in before},
            "same": {"count": len(same), "sha256": sha256(canonical_json(same).encode()).hexdigest()},
        },
        "proof": dict(proof),
    }
    return signer.signed(told)


def _unusable(key: Path, why: str) -> str:
    return (
        f"The signing key {key} cannot be used: {why}. Name an Ed25519 private key in PEM form without a password "
        f"(openssl genpkey -algorithm ed25519 -out {key.name}), or unset {KEY}."
    )
