"""How two labellings of the same things go together: mutual information, over all and of each pair."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log


@dataclass(frozen=True, slots=True)
class Table:
    """How often two labels stand together."""

    counts: Counter[tuple[str, str]]

    @classmethod
    def of(cls, first: Sequence[str], second: Sequence[str]) -> "Table":
        return cls(Counter(zip(first, second, strict=True)))

    def sides(self) -> tuple[Counter[str], Counter[str]]:
        """How often each label of the first stands, and of the second."""
        first, second = Counter[str](), Counter[str]()
        for (one, other), count in self.counts.items():
            first[one] += count
            second[other] += count
        return first, second

    def nmi(self) -> float:
        """2 I / (H + H'): 0 for labellings that have nothing to do with each other, 1 where either tells the other."""
        total, (first, second) = self.counts.total(), self.sides()
        entropies = sum(_entropy(side, total) for side in (first, second))
        shared = sum(
            count / total * log(count * total / (first[one] * second[other]))
            for (one, other), count in self.counts.items()
        )
        return 2 * shared / entropies if entropies else 0.0

    def npmi(self) -> dict[tuple[str, str], float]:
        """log(p(a, b) / (p(a) p(b))) / -log p(a, b) of the pairs that occur: 1 where both always stand together."""
        total, (first, second) = self.counts.total(), self.sides()
        return {
            (one, other): log(count * total / (first[one] * second[other])) / -log(count / total)
            if count < total
            else 1.0
            for (one, other), count in sorted(self.counts.items())
        }


def _entropy(counts: Counter[str], total: int) -> float:
    return -sum(count / total * log(count / total) for count in counts.values() if count)
