"""Personal data in text, by patterns that are validated: checksums, issuers, lengths of a country, reserved ranges.

What belongs to nobody is not found: private addresses, the hosts, numbers and cards that standards and issuers reserve
for examples. Every repetition has an upper bound, so that no text can make the search slower than linear.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synth_dagster.parts.text.prefilter import may_match


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text: what it is, and its characters from `start` to `end`."""

    kind: str
    start: int
    end: int


EMAIL = re.compile(
    r"[A-Za-z0-9._%+\-]{1,64}@((?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,63})"  # RFC 5321: 64 before the @, 63 a label
)
_AT, _DOT = r" ?[\[({<] ?(?:at|@) ?[\])}>] ?", r" ?[\[({<] ?(?:dot|\.) ?[\])}>] ?"
SPELT_EMAIL = re.compile(
    rf"(?i)[A-Z0-9._%+\-]{{1,64}}{_AT}((?:[A-Z0-9\-]{{1,63}}(?:{_DOT}|\.| dot )){{1,8}}[A-Z]{{2,63}})"
)
# of 2000::/3, which alone is given out
IPV6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{1,4}(?![\w:])")
IPV4 = re.compile(r"(?<!\d)(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\d)(?!\.\d)")
CARD = re.compile(r"(?<![\d.\-])\d(?:[ \-]?\d){12,18}(?![\d\-]|\.\d)")
IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Z0-9])")
SSN = re.compile(r"(?<![\d\-])(\d{3})([\- ])(\d{2})\2(\d{4})(?![\d\-])")
INTERNATIONAL = re.compile(r"(?<![\w+])(?<!\d )(?:\+|00)[1-9]\d{0,2}(?:[ .\-/]?\(?\d{1,5}\)?){1,6}(?!\d)")
NORTH_AMERICAN = re.compile(r"(?<![\d+\-.(])(?:1[ .\-])?(?:\((\d{3})\) ?|(\d{3})[.\- ])(\d{3})[.\-](\d{4})(?![\d\-])")

_EXAMPLE_HOSTS = ("example.com", "example.org", "example.net")  # RFC 2606

# Numbers that issuers print in their documentation: they buy nothing.
_EXAMPLE_CARDS = frozenset(
    {
        "4111111111111111",
        "4242424242424242",
        "4012888888881881",
        "4000056655665556",
        "5555555555554444",
        "5105105105105100",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "6011000990139424",
        "3530111333300000",
        "3566002020360505",
        "30569309025904",
        "38520000023237",
        "6200000000000005",
    }
)
_EXAMPLE_SSNS = frozenset({"078051120", "219099999"})  # printed in a wallet and in a leaflet; void since

# Issuer prefixes (ISO/IEC 7812) with the lengths that they use. Luhn alone lets every tenth number through.
_ISSUERS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),
    (51, 55, frozenset({16})),
    (2221, 2720, frozenset({16})),
    (34, 34, frozenset({15})),
    (37, 37, frozenset({15})),
    (6011, 6011, frozenset({16, 19})),
    (644, 649, frozenset({16, 19})),
    (65, 65, frozenset({16, 19})),
    (3528, 3589, frozenset({16, 19})),
    (300, 305, frozenset({14, 16})),
    (36, 36, frozenset({14})),
    (38, 39, frozenset({14, 16})),
    (62, 62, frozenset({16, 17, 18, 19})),
)

# Length of an IBAN by country (SWIFT registry).
_IBAN_LENGTHS = {
    **dict.fromkeys(["NO"], 15),
    **dict.fromkeys(["BE"], 16),
    **dict.fromkeys(["DK", "FO", "FI", "GL", "NL", "SD"], 18),
    **dict.fromkeys(["MK", "SI"], 19),
    **dict.fromkeys(["AT", "BA", "EE", "KZ", "LT", "LU", "XK", "MN"], 20),
    **dict.fromkeys(["HR", "LV", "LI", "CH"], 21),
    **dict.fromkeys(["BH", "BG", "CR", "GE", "DE", "GB", "IE", "ME", "RS", "VA"], 22),
    **dict.fromkeys(["GI", "IQ", "IL", "OM", "SO", "TL", "AE"], 23),
    **dict.fromkeys(["AD", "CZ", "MD", "PK", "RO", "SA", "SK", "ES", "SE", "TN", "VG"], 24),
    **dict.fromkeys(["LY", "PT", "ST"], 25),
    **dict.fromkeys(["IS", "TR"], 26),
    **dict.fromkeys(["BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"], 27),
    **dict.fromkeys(["AL", "AZ", "BY", "CY", "DO", "GT", "HU", "LB", "NI", "PL", "SV"], 28),
    **dict.fromkeys(["BR", "EG", "PS", "QA", "UA"], 29),
    **dict.fromkeys(["JO", "KW", "MU", "YE"], 30),
    **dict.fromkeys(["MT", "SC"], 31),
    "LC": 32,
    "RU": 33,
}

# Digits of a national number after the country's code, least and most (ITU-T E.164 and the national plans).
_NATIONAL = {
    "1": (10, 10),
    "7": (10, 10),
    "20": (8, 10),
    "27": (9, 9),
    "30": (10, 10),
    "31": (9, 9),
    "32": (8, 9),
    "33": (9, 9),
    "34": (9, 9),
    "36": (8, 9),
    "39": (8, 11),
    "40": (9, 9),
    "41": (9, 9),
    "43": (7, 13),
    "44": (9, 10),
    "45": (8, 8),
    "46": (7, 9),
    "47": (8, 8),
    "48": (9, 9),
    "49": (7, 11),
    "52": (10, 10),
    "54": (10, 11),
    "55": (10, 11),
    "60": (8, 10),
    "61": (9, 9),
    "62": (9, 12),
    "63": (10, 10),
    "64": (8, 10),
    "65": (8, 8),
    "66": (8, 9),
    "81": (9, 10),
    "82": (8, 10),
    "84": (9, 10),
    "86": (10, 11),
    "90": (10, 10),
    "91": (10, 10),
    "92": (9, 10),
    "98": (10, 10),
    "212": (9, 9),
    "234": (8, 10),
    "254": (9, 9),
    "351": (9, 9),
    "352": (6, 9),
    "353": (7, 9),
    "358": (5, 12),
    "372": (7, 8),
    "380": (9, 9),
    "420": (9, 9),
    "421": (9, 9),
    "852": (8, 8),
    "886": (8, 9),
    "966": (8, 9),
    "971": (8, 9),
    "972": (8, 9),
}


def personal_data(text: str) -> list[Piece]:
    """What was found, in the order of its place. A piece of another kind inside a longer one is not told twice."""
    found = sorted(_all(text), key=lambda piece: (piece.start, -piece.end))
    kept: list[Piece] = []
    for piece in found:
        if not kept or piece.start >= kept[-1].end:
            kept.append(piece)
    return kept


def may_hold_personal_data(texts: pa.Array) -> np.ndarray:
    """For each text whether something in it has the form of personal data; false is certain. For whole columns."""
    return may_match(texts, [pattern for _, pattern, _ in _SEARCHES])


def _all(text: str) -> Iterator[Piece]:
    for kind, pattern, is_real in _SEARCHES:
        for found in pattern.finditer(text):
            if is_real(found):
                start, end = found.span()
                yield Piece(kind, start, start + len(iban_in(found[0]) or "") if kind == "iban" else end)


def is_example_host(host: str) -> bool:
    """Whether a host name is reserved for examples."""
    host = host.lower()
    return any(host == example or host.endswith(f".{example}") for example in _EXAMPLE_HOSTS)


def is_public(address: str) -> bool:
    """Whether this is the address, of version 4 or 6, of what may be a machine on the internet."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.is_global and not parsed.is_multicast


def is_card(digits: str) -> bool:
    """Whether digits are a payment card: an issuer's prefix and length, and the Luhn sum."""
    is_issued = any(
        low <= int(digits[: len(str(low))]) <= high and len(digits) in lengths for low, high, lengths in _ISSUERS
    )
    return is_issued and luhn(digits) and digits not in _EXAMPLE_CARDS and len(set(digits)) > 1


def luhn(digits: str) -> bool:
    """Luhn's sum: every second digit from the right doubled, digits of all summed, a multiple of ten."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def iban_in(signs: str) -> str | None:
    """The IBAN that signs begin with, with its blanks; after it a word of capitals may have been taken for its own."""
    length, size = _IBAN_LENGTHS.get(signs[:2], 0), 0
    for place, sign in enumerate(signs):
        size += sign != " "
        if length and size == length:
            bare = signs[: place + 1].replace(" ", "")
            goes_on = signs[place + 1 : place + 2].strip() != ""
            return signs[: place + 1] if not goes_on and is_iban(bare) else None
    return None


def is_iban(text: str) -> bool:
    """Whether letters and digits are an IBAN: the length of its country, and 1 modulo 97 (ISO 13616)."""
    if _IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def is_phone(digits: str) -> bool:
    """Whether digits after a plus are a country's code and as many more as that country's numbers have."""
    for length in (1, 2, 3):
        if digits[:length] in _NATIONAL:
            least, most = _NATIONAL[digits[:length]]
            rest = digits[length:]
            return least <= len(rest.removeprefix("0")) <= most and not (length == 1 and _is_fictional(rest))
    return False


def _is_fictional(number: str) -> bool:
    """555-0100 to 555-0199 are kept for films and examples in North America."""
    return number[3:8] == "55501"


def _north_american(found: re.Match[str]) -> bool:
    area, exchange, line = found[1] or found[2], found[3], found[4]
    is_real = area[0] in "23456789" and exchange[0] in "23456789" and area[1:] != "11" and exchange[1:] != "11"
    return is_real and not _is_fictional(f"{area}{exchange}{line}")


def _ssn(found: re.Match[str]) -> bool:
    area, group, serial = found[1], found[3], found[4]
    is_issued = area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
    return is_issued and f"{area}{group}{serial}" not in _EXAMPLE_SSNS


def _digits(found: re.Match[str]) -> str:
    return re.sub(r"\D", "", found[0])


_SEARCHES: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
    ("email", EMAIL, lambda found: not is_example_host(found[1])),
    ("email", SPELT_EMAIL, lambda found: not is_example_host(re.sub(rf"(?i){_DOT}| dot ", ".", found[1]))),
    ("ip_address", IPV6, lambda found: is_public(found[0])),
    ("ip_address", IPV4, lambda found: is_public(found[0])),
    ("credit_card", CARD, lambda found: is_card(_digits(found))),
    ("iban", IBAN, lambda found: iban_in(found[0]) is not None),
    ("us_social_security", SSN, _ssn),
    ("phone", INTERNATIONAL, lambda found: is_phone(_digits(found).removeprefix("00"))),
    ("phone", NORTH_AMERICAN, _north_american),
)
