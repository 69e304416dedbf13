"""How much of a text stands in another one in the same order: the longest common subsequence of their words."""

import re
from collections.abc import Sequence

_WORD = re.compile(r"\w+|[^\w\s]")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")


def common(some: Sequence[str], others: Sequence[str]) -> int:
    """The length of the longest common subsequence, by additions of whole numbers (Hyyrö 2004): a bit for each word of
    the first, one addition for each word of the second."""
    places: dict[str, int] = {}
    for place, word in enumerate(some):
        places[word] = places.get(word, 0) | (1 << place)
    full = (1 << len(some)) - 1
    free = full
    for word in others:
        here = free & places.get(word, 0)
        free = ((free + here) | (free - here)) & full
    return len(some) - free.bit_count()


def coverage(text: str, source: str) -> float:
    """The share of a text's words and marks that stand in a source in their order; 1 of a text without any."""
    own = _WORD.findall(text.lower())
    return common(own, _WORD.findall(source.lower())) / len(own) if own else 1.0


def least_covered(text: str, source: str, words: int = 10) -> float:
    """The coverage of the sentence of so many words and more that is covered worst; 1 where there is none.

    A long text may hold an invented sentence and still be covered as a whole; such a sentence is not.
    """
    sentences = (one for one in _SENTENCE.findall(text) if len(one.split()) >= words)
    return min((coverage(one, source) for one in sentences), default=1.0)
