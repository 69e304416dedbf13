"""The numbers of a question: whoever tells it in other words keeps them, since another number is another question."""

import re
from collections.abc import Sequence

import numpy as np

_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_WORD = re.compile(r"[a-z]+")
_NAMES = [
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]  # one is a pronoun
_NAMED = {name: str(number) for number, name in enumerate(_NAMES, start=2)}


def numbers_in(text: str) -> frozenset[str]:
    """The different numbers of a text: those in digits, and the English names of two to twelve."""
    plain = text.lower().replace(",", "")
    return frozenset([*_DIGITS.findall(plain), *(_NAMED[word] for word in _WORD.findall(plain) if word in _NAMED)])


def shared_numbers(texts: Sequence[str], others: Sequence[frozenset[str]]) -> np.ndarray:
    """For each text and the numbers of another, the share of all numbers that both have; 0 where the other has none."""
    found = [(numbers_in(text), other) for text, other in zip(texts, others, strict=True)]
    return np.array([len(own & other) / len(own | other) if other else 0.0 for own, other in found], float)
