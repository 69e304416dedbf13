"""Has C2PA's official library sign a sidecar from an export's `c2pa.json`, read it back and find a flipped byte.

    python -m tests.exports.c2pa_check FOLDER

It needs `c2pa-python`, which is not among our pins: it is a binary, and a release of it may lack the one for Linux. The
certificate is of an authority that lives as long as the check, so the library finds it untrusted, and nothing else.
"""

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)
USES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
USES += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def chain(key):
    """The certificate of a key and that of the authority, as C2PA asks for them."""
    authority = Ed25519PrivateKey.generate()
    own = _certificate("authority", authority, "authority", authority, is_authority=True)
    leaf = _certificate("signer", key, "authority", authority, is_authority=False)
    return leaf.public_bytes(forms.Encoding.PEM) + own.public_bytes(forms.Encoding.PEM)


def _certificate(name, key, issuer, issuer_key, *, is_authority):
    allowed = {"key_cert_sign", "crl_sign"} if is_authority else {"digital_signature"}
    built = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(issuer))
    built = built.public_key(key.public_key()).serial_number(1 + is_authority)
    built = built.not_valid_before(SINCE).not_valid_after(UNTIL)
    built = built.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    built = built.add_extension(x509.KeyUsage(**{use: use in allowed for use in USES}), critical=True)
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    built = built.add_extension(by, critical=False)
    if not is_authority:
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return built.sign(issuer_key, None)


def _name(text):
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, text), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "T")]
    )


def sidecar(definition, data, pem):
    """The signed manifest store of these bytes, by C2PA's library and a key in PEM."""
    import c2pa

    certificates = chain(forms.load_pem_private_key(pem, None))
    info = c2pa.C2paSignerInfo(alg=b"ed25519", sign_cert=certificates, private_key=pem, ta_url=None)
    builder = c2pa.Builder.from_json(definition)
    builder.set_no_embed()
    return builder.sign(c2pa.Signer.from_info(info), "application/octet-stream", io.BytesIO(data), io.BytesIO())


def looked_at(store, data):
    """The state, the failures besides the authority that nobody knows, and the manifest that C2PA's library reads."""
    import c2pa

    said = json.loads(c2pa.Reader("application/octet-stream", io.BytesIO(data), store).json())
    failures = [one["code"] for one in said.get("validation_status", [])]
    manifest = said["manifests"][said["active_manifest"]]
    return said["validation_state"], [one for one in failures if one != "signingCredential.untrusted"], manifest


def problems(folder):
    """What the library finds wrong with a sidecar for each data file of an export."""
    manifest, definition = json.loads((folder / "manifest.json").read_text()), (folder / "c2pa.json").read_text()
    wanted = {one["label"]: one["data"] for one in json.loads(definition)["assertions"]}
    pem = Ed25519PrivateKey.generate().private_bytes(
        forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
    )
    for name in (name for split in manifest["splits"].values() for name in split["files"]):
        data = (folder / name).read_bytes()
        store = sidecar(definition, data, pem)
        state, failures, found = looked_at(store, data)
        said = {one["label"]: one["data"] for one in found["assertions"]}
        if (state, failures) != ("Valid", []):
            yield f"{name}: {state}, {failures}"
        yield from (
            f"{name}: {label} is not as we wrote it" for label in wanted if not _holds(said.get(label), wanted[label])
        )
        changed = bytes([data[0] ^ 1]) + data[1:]
        if looked_at(store, changed)[:2] != ("Invalid", ["assertion.dataHash.mismatch"]):
            yield f"{name}: a flipped byte was not found"


def _holds(said, wanted):
    """Whether all that we wrote is there; the library adds to it."""
    if isinstance(wanted, dict):
        return isinstance(said, dict) and all(_holds(said.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(said, list) and len(said) == len(wanted) and all(map(_holds, said, wanted))
    return said == wanted


if __name__ == "__main__":
    wrong = list(problems(Path(sys.argv[1])))
    print("\n".join(wrong) or "signed, valid, and a flipped byte is found")
    sys.exit(bool(wrong))
