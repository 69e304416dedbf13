"""The calculations that a solution writes out, such as 3 * 4 = 12, worked out again exactly."""

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from synth_dagster.parts.expressions import value_of

_CHAIN = re.compile(
    r"[-(\d$.\u2212][-\d\s,.+*/^()$=\u00d7\u00b7\u00f7\u2212]*=[-\d\s,.+*/^()$=\u00d7\u00b7\u00f7\u2212]*"
)
_BROKEN_OFF = re.compile(r"(?:[-+*/^=(%\u00d7\u00b7\u00f7\u2212]|\bof)\s*\Z|[\w\\{}]\Z")  # more stands before it
_GOES_ON = re.compile(r"[\w\\{}%]")  # 5x is another number than 5
_BETWEEN = re.compile(r",\s+|\.\s+|\n")
_CALCULATES = re.compile(r"[\d)]\s*[-+*/^\u00d7\u00b7\u00f7\u2212]")
_DECIMALS = re.compile(r"\$?\s*-?[\d,]*\.(\d+)\s*")


def wrong_calculations(text: str) -> list[str]:
    """Those that do not hold, as they stand there. A result may be rounded to the decimals that it shows."""
    return [f"{left} = {right}" for left, right in _equations(text) if not _holds(left, right)]


def _equations(text: str) -> Iterator[tuple[str, str]]:
    """Both sides of each equation whose left side calculates something."""
    for chain in _CHAIN.finditer(text):
        if _BROKEN_OFF.search(text[max(0, chain.start() - 12) : chain.start()]):
            continue
        *pieces, last = _BETWEEN.split(chain[0])
        goes_on = _GOES_ON.match(text, chain.end()) and not last[-1:].isspace()
        for sides in (*(piece.split("=") for piece in pieces), last.split("=")[: -1 if goes_on else None]):
            plain = [side.strip(" .,$") for side in sides]
            yield from ((one, other) for one, other in pairwise(plain) if _CALCULATES.search(one))


def _holds(left: str, right: str) -> bool:
    """Whether both sides are worth the same; what cannot be read is not judged."""
    one, other = value_of(left), value_of(right)
    if one is None or other is None:
        return True
    decimals = _DECIMALS.fullmatch(right)
    return abs(one - other) <= (Fraction(1, 2 * 10 ** len(decimals[1])) if decimals else 0)
