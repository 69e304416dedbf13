"""Signatures: they belong to exactly the bytes they were made for, and say whose key made them."""

import base64
import json
import os
import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import ExitCode
from synth_dagster.signing import BadKey, BadSignature, Signer, check, named_key, new_key, public_half

# RFC 8032, section 7.1, test 2: secret key, public key, message, signature
SECRET = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
MESSAGE = bytes.fromhex("72")
SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
PKCS8 = "302e020100300506032b657004220420"  # RFC 8410: what stands before the 32 bytes of a private key


def pem(kind, data):
    return f"-----BEGIN {kind}-----\n{base64.b64encode(data).decode()}\n-----END {kind}-----\n"


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return new_key(tmp_path_factory.mktemp("keys") / "ours.pem")


def test_the_published_test_vector_comes_out(tmp_path):
    path = tmp_path / "rfc.pem"
    path.write_text(pem("PRIVATE KEY", bytes.fromhex(PKCS8 + SECRET)))
    signer = Signer.load(path)
    signed = json.loads(signer.sign(MESSAGE))
    assert signer.key == signed["key"] == f"ed25519:{PUBLIC}"
    assert base64.b64decode(signed["signature"]).hex() == SIGNATURE


@given(data=st.binary(max_size=200), place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_is_found(signer, data, place, bit):
    signature = signer.sign(data)
    assert check(data, signature) == signer.key
    if data:
        changed = bytearray(data)
        changed[place % len(data)] ^= 1 << bit
        with pytest.raises(BadSignature, match="does not belong"):
            check(bytes(changed), signature)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b'{"algorithm": "Ed25519", "key": "ed25519:zz", "signature": ""}',
        b'{"algorithm": "Ed25519", "key": 5, "signature": "AA=="}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_signature_is_refused(text):
    with pytest.raises(BadSignature):
        check(b"data", text)


def test_a_signature_of_another_kind_is_not_taken_for_ours(signer):
    about = json.loads(signer.sign(b"data")) | {"algorithm": "none"}
    with pytest.raises(BadSignature, match="not of the kind Ed25519"):
        check(b"data", json.dumps(about).encode())


def test_a_new_key_is_for_its_owners_eyes_and_is_never_overwritten(tmp_path):
    path = tmp_path / "deep/ours.pem"
    made = new_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Signer.of({"SYNTH_SIGNING_KEY": str(path)}) == made == Signer.load(path)
    assert {named_key(str(path)), named_key(str(public_half(path))), named_key(made.key)} == {made.key}
    assert b"PRIVATE" not in public_half(path).read_bytes() and "PRIVATE" not in repr(made)
    before = path.read_bytes()
    with pytest.raises(BadKey, match="never overwritten"):
        new_key(path)
    path.unlink()
    with pytest.raises(BadKey, match="never overwritten"):
        new_key(path)
    assert not path.exists() and Signer.of({}) is None and len(before) > 0


def test_openssl_agrees(tmp_path, signer):
    path = tmp_path / "k.pem"
    key = new_key(path)
    (tmp_path / "m").write_bytes(b"what was said")
    (tmp_path / "s").write_bytes(base64.b64decode(json.loads(key.sign(b"what was said"))["signature"]))
    verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{path}.pub", "-rawin", "-in", "m", "-sigfile", "s"]
    assert subprocess.run(verify, cwd=tmp_path, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("nothing like a key", "no private key in PEM form", id="text"),
        pytest.param(pem("PRIVATE KEY", b"short"), "no private key in PEM form", id="cut"),
    ],
)
def test_a_file_that_is_no_key_is_said_to_be_none(tmp_path, text, said):
    (tmp_path / "k").write_text(text)
    with pytest.raises(BadKey, match=said) as found:
        Signer.load(tmp_path / "k")
    assert found.value.exit_code == ExitCode.USAGE and text not in str(found.value)


def test_a_key_that_is_not_there_or_is_another_kind_is_named(tmp_path):
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    with pytest.raises(BadKey, match="cannot be read: No such file"):
        Signer.of({"SYNTH_SIGNING_KEY": str(tmp_path / "none")})
    how = (forms.Encoding.PEM, forms.PrivateFormat.PKCS8)
    (tmp_path / "ec").write_bytes(generate_private_key(SECP256R1()).private_bytes(*how, forms.NoEncryption()))
    with pytest.raises(BadKey, match="another kind than Ed25519"):
        Signer.load(tmp_path / "ec")
    locked = forms.BestAvailableEncryption(os.urandom(8).hex().encode())
    (tmp_path / "locked").write_bytes(Ed25519PrivateKey.generate().private_bytes(*how, locked))
    with pytest.raises(BadKey, match="is encrypted"):
        Signer.load(tmp_path / "locked")
    for name in ("ed25519:12", f"ed25519:{'g' * 64}"):
        with pytest.raises(BadKey, match="names no key"):
            named_key(name)
