"""Lexical embeddings: hashed words and character trigrams, unit length, so that texts which share words are near."""

import base64
import math
import zlib
from array import array
from functools import lru_cache

from synth_dagster.teacher.embedded.reading import STOP_WORDS, stem, words

DIMENSIONS = 256


def features(text: str) -> list[tuple[str, float]]:
    """What is hashed: stems of words, common ones with little weight, and the trigrams of each word."""
    found: list[tuple[str, float]] = []
    for word in words(text):
        weight = 0.1 if word in STOP_WORDS else 1.0
        found.append((f"w:{stem(word)}", weight))
        padded = f" {word} "
        found.extend((f"c:{padded[at : at + 3]}", 0.25 * weight) for at in range(len(padded) - 2))
    return found or [(f"t:{text}", 1.0)]


@lru_cache(maxsize=4096)
def embed(text: str) -> tuple[float, ...]:
    """A vector of unit length. The hash is CRC-32, the same in every process; one of its bits is the sign."""
    vector = [0.0] * DIMENSIONS
    for feature, weight in features(text):
        place = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
        vector[place % DIMENSIONS] += weight if place & 0x80000000 else -weight
    length = math.sqrt(sum(value * value for value in vector))
    if not length:  # features may cancel out
        return (1.0, *([0.0] * (DIMENSIONS - 1)))
    return tuple(value / length for value in vector)


def as_base64(vector: tuple[float, ...]) -> str:
    """Little-endian float32, as OpenAI sends it."""
    import sys

    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
