"""Texts of words that come as often as words do, for tests that need many that are alike and none that is another."""

import random

SOUNDS = ["ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "wa", "ster", "ing", "an", "er", "ol"]


def vocabulary(size=1_500):
    draw = random.Random(17)
    return list(dict.fromkeys("".join(draw.choices(SOUNDS, k=draw.choice([1, 2, 2, 3, 4]))) for _ in range(3 * size)))[
        :size
    ]


VOCABULARY = vocabulary()
WEIGHTS = [1 / (rank + 3) for rank in range(len(VOCABULARY))]  # Zipf's law


def prose(seed, count, words=50):
    """So many texts of so many words; another seed gives others."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(VOCABULARY, WEIGHTS, k=words)) for _ in range(count)]
