"""Polynomials and fractions of them, read from a formula and compared exactly: x(x+1) is x^2 + x.

A formula is read by a small grammar (numbers, letters, + - * / ^, brackets, \\frac, \\pi, a product without a sign) and
worked out at a few fixed points, in fractions. Two formulas of degree d that differ agree at one point drawn from s
numbers with at most d/s (Schwartz 1980, Zippel 1979), and here at all of them. Nothing is evaluated that is no
arithmetic; roots of numbers that are no squares, equations and words are not read.
"""

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import TypeAlias

from synth_dagster.records import digest

Values: TypeAlias = tuple[Fraction, ...]

POINTS = 4
MOST_CHARACTERS = 300
DEEPEST = 30  # brackets in brackets
LARGEST_EXPONENT = 24
MOST_BITS = 20_000  # of a number on the way

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|\.\d+)|(?P<command>\\[a-zA-Z]+)|(?P<sign>\*\*|[-+*/^(){}\[\]])"
    r"|(?P<letters>[A-Za-z\u03c0]+)(?:_(?P<index>\{\w{1,3}\}|\w))?)"
)
_SPELT = {
    "\u2212": "-",
    "\u2013": "-",
    "\u00d7": "*",
    "\u00b7": "*",
    "\u22c5": "*",
    "\u00f7": "/",
    "\u00b2": "^2",
    "\u00b3": "^3",
    "\\left": "",
    "\\right": "",
    "\\cdot": "*",
    "\\times": "*",
    "\\div": "/",
    "\\dfrac": "\\frac",
    "\\tfrac": "\\frac",
    "\\,": "",
    "\\!": "",
    "\\;": "",
    "\\ ": " ",
    "$": "",
}
_WORDY = re.compile(r"(?<![A-Za-z\\])(?!pi\b)[A-Za-z]{3,}")
_ARITHMETIC = re.compile(r"[+*^(]|\\frac|\\sqrt")


class NoFormula(ValueError):
    """A text that this grammar does not read, or whose value is too large or not a fraction."""


def values_of(text: str) -> Values | Fraction | None:
    """The values of a formula at the points, its value where it has no letters, None for what is no formula.

    A single letter, a word, a range such as 3-1 and a date such as 3/4/2020 are texts, not formulas.
    """
    if len(text) > MOST_CHARACTERS:
        return None
    plain = _spelt(text)
    has_letters = bool(re.search(r"[A-Za-z\u03c0]", plain.replace("\\frac", "").replace("\\sqrt", "")))
    is_formula = bool(re.search(r"[-+*/^(\d]", plain)) if has_letters else bool(_ARITHMETIC.search(plain))
    if not is_formula or _WORDY.search(plain):
        return None
    try:
        found = _Reader(plain).whole()
    except (NoFormula, ZeroDivisionError):
        return None
    return found if len(set(found)) > 1 else found[0]


def value_of(text: str) -> Fraction | None:
    """The value of a calculation with numbers alone; None where it is none."""
    try:
        found = _Reader(_spelt(text)[:MOST_CHARACTERS]).whole()
    except (NoFormula, ZeroDivisionError):
        return None
    return found[0] if len(set(found)) == 1 else None


def _spelt(text: str) -> str:
    for written, plain in _SPELT.items():
        text = text.replace(written, plain)
    return text.strip()


@cache
def _letter(name: str) -> Values:
    """The points, as one letter sees them: fixed numbers that depend on its name."""
    return tuple(
        Fraction(1_000 + int.from_bytes(digest("point", name, place)[:4]) % 1_000_003) for place in range(POINTS)
    )


class _Reader:
    """A formula from left to right; each rule gives the values of what it read."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = self._depth = 0

    def whole(self) -> Values:
        found = self._sum()
        if self._next() is not None:
            raise NoFormula
        return found

    def _sum(self) -> Values:
        total = self._product()
        while (sign := self._next()) in ("+", "-"):
            self._at += 1
            total = _each(_plus if sign == "+" else _minus, total, self._product())
        return total

    def _product(self) -> Values:
        sign = self._signs()
        total = self._power()
        while True:
            piece = self._next()
            if piece in ("*", "/"):
                self._at += 1
                negative = self._signs()
                total = _each(_times if piece == "*" else _over, total, self._power())
                total = _each(_times, total, negative)
            elif piece is not None and (piece in ("(", "[", "{") or piece[0] == "\\" or piece[0].isalpha()):
                total = _each(_times, total, self._power())  # a product without a sign
            else:
                return _each(_times, total, sign)

    def _signs(self) -> Values:
        """Minus one for an odd number of minus signs."""
        negative = False
        while self._next() in ("+", "-"):
            negative ^= self._next() == "-"
            self._at += 1
        return _number(-1 if negative else 1)

    def _power(self) -> Values:
        base = self._atom()
        if self._next() not in ("^", "**"):
            return base
        self._at += 1
        negative = self._signs()
        return _each(_raised, base, _each(_times, negative, self._power()))

    def _atom(self) -> Values:
        piece = self._taken()
        if piece[0].isdigit() or piece[0] == ".":
            return _number(Fraction(piece.replace(",", "")))
        if piece in ("(", "[", "{"):
            return self._inside(piece)
        if piece == "\\frac":
            top = self._argument()
            return _each(_over, top, self._argument())
        if piece == "\\sqrt":
            return _each(_root, self._argument(), _number(1))
        if piece == "\\pi":
            return _letter("pi")
        if piece[0].isalpha():
            return _letter("pi" if piece == "\u03c0" else piece)
        raise NoFormula

    def _argument(self) -> Values:
        """What stands behind a command: a group, or the one digit or letter that LaTeX takes."""
        piece = self._next()
        if piece is not None and piece.isdigit() and len(piece) > 1:
            self._tokens[self._at] = piece[1:]
            return _number(int(piece[0]))
        return self._atom()

    def _inside(self, opening: str) -> Values:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NoFormula
        found = self._sum()
        if self._taken() != {"(": ")", "[": "]", "{": "}"}[opening]:
            raise NoFormula
        self._depth -= 1
        return found

    def _next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _taken(self) -> str:
        token = self._next()
        if token is None:
            raise NoFormula
        self._at += 1
        return token


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise NoFormula
        at = token.end()
        if token["letters"]:
            found += _names(token["letters"], token["index"])
        else:
            found.append(token["number"] or token["command"] or token["sign"])
    if not found:
        raise NoFormula
    return found


def _names(letters: str, index: str | None) -> list[str]:
    """The letters of a product, an index belonging to the last; pi is one."""
    names = ["\u03c0"] if letters == "pi" else list(letters)
    return [*names[:-1], names[-1] + (f"_{index.strip('{}')}" if index else "")]


def _number(value: Fraction | int) -> Values:
    return (Fraction(value),) * POINTS


def _each(work: Callable[[Fraction, Fraction], Fraction], one: Sequence[Fraction], other: Sequence[Fraction]) -> Values:
    found = tuple(map(work, one, other))
    if any(value.numerator.bit_length() + value.denominator.bit_length() > MOST_BITS for value in found):
        raise NoFormula
    return found


def _plus(one: Fraction, other: Fraction) -> Fraction:
    return one + other


def _minus(one: Fraction, other: Fraction) -> Fraction:
    return one - other


def _times(one: Fraction, other: Fraction) -> Fraction:
    return one * other


def _over(one: Fraction, other: Fraction) -> Fraction:
    return one / other


def _raised(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > LARGEST_EXPONENT:
        raise NoFormula
    return base ** int(exponent)


def _root(value: Fraction, _: Fraction) -> Fraction:
    if value < 0:
        raise NoFormula
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if (top * top, bottom * bottom) != (value.numerator, value.denominator):
        raise NoFormula
    return Fraction(top, bottom)
