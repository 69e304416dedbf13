"""The calculations that a solution writes out, such as 3 * 4 = 12, worked out again exactly."""

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from synth_dagster.parts.mathematics.expressions import value_of

_SIGNS = r"*/^+\-\u00d7\u00b7\u00f7\u2212\u2013"
_CHAIN = re.compile(rf"[(\d$.\-\u2212][\d\s,.()$={_SIGNS}]*=[\d\s,.()$={_SIGNS}]*")
_BROKEN_OFF = re.compile(rf"(?:[{_SIGNS}=(%:]|\b(?:of|[xX]))\s*\Z|[\w\\{{}}]\Z")  # more stands before it
_BEGUN = re.compile(r"\w\s*\Z")  # before a sign, what it takes away from
_CALCULATES = re.compile(rf"[\d)]\s*[{_SIGNS}]")
_TIMES = re.compile(r"(?<=[\d)])\s*[xX]\s*(?=[\d($.])")  # as people write it: 3 x 4
_GOES_ON = re.compile(r"(?<=\d)[\w\\{}%]|\s*and\s+[\d($]|\s*cents?\b")  # 5x, 16 and 2/3, another unit
_BETWEEN = re.compile(r",\s+|\.\s+|\n")
_DECIMALS = re.compile(r"\$?\s*-?[\d,]*\.(\d+)\s*")
_OF_A_FRACTION = re.compile(r"/\s*(\d+)\s*/\s*(\d+)")


def wrong_calculations(text: str) -> list[str]:
    """Those that do not hold, with * for times. A result may be rounded to the decimals that it shows."""
    return [f"{left} = {right}" for left, right in _equations(_TIMES.sub(" * ", text)) if not _holds(left, right)]


def _equations(text: str) -> Iterator[tuple[str, str]]:
    """Both sides of each equation whose left side calculates something."""
    for chain in _CHAIN.finditer(text):
        before = text[max(0, chain.start() - 12) : chain.start()]
        if _BROKEN_OFF.search(before) or (chain[0][0] in "-\u2212" and _BEGUN.search(before)):
            continue
        *pieces, last = _BETWEEN.split(chain[0])
        goes_on = _GOES_ON.match(text, chain.end())
        for sides in (*(piece.split("=") for piece in pieces), last.split("=")[: -1 if goes_on else None]):
            plain = [side.strip(" ,$").rstrip(" .,$") for side in sides]
            yield from ((one, other) for one, other in pairwise(plain) if _CALCULATES.search(one))


def _holds(left: str, right: str) -> bool:
    """Whether both sides are worth the same; what cannot be read is not judged.

    4 / 1/2 may be 4 / (1/2): what holds in one of two readings holds.
    """
    readings = {left, _OF_A_FRACTION.sub(r"/(\1/\2)", left)}
    values, other = [value_of(one) for one in readings], value_of(right)
    if other is None or None in values:
        return True
    decimals = _DECIMALS.fullmatch(right)
    allowed = Fraction(1, 2 * 10 ** len(decimals[1])) if decimals else 0
    return any(abs(value - other) <= allowed for value in values if value is not None)
