"""Whether a set of texts makes a language model better, found out at a tenth of the price of training one.

Paper: arXiv:2505.05427 (Ultra-FineWeb), efficient verification. One model reads the normal mix nearly to its end. From
there it goes on once with the normal mix, and once with 30 % of the candidate among it; what the candidate is worth is
by how many bits per byte the second foretells held-out clean texts better. Runs that go on with other parts of the
normal mix say how far chance alone gets.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synth_dagster.parts.models.ngram_lm import NgramLM
from synth_dagster.parts.text.hashed_words import normalise, words

SHARE = 0.3  # of the candidate in what the model goes on with
LAST = 0.1  # of the tokens of the whole training, read after the checkpoint
OPTIONS = 4  # of the multiple-choice probe
HELPS, UNDECIDED, HARMS = "helps", "undecided", "harms"


@dataclass(frozen=True)
class Verdict:
    """What a candidate changes, for each seed: bits per byte saved on clean texts, and right choices gained."""

    saved: Sequence[float]
    gained: Sequence[float]
    chance: float  # standard deviation of `saved` where the candidate is the normal mix itself
    tokens: int  # that were read to find it out

    @property
    def improves(self) -> bool:
        """Whether more is saved than chance would, by two standard deviations."""
        return self.word == HELPS

    @property
    def word(self) -> str:
        """What can be said of it: within two standard deviations of chance that is nothing."""
        mean = statistics.fmean(self.saved)
        return UNDECIDED if abs(mean) <= 2 * self.chance else HELPS if mean > 0 else HARMS


def verified(
    normal: pa.Array, candidates: Mapping[str, pa.Array], clean: pa.Array, *, seeds: int, order: int = 3
) -> dict[str, Verdict]:
    """The verdict on each candidate. `normal` and `clean` have no text in common."""
    base = NgramLM.learnt(normal, order)
    budget = base.tokens * LAST / (1 - LAST)
    plain = [_scores(base, _drawn(normal, budget, seed, "normal"), clean) for seed in range(seeds)]
    null = [base.gone_on(_mixed(normal, normal, budget, seed, "null")).bits_per_byte(clean) for seed in range(seeds)]
    chance = statistics.pstdev([*(one for one, _ in plain), *null])
    found = {}
    for name, texts in candidates.items():
        runs = [_scores(base, _mixed(normal, texts, budget, seed, name), clean) for seed in range(seeds)]
        found[name] = Verdict(
            saved=[before[0] - after[0] for before, after in zip(plain, runs, strict=True)],
            gained=[after[1] - before[1] for before, after in zip(plain, runs, strict=True)],
            chance=chance,
            tokens=round(budget),
        )
    return found


def _scores(base: NgramLM, texts: pa.Array, clean: pa.Array) -> tuple[float, float]:
    model = base.gone_on(texts)
    return model.bits_per_byte(clean), right_choices(model, clean)


def _mixed(normal: pa.Array, candidate: pa.Array, budget: float, seed: int, name: str) -> pa.Array:
    ours = _drawn(candidate, SHARE * budget, seed, f"{name} candidate")
    return pa.concat_arrays([_drawn(normal, (1 - SHARE) * budget, seed, f"{name} normal"), ours])


def _drawn(texts: pa.Array, budget: float, seed: int, purpose: str) -> pa.Array:
    """Texts at random, until they have so many words; all of them again where they have not enough."""
    counts = words(normalise(texts)).counts
    if not counts.sum():
        return texts.slice(0, 0)
    rng = np.random.Generator(np.random.PCG64([seed, *purpose.encode()]))
    chosen: list[np.ndarray] = []
    left = budget
    while left > 0:
        order = rng.permutation(len(texts))
        some = order[: int(np.searchsorted(np.cumsum(counts[order]), left)) + 1]
        chosen.append(some)
        left -= float(counts[some].sum())
    return texts.take(pa.array(np.concatenate(chosen)))


def right_choices(model: NgramLM, texts: pa.Array) -> float:
    """How often the second half of a text is found more probable after its first than those of three others."""
    halves = [_halved(text) for text in texts.to_pylist()]
    halves = [pair for pair in halves if pair is not None]
    if len(halves) < OPTIONS:
        return 0.0
    before = model.bits(pa.array([first for first, _ in halves], pa.string()))
    step = len(halves) // OPTIONS
    rows = np.arange(len(halves))
    costs = []
    for place in range(OPTIONS):  # the right one first, then those of texts that stand elsewhere
        others = (rows + place * step) % len(halves)
        endings = [halves[other][1] for other in others]
        whole = pa.array([f"{halves[row][0]} {ending}" for row, ending in zip(rows, endings, strict=True)], pa.string())
        alone = model.bits(whole) - before
        costs.append(alone / np.maximum([len(ending.split()) for ending in endings], 1))
    return float(np.mean(np.argmin(np.stack(costs), axis=0) == 0))


def _halved(text: str | None) -> tuple[str, str] | None:
    pieces = (text or "").split()
    middle = len(pieces) // 2
    return (" ".join(pieces[:middle]), " ".join(pieces[middle:])) if middle >= 3 else None
