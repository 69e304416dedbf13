"""Secrets in text: keys of known form, by their prefix and the entropy of what follows it.

A placeholder such as `AKIAXXXXXXXXXXXXXXXX` has the form of a key and says nothing; so does what ends in EXAMPLE, as
vendors write in their documentation. Entropy is Shannon's, over the characters of the key itself.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from synth_dagster.parts.privacy.personal_data import Piece
from synth_dagster.parts.text.prefilter import may_match

MIN_ENTROPY = 3.5  # bits a character

# Kind -> the key, whose group is what the entropy is of. Forms as their vendors document them.
_FORMS: dict[str, re.Pattern[str]] = {
    "aws_access_key": re.compile(r"\b(?:AKIA|ASIA)([A-Z0-9]{16})\b"),
    "github_token": re.compile(r"\b(?:gh[pousr]_|github_pat_)([A-Za-z0-9_]{36,255})\b"),
    "gitlab_token": re.compile(r"\bglpat-([A-Za-z0-9_\-]{20,64})\b"),
    "openai_key": re.compile(r"\bsk-(?:proj-|svcacct-|admin-)?([A-Za-z0-9_\-]{20,200})\b"),
    "anthropic_key": re.compile(r"\bsk-ant-([A-Za-z0-9_\-]{20,200})\b"),
    "hugging_face_token": re.compile(r"\bhf_([A-Za-z0-9]{30,60})\b"),
    "google_key": re.compile(r"\bAIza([A-Za-z0-9_\-]{35})(?![A-Za-z0-9_\-])"),
    "slack_token": re.compile(r"\bxox[abeoprs]-([A-Za-z0-9\-]{10,200})\b"),
    "stripe_key": re.compile(r"\b[rs]k_live_([A-Za-z0-9]{16,200})\b"),
    "sendgrid_key": re.compile(r"\bSG\.([A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{30,60})(?![A-Za-z0-9_\-])"),
    "npm_token": re.compile(r"\bnpm_([A-Za-z0-9]{36})\b"),
    "pypi_token": re.compile(r"\bpypi-([A-Za-z0-9_\-]{50,250})(?![A-Za-z0-9_\-])"),
    "json_web_token": re.compile(
        r"\b(eyJ[A-Za-z0-9_\-]{10,2000}\.eyJ[A-Za-z0-9_\-]{10,4000}\.[A-Za-z0-9_\-]{10,1000})"
    ),
    "private_key": re.compile(
        r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY-----\s{0,4}([A-Za-z0-9+/=\s]{40,8000})-----END"
    ),
    "assigned_secret": re.compile(
        r"(?i)\b(?:api[_\-]?key|secret(?:[_\-]?key)?|access[_\-]?token|auth[_\-]?token|passwd|password|client[_\-]?secret)"
        r"['\"]?\s{0,3}(?::|=|:=|=>)\s{0,3}['\"]([A-Za-z0-9+/_\-=.!@#$%^&*]{16,200})['\"]"
    ),
}


def secrets_in(text: str, min_entropy: float = MIN_ENTROPY) -> list[Piece]:
    """Keys by their place; one that has several forms is told as the first of them that begins there."""
    found = sorted(_all(text, min_entropy), key=lambda piece: (piece.start, -piece.end))
    kept: list[Piece] = []
    for piece in found:
        if not kept or piece.start >= kept[-1].end:
            kept.append(piece)
    return kept


def may_hold_secrets(texts: pa.Array) -> np.ndarray:
    """For each text whether something in it has the form of a key; false is certain. Fast, for whole columns."""
    return may_match(texts, list(_FORMS.values()))


def _all(text: str, min_entropy: float) -> Iterator[Piece]:
    for kind, pattern in _FORMS.items():
        for found in pattern.finditer(text):
            key = found[1]
            if kind == "openai_key" and found[0].startswith("sk-ant-"):
                continue
            if entropy(key) >= enough(key, min_entropy) and not key.upper().endswith("EXAMPLE"):
                yield Piece(kind, *found.span())


def entropy(text: str) -> float:
    """Bits a character, of how often each character occurs."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def enough(key: str, wanted: float) -> float:
    """The entropy that a random key of this length and alphabet may be asked for.

    Sixteen characters cannot have more than four bits each, and random ones have often less than 3.5: of what is
    possible, four fifths are asked for.
    """
    alphabet = 16 if re.fullmatch(r"[0-9a-fA-F]+", key) else 64
    return min(wanted, 0.8 * math.log2(min(len(key), alphabet)))
