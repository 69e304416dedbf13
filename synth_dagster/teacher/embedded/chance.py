"""Choices that look free and are not: the same request, seed and model always choose the same."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chance:
    """A stream of choices, named by what it is about; there is no state, so order does not matter."""

    seed: int

    @classmethod
    def of(cls, *parts: object) -> "Chance":
        canonical = json.dumps(parts, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
        return cls(int.from_bytes(hashlib.blake2b(canonical, digest_size=8).digest()))

    def about(self, text: str) -> "Chance":
        """The same chance for one text: another text is answered in another way."""
        return Chance.of(self.seed, text)

    def number(self, purpose: str, below: int) -> int:
        named = f"{self.seed}:{purpose}".encode()
        return int.from_bytes(hashlib.blake2b(named, digest_size=8).digest()) % below

    def pick(self, purpose: str, choices: Sequence[T]) -> T:
        return choices[self.number(purpose, len(choices))]
