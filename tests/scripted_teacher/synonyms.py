"""A world of synonyms: pages in two vocabularies that have no word in common, nor a piece of one, and who knows both.

What a page is about are concepts, each a word of either vocabulary. A page that teaches is mostly of concepts of the
one half, any other of the other half. Who knows words alone learns nothing in one vocabulary about the other.
"""

import random

import numpy as np

CONCEPTS = 40
LENGTH = 16  # numbers of a vector of the model
SYLLABLES = (("ba", "be", "bi", "da", "de", "di"), ("ro", "ru", "lo", "lu", "no", "nu"))


def _word(concept: int, vocabulary: int) -> str:
    syllables = SYLLABLES[vocabulary]
    return "".join(syllables[concept // 6**place % 6] for place in range(3))


WORDS = [[_word(concept, vocabulary) for concept in range(CONCEPTS)] for vocabulary in (0, 1)]
_MEANING = {word: concept for words in WORDS for concept, word in enumerate(words)}
_DIRECTIONS = np.linalg.qr(np.random.default_rng(3).standard_normal((CONCEPTS, LENGTH)))[0]


def pages(number: int, vocabulary: int, seed: int) -> list[tuple[str, int]]:
    """Texts of 30 words with 5 points for those that teach, which every second does, and 0 for the others."""
    rng = random.Random(seed)
    return [(_page(rng, vocabulary, teaches=place % 2 == 0), 5 * (place % 2 == 0)) for place in range(number)]


def _page(rng: random.Random, vocabulary: int, *, teaches: bool) -> str:
    half = CONCEPTS // 2
    about = [rng.randrange(half) + half * ((rng.random() < 0.8) != teaches) for _ in range(30)]
    return " ".join(WORDS[vocabulary][concept] for concept in about)


def retold(text: str) -> str:
    """The same in the other vocabulary."""
    words = text.split()
    other = 1 if words[0] in WORDS[0] else 0
    return " ".join(WORDS[other][_MEANING[word]] for word in words)


def vector(text: str, length: int = LENGTH) -> list[float]:
    """What the model says of a text: the sum of what its words mean; of strange words the first direction."""
    counts = np.zeros(CONCEPTS)
    for word in text.split():
        counts[_MEANING.get(word, 0)] += 1
    return [*(counts @ _DIRECTIONS).tolist(), *([0.0] * (length - LENGTH))]
