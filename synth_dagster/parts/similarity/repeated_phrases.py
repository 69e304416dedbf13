"""Long phrases that a text says again after another, as CHASE takes them out (arXiv:2502.14678)."""

import re
from difflib import SequenceMatcher

from synth_dagster.parts.mathematics.leaked_numbers import tidied

FEWEST = 8  # words of a phrase that counts, in the released code

_WORD = re.compile(r"\S+")


def without_repeated(first: str, second: str, fewest: int = FEWEST) -> str:
    """The second text without any run of at least so many words that the first one has."""
    start, end = _span(first, second, fewest)
    while end:
        second = tidied(f"{second[:start]} {second[end:]}")
        start, end = _span(first, second, fewest)
    return second


def _span(first: str, second: str, fewest: int) -> tuple[int, int]:
    words, places = _WORD.findall(first), list(_WORD.finditer(second))
    found = SequenceMatcher(None, words, [word[0] for word in places], autojunk=False).find_longest_match()
    if found.size < fewest:
        return 0, 0
    return places[found.b].start(), places[found.b + found.size - 1].end()
