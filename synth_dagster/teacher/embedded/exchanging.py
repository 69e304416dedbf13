"""Private data and hurtful words by rule, with stand-ins that belong to nobody and hurt nobody.

Addresses and numbers are those that validate; a name is one only where the text says so ("my name is", "Mrs"). The
stand-in follows from the piece alone, so that a piece has the same one everywhere.
"""

import re
from collections.abc import Iterator
from typing import Any

from synth_dagster.parts.privacy.personal_data import personal_data
from synth_dagster.parts.privacy.secrets import secrets_in
from synth_dagster.records import digest
from synth_dagster.teacher.embedded.prompts import Request

_NAMED = re.compile(
    r"\b(?:my name is|i am called|signed,?|regards,?|sincerely,?|mr\.?|mrs\.?|ms\.?|patient|employee|customer|dear)"
    r"\s{1,3}"
    r"((?-i:[A-Z][a-z]{1,20}(?: [A-Z][a-z]{1,20})?))",
    re.IGNORECASE,
)
_FIRST = ("Robin", "Alex", "Kim", "Sam", "Jules", "Toni", "Noa", "Chris")
_LAST = ("Example", "Sample", "Placeholder", "Specimen")

_STAND_INS = {
    "email": "{first}.{number}@example.com",
    "ip_address": "192.0.2.{number}",
    "credit_card": "4111 1111 1111 1111",
    "iban": "ACCOUNT-FOR-EXAMPLES",
    "us_social_security": "078-05-1120",
    "phone": "202-555-01{two}",
}

_HURTFUL = {
    "idiot": "person", "idiots": "people", "moron": "person", "morons": "people", "stupid": "unwise", "dumb": "unwise",
    "scum": "people", "vermin": "people", "loser": "person", "losers": "people", "shut up": "please stop",
    "go to hell": "leave", "damn": "very", "trash": "bad work", "pathetic": "weak", "disgusting": "unpleasant",
    "worthless": "of little use", "crap": "nonsense", "sucks": "is not good", "hate you": "disagree with you",
}  # fmt: skip
_WORD = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _HURTFUL), key=len, reverse=True))})\b", re.IGNORECASE)


def exchanges(request: Request) -> dict[str, Any]:
    """The pieces to exchange: hurtful words where the prompt asks for those, else private data."""
    text = request.text("text")
    asked_for_hurt = "hurtful" in request.system
    found = _hurtful_words(text) if asked_for_hurt else _private(text)
    return {"replacements": [{"original": old, "replacement": new} for old, new in dict(found).items()]}


def hurtful(text: str) -> int:
    """0 to 5: twice the hurtful words of a sentence's length, at most 5."""
    return min(5, 2 * len(_WORD.findall(text)))


def _hurtful_words(text: str) -> Iterator[tuple[str, str]]:
    for found in _WORD.finditer(text):
        yield found[0], _HURTFUL[found[0].casefold()]


def _private(text: str) -> Iterator[tuple[str, str]]:
    for piece in personal_data(text):
        old = text[piece.start : piece.end]
        yield old, _STAND_INS[piece.kind].format(**_drawn(old))
    for piece in secrets_in(text):
        yield text[piece.start : piece.end], "KEY-FOR-EXAMPLES"
    for found in _NAMED.finditer(text):
        drawn = _drawn(found[1])
        yield found[1], f"{drawn['first']} {drawn['last']}" if " " in found[1] else str(drawn["last"])


def _drawn(piece: str) -> dict[str, object]:
    draw = digest("stand-in", piece.casefold())
    return {
        "first": _FIRST[draw[0] % len(_FIRST)],
        "last": _LAST[draw[1] % len(_LAST)],
        "number": 1 + draw[2] % 250,
        "two": f"{draw[3] % 100:02d}",
    }
