"""Signatures on what leaves our hands: Ed25519 (RFC 8032) over the exact bytes of a file, in a small file beside it.

The key is a PEM file that SYNTH_SIGNING_KEY names. A key is called by its public half, `ed25519:` and 64 hexadecimal
digits, so that nothing has to be looked up to check a signature; whose key it is, only its owner can say. The same key
and bytes give the same signature.
"""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth_dagster.errors import ExitCode, SynthError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

VARIABLE = "SYNTH_SIGNING_KEY"
ALGORITHM = "Ed25519"


class BadKey(SynthError):
    """The key that was named is not there, or is no key that signs."""

    exit_code = ExitCode.USAGE


class BadSignature(SynthError):
    """A signature that does not belong to what it stands beside, or that nobody can read."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with one private key."""

    key: str  # the public half, which is the key's name
    _private: "Ed25519PrivateKey" = field(repr=False, compare=False)

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Signer | None":
        """The key that SYNTH_SIGNING_KEY names; None where it names none. Raises BadKey."""
        path = env.get(VARIABLE)
        return cls.load(Path(path).expanduser()) if path else None

    @classmethod
    def load(cls, path: Path) -> "Signer":
        """The private key in a PEM file. Raises BadKey."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            found = load_pem_private_key(_read(path), password=None)
        except TypeError:
            raise BadKey(
                f"The key {path} is encrypted. Name one without a passphrase, kept where only you read."
            ) from None
        except ValueError:
            raise _no_key(path, "private") from None
        if not isinstance(found, Ed25519PrivateKey):
            raise BadKey(f"{path} holds a key of another kind than {ALGORITHM}. 'synth keys new FILE' makes one.")
        return cls(_name(found.public_key()), found)

    def sign(self, data: bytes) -> bytes:
        """The signature of these bytes, as the JSON file that stands beside them."""
        return _written(self.key, self._private.sign(data))


def check(data: bytes, signature: bytes) -> str:
    """The key that signed these bytes. Raises BadSignature where the signature is of other bytes, or unreadable."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        about: Any = json.loads(signature)
        kind, _, public = about["key"].partition(":")
        known = (about["algorithm"], kind) == (ALGORITHM, ALGORITHM.lower())
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        signed = base64.b64decode(about["signature"], validate=True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise BadSignature("The signature cannot be read.") from None
    if not known:
        raise BadSignature(f"The signature is not of the kind {ALGORITHM}.")
    try:
        key.verify(signed, data)
    except InvalidSignature:
        raise BadSignature("The signature does not belong to it: one of the two was changed after signing.") from None
    if signature != _written(_name(key), signed):  # there is one way to write it, so that no byte of it can change
        raise BadSignature("The signature was written by another program, or changed where it does not count.")
    return _name(key)


def _written(key: str, signature: bytes) -> bytes:
    about = {"algorithm": ALGORITHM, "key": key, "signature": base64.b64encode(signature).decode()}
    return (json.dumps(about, indent=2, sort_keys=True) + "\n").encode()


def named_key(text: str) -> str:
    """The key that is meant: by its name, or by a PEM file with its public or private half. Raises BadKey."""
    kind, mark, public = text.partition(":")
    if mark and kind == ALGORITHM.lower():
        if len(public) != 64 or not set(public) <= set("0123456789abcdef"):
            raise BadKey(f"'{text}' names no key: '{kind}:' has 64 digits of 0-9 and a-f behind it.")
        return text
    return _key_in(Path(text).expanduser())


def new_key(path: Path) -> Signer:
    """Make a key: the private half at `path`, for its owner's eyes only, the public one beside it in `.pub`.

    Raises BadKey where something stands at either place already.
    """
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    made = Ed25519PrivateKey.generate()
    private = made.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    public = made.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)
    beside = public_half(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if beside.exists():
            raise FileExistsError(beside)
        _write_new(path, private, 0o600)
        _write_new(beside, public, 0o644)
    except FileExistsError:
        raise BadKey(
            f"{path} or {beside.name} is there already, and a key is never overwritten. Name another file."
        ) from None
    except OSError as error:
        raise BadKey(f"No key could be written to {path}: {error.strerror or error}.") from error
    return Signer(_name(made.public_key()), made)


def public_half(path: Path) -> Path:
    """The file beside a private key that may be given to everybody."""
    return path.with_name(f"{path.name}.pub")


def _write_new(path: Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)


def _key_in(path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = _read(path)
    if b"PRIVATE KEY" in data:
        return Signer.load(path).key
    try:
        found = load_pem_public_key(data)
    except ValueError:
        raise _no_key(path, "public") from None
    if not isinstance(found, Ed25519PublicKey):
        raise BadKey(f"{path} holds a key of another kind than {ALGORITHM}.")
    return _name(found)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadKey(
            f"The key {path} cannot be read: {error.strerror or error}. 'synth keys new FILE' makes one, and "
            f"{VARIABLE} names it."
        ) from error


def _no_key(path: Path, half: str) -> BadKey:
    return BadKey(f"{path} is no {half} key in PEM form. 'synth keys new FILE' makes a pair.")


def _name(key: "Ed25519PublicKey") -> str:
    return f"{ALGORITHM.lower()}:{key.public_bytes_raw().hex()}"
