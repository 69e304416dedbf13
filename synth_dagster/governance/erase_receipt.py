"""What stays of an erasure: a receipt of what was done and found, without a text or an id, signed if it can be."""

import json
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from synth_dagster.errors import SynthError
from synth_dagster.exports.verify import Fault, Verified
from synth_dagster.records import canonical_json
from synth_dagster.signing import VARIABLE, BadSignature, Signer, check


def signed(told: Mapping[str, Any], signer: Signer | None) -> dict[str, Any]:
    """The same with a signature over its canonical JSON, or with why it has none."""
    if signer is None:
        return dict(told) | {"signature": None, "unsigned": f"no key is configured ({VARIABLE} names a PEM file)"}
    return dict(told) | {"signature": json.loads(signer.sign(_bytes(told)))}


def verify(receipt: Mapping[str, Any]) -> str:
    """The key that signed a receipt. Raises BadSignature where nobody did, or where it says something else now."""
    signature = json.dumps(receipt["signature"], indent=2, sort_keys=True) + "\n"
    return check(_bytes({name: value for name, value in receipt.items() if name != "signature"}), signature.encode())


def verify_file(path: Path, expected: str | None) -> Verified:
    """Whether a receipt says what was signed. Raises SynthError for a file that is none."""
    try:
        receipt = json.loads(path.read_bytes())
        what = f"the receipt of the erasure {receipt['erasure'][:12]} of {receipt['at']}"
        is_signed = receipt["signature"] is not None
    except (ValueError, KeyError, TypeError) as error:
        raise SynthError(
            f"{path} is no receipt of an erasure. 'synth erase' says where it writes one; of an export give the folder."
        ) from error
    faults, key = list[Fault](), None
    try:
        key = verify(receipt) if is_signed else None
    except BadSignature as error:
        faults.append(Fault(path.name, str(error)))
    if not is_signed:
        faults.append(Fault(path.name, "nobody has signed it, so nothing tells whether it was changed"))
    if key is not None and expected is not None and key != expected:
        faults.append(Fault(path.name, f"is signed by another key, {key}"))
    return Verified(place=str(path), what=what, files=1, faults=tuple(faults), signed_by=key, expected=expected)


def _bytes(told: Mapping[str, Any]) -> bytes:
    return canonical_json(dict(told)).encode()


def receipt_of(
    *,
    erasure: str,
    asked: Mapping[str, Any],
    policy: str,
    counts: Mapping[str, Any],
    releases: Sequence[Mapping[str, Any]],
    versions: tuple[Mapping[str, int], Mapping[str, int]],
    files: tuple[Mapping[str, Any], Mapping[str, Any]],
    proof: Mapping[str, Any],
    signer: Signer | None,
) -> dict[str, Any]:
    """The receipt: files that left and came with their hashes, and one hash over all that stayed the same."""
    before, after = files
    same = {name: after[name] for name in after if before.get(name) == after[name]}
    told = {
        "erasure": erasure,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "asked": dict(asked),
        "policy": policy,
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
    return signed(told, signer)
