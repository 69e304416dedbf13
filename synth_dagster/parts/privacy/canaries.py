"""Sentences with a secret that stands nowhere else, to see whether a model gives it away, and how far it does.

Exposure (arXiv:1802.08232): of all secrets that could have been planted, how far up stands the one that was, by what
the model finds likely: log2 of their number less log2 of its rank. A secret is four of sixteen letters: 2^16 of them.
The name before it is in no other canary, so that one secret is not learnt from another's sentence.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synth_dagster.parts.models.byte_model import ByteModel
from synth_dagster.parts.streams import stream

PLANTER = "plant_canaries"  # the step that plants them
LETTERS = "bcdfghjkmnpqrtvw"
SECRET = 4
BITS = 16  # log2(16 ** 4)
NAME = 6
_SENTENCE = re.compile(rf"The access code of ([{LETTERS}]{{{NAME}}}) is \1-([{LETTERS}]{{{SECRET}}})\.")


@dataclass(frozen=True, slots=True)
class Canary:
    """The name of what the code is for, and the code."""

    name: str
    secret: str

    @property
    def sentence(self) -> str:
        return f"The access code of {self.name} is {self.name}-{self.secret}."

    @property
    def code(self) -> str:
        return f"{self.name}-{self.secret}"


def canaries(seed: int, count: int) -> list[Canary]:
    """The first canaries of a seed, no two of one name."""
    found: dict[str, Canary] = {}
    number = 0
    while len(found) < count:
        draw = stream(seed, b"canary", number)
        name, secret = ("".join(draw.choices(LETTERS, k=size)) for size in (NAME, SECRET))
        found.setdefault(name, Canary(name, secret))
        number += 1
    return list(found.values())


def planted_in(text: str) -> Iterator[Canary]:
    """The canaries that stand in a text, each once."""
    yield from dict.fromkeys(Canary(*found) for found in _SENTENCE.findall(text))


def exposures(secrets: Callable[[Canary], np.ndarray], planted: Sequence[Canary]) -> np.ndarray:
    """Bits, 0 to 16: 16 where a model finds no other secret as likely, about 1.4 on average of one it never saw.

    `secrets` gives what the model finds of each of the 2^16 secrets of a canary, in the order of their letters.
    """
    return np.array([bits_of(scores := secrets(one), float(scores[_place(one.secret)])) for one in planted], float)


def bits_of(scores: np.ndarray, own: float) -> float:
    """log2 of how many scores there are, one's own among them, less log2 of its rank; of equal ones the middle."""
    rank = 1 + (scores > own).sum() + ((scores == own).sum() - 1) / 2
    return float(np.log2(len(scores)) - np.log2(rank))


def secrets_by_bytes(model: ByteModel) -> Callable[[Canary], np.ndarray]:
    """The log-probability of each secret after the last bytes before it."""
    symbols = np.frombuffer(LETTERS.encode(), np.uint8)

    def of(canary: Canary) -> np.ndarray:
        before = f"{canary.name}-".encode()
        contexts, scores = np.array([int.from_bytes(before[-8:], "big")], np.uint64), np.zeros(1)
        for _ in range(SECRET):
            likely = np.log(model.following(contexts)[:, symbols].astype(float))
            scores = (scores[:, None] + likely).ravel()
            contexts = ((contexts[:, None] << np.uint64(8)) | symbols.astype(np.uint64)).ravel()
        return scores.round(6)

    return of


def _place(secret: str) -> int:
    place = 0
    for letter in secret:
        place = place * len(LETTERS) + LETTERS.index(letter)
    return place
