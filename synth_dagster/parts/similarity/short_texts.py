"""How much two short texts share, and keepers that let a text in only when none like it is there.

ROUGE-L is that of the `rouge_score` package without stemming (Lin 2004): F of the longest common subsequence of the
tokens. The token-set ratio is that of fuzzy matching: what remains when the shared words are set apart. A keeper is
order-stable: who comes first stays, and who is refused is told the nearest one that stayed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")

_TOKEN = re.compile(r"[a-z0-9]+")
_WORD = re.compile(r"[^\W_]+")


def tokens(text: str) -> list[str]:
    """The tokens that ROUGE counts: runs of Latin letters and digits, in lower case."""
    return _TOKEN.findall(text.lower())


def word_set(text: str) -> set[str]:
    """The different words of any script, in lower case: runs of letters and digits."""
    return set(_WORD.findall(text.lower()))


def common_subsequence(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """The length of the longest common subsequence, bit-parallel (Hyyrö 2004): one step for each item of the second."""
    places: defaultdict[Hashable, int] = defaultdict(int)
    for place, item in enumerate(first):
        places[item] |= 1 << place
    whole = (1 << len(first)) - 1
    row = whole
    for item in second:
        hit = row & places.get(item, 0)
        row = ((row + hit) | (row - hit)) & whole
    return len(first) - row.bit_count()


def f_measure(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """F of the longest common subsequence: 2 l / (m + n); 0 where either is empty."""
    return 2 * common_subsequence(first, second) / (len(first) + len(second)) if first and second else 0.0


def jaccard(first: str, second: str) -> float:
    """Shared words by all words; 0 where neither has any."""
    one, other = word_set(first), word_set(second)
    return len(one & other) / len(one | other) if one | other else 0.0


def token_set_ratio(first: str, second: str) -> float:
    """The best likeness by characters of the shared words, and these with what either adds; 1 where one adds none."""
    one, other = word_set(first), word_set(second)
    shared = " ".join(sorted(one & other))
    sides = [f"{shared} {' '.join(sorted(rest))}".strip() for rest in (one - other, other - one)]
    if not shared:
        return f_measure(*sides)
    return max(f_measure(shared, sides[0]), f_measure(shared, sides[1]), f_measure(*sides))


@dataclass(frozen=True, slots=True)
class Near(Generic[K]):
    """A kept text that is like another one, and how much."""

    key: K
    score: float


class RougeKeeper(Generic[K]):
    """Lets a text in when its ROUGE-L with every text that is in does not exceed the threshold.

    Exact: only texts that share enough tokens are compared, and shared tokens bound the common subsequence from above.
    """

    def __init__(self, threshold: float = 0.7) -> None:
        self.threshold = threshold
        self._kept: list[tuple[K, list[str]]] = []
        self._where: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)  # token -> (text, how often)

    def __len__(self) -> int:
        return len(self._kept)

    def offer(self, key: K, text: str) -> Near[K] | None:
        """Take a text in, or say which kept one is too near."""
        near = self.nearest(text, above=self.threshold)
        if near is None:
            self.add(key, text)
        return near

    def add(self, key: K, text: str) -> None:
        """Take a text in, whatever is there."""
        its = tokens(text)
        for token, count in Counter(its).items():
            self._where[token].append((len(self._kept), count))
        self._kept.append((key, its))

    def nearest(self, text: str, *, above: float = 0.0) -> Near[K] | None:
        """The kept text with the highest score above a bound, the earliest of equals."""
        best: tuple[float, int] | None = None
        its = tokens(text)
        for bound, place in sorted(self._bounds(its), key=lambda pair: (-pair[0], pair[1])):
            if bound <= above or (best is not None and bound < best[0]):
                break
            score = f_measure(self._kept[place][1], its)
            if score > above and (best is None or (score, -place) > (best[0], -best[1])):
                best = (score, place)
        return Near(self._kept[best[1]][0], best[0]) if best else None

    def scored(self, text: str) -> list[Near[K]]:
        """Every kept text that shares a token, the most alike first, the earliest of equals."""
        its = tokens(text)
        scores = [(f_measure(self._kept[place][1], its), place) for _, place in self._bounds(its)]
        return [Near(self._kept[place][0], score) for score, place in sorted(scores, key=lambda p: (-p[0], p[1]))]

    def _bounds(self, its: Sequence[str]) -> Iterator[tuple[float, int]]:
        """For each kept text that shares a token, the most that its score can be."""
        shared: defaultdict[int, int] = defaultdict(int)
        for token, count in Counter(its).items():
            for place, there in self._where.get(token, ()):
                shared[place] += min(count, there)
        return ((2 * both / (len(its) + len(self._kept[place][1])), place) for place, both in shared.items())


class TokenSetKeeper(Generic[K]):
    """Lets a text in when its token-set ratio with every text that is in stays below the threshold.

    Compared are texts that share at least half of the words of the shorter one: two that share less can only be as
    much alike by their letters, which a threshold near 1 is not about.
    """

    def __init__(self, threshold: float = 0.85) -> None:
        self.threshold = threshold
        self._kept: list[tuple[K, str, int]] = []  # key, text, how many different tokens
        self._where: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, key: K, text: str) -> None:
        """Take a text in, whatever is there."""
        its = word_set(text)
        for token in its:
            self._where[token].append(len(self._kept))
        self._kept.append((key, text, len(its)))

    def nearest(self, text: str) -> Near[K] | None:
        """The kept text that is most alike of those at or above the threshold, the earliest of equals."""
        best: Near[K] | None = None
        its = word_set(text)
        shared = Counter(place for token in its for place in self._where.get(token, ()))
        for place in sorted(shared):
            key, other, size = self._kept[place]
            if 2 * shared[place] < min(size, len(its)):
                continue
            score = token_set_ratio(text, other)
            if score >= self.threshold and (best is None or score > best.score):
                best = Near(key, score)
        return best


class JaccardKeeper(Generic[K]):
    """Lets a text in when it has less than a share of words in common with every text that is in.

    Exact: texts that share no word are not compared, and for all others the shared words are counted.
    """

    def __init__(self, threshold: float = 0.8) -> None:
        self.threshold = threshold
        self._kept: list[tuple[K, int]] = []  # key, how many different words
        self._where: defaultdict[str, list[int]] = defaultdict(list)

    def offer(self, key: K, text: str) -> Near[K] | None:
        """Take a text in, or say which kept one is too near: the most alike, the earliest of equals."""
        its = word_set(text)
        shared = Counter(place for token in its for place in self._where.get(token, ()))
        scores = [(both / (len(its) + self._kept[place][1] - both), -place) for place, both in shared.items()]
        score, place = max(scores, default=(0.0, 0))
        if scores and score >= self.threshold:
            return Near(self._kept[-place][0], score)
        for token in its:
            self._where[token].append(len(self._kept))
        self._kept.append((key, len(its)))
        return None
