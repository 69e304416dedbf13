"""RegMix over domains: small models are trained on random mixtures, and the best mixture is told from their losses.

Paper: arXiv:2502.10341 (WebOrganizer, after RegMix, arXiv:2407.01492). Mixtures are drawn around the shares of the
corpus, a small model is trained on each and its bits per byte on targets written down, a surface is fitted, and the
mixture that it says to be best is sought, with a price on leaving the corpus. Domains of topic and format are sought
apart and multiplied. Small models count n-grams of bytes (`parts.mixing.proxy_models`, whose `Trainer` yours may be),
or are small transformers that are really trained (`parts.mixing.transformer_trainer`).
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from synth_dagster.method import InputPath, Mixer, Mixture, Proof
from synth_dagster.parts.mixing.allocation import allocate, limits_of
from synth_dagster.parts.mixing.proxy_models import CountingTrainer, Trainer
from synth_dagster.parts.mixing.simplex import Draws, Search, Surface, spearman, tempered
from synth_dagster.parts.mixing.transformer_trainer import TransformerTrainer
from synth_dagster.services import References

_BETWEEN = " x "  # of the two sides of a domain, as `weborganizer` writes it
_FEWEST = 8  # mixtures from which a surface may be fitted
_SEEDS = 2  # searches whose mean counts


class WeborganizerMix(Mixer):
    """The mixture that small models say to be best for the targets; what a domain lacks goes to the others."""

    paper = "arXiv:2502.10341"
    proof = Proof(
        "planted signal",
        "512 draws keep all limits; on a planted surface with noise Spearman above .9 on 50 unseen mixtures and a "
        "choice within 2 % of the optimum; small models choose the domain that a target is like.",
    )
    topics: ClassVar[tuple[str, ...]] = ("RegMix", "mixture", "proxy models", "data mixing")
    reads = ("texts",)

    target: InputPath = Field(
        description="Texts that the mix should be good for, each file a target of its own; keep them out of the data."
    )
    trials: int = Field(64, ge=_FEWEST, le=10_000, description="Mixtures that are tried; 512 in the paper.")
    budget: int | None = Field(None, ge=1, description="Tokens of the mix; unless given, half of those that are there.")
    max_epochs: float = Field(1.0, gt=0, le=100, description="How often a record may be seen at most.")
    temperature: float = Field(2.0, gt=0, le=100, description="Flattens the corpus' own shares for the draws.")
    characters: int = Field(500_000, ge=1_000, description="Of each domain and target that small models are shown.")
    trained_on: int = Field(
        2_000_000, ge=1_000, description="Bytes that a small model is trained on; a transformer reads 15,000 a second."
    )
    small_models: Literal["ngrams", "transformer"] = Field(
        "ngrams", description="Counts of bytes, in seconds; or a transformer that is trained on each mixture."
    )
    draws: int = Field(500_000, ge=100, description="Mixtures that the search looks at.")
    gamma: float = Field(0.002, ge=0, description="Price of a nat of divergence from the corpus' shares.")
    cap: float = Field(6.5, ge=1, description="Times its share in the corpus is the largest weight of a domain.")
    seed: int = Field(0, ge=0, description="Seed of the draws.")

    def mix(
        self,
        sizes: Mapping[str, int],
        /,
        *,
        references: References,
        texts: Mapping[str, Sequence[str]] | None = None,
    ) -> Mixture:
        total = sum(sizes.values())
        budget = self.budget or max(total // 2, 1)
        limits = limits_of(sizes, self.max_epochs, budget)
        targets = {name: _cut(found, self.characters) for name, found in references.files(self.target).items()}
        sides = _sides(sizes)
        found = [self._side(*_grouped(sizes, texts or {}, side), targets) for side in sides]
        weights = {
            name: float(np.prod([one[side[name]] for (one, _), side in zip(found, sides, strict=True)]))
            for name in sizes
        }
        tokens = allocate(budget, {name: weight if sizes[name] else 0.0 for name, weight in weights.items()}, limits)
        told = "; ".join(said for _, said in found)
        return Mixture({name: given / budget for name, given in tokens.items()}, tokens, told)

    def _side(
        self, sizes: Mapping[str, int], texts: Mapping[str, Sequence[str]], targets: Mapping[str, Sequence[str]]
    ) -> tuple[dict[str, float], str]:
        """The weights of the domains of one side, and how they were found."""
        names = [name for name in sorted(sizes) if sizes[name]]
        prior = {name: sizes[name] / sum(sizes.values()) for name in sizes}
        if len(names) < 2 or not all(texts.get(name) for name in names):
            return prior, "as large as they are: there are not texts of two domains"
        build = {"ngrams": CountingTrainer, "transformer": TransformerTrainer}[self.small_models]
        trainer = build(
            {name: _cut(texts[name], self.characters) for name in names}, targets, trained_on=self.trained_on
        )
        best, ranked, tried = searched(trainer, {name: sizes[name] for name in names}, self)
        return {name: best.get(name, 0.0) for name in sizes}, (
            f"RegMix of {len(names)} domains: {tried} small models for {len(targets)} targets, Spearman "
            f"{ranked:.2f} on mixtures left out"
        )


def searched(trainer: Trainer, sizes: Mapping[str, int], asked: WeborganizerMix) -> tuple[dict[str, float], float, int]:
    """The best mixture, Spearman of what surfaces said of mixtures they had not seen, and how many were tried.

    A surface is fitted to each target, and their mean is sought, as the paper averages its tasks.
    """
    names = list(sizes)
    there = np.array([sizes[name] for name in names], float)
    rng = np.random.default_rng(asked.seed)
    prior = there / there.sum()
    flat = tempered(there, asked.temperature)
    tried = Draws().of(flat, _most(there, asked.trained_on), asked.trials, rng)
    if len(tried) < min(_FEWEST, len(names) + 1):
        tried = np.vstack([tried, np.eye(len(names)), prior])
    losses = [trainer.losses(dict(zip(names, weights.tolist(), strict=True))) for weights in tried]
    columns = [np.array([one[target] for one in losses]) for target in sorted(losses[0])]
    surfaces = [Surface.fitted(tried, column) for column in columns]
    search = Search(draws=asked.draws, gamma=asked.gamma, cap=asked.cap)
    found = [
        search.best(
            lambda weights: np.mean([surface.losses(weights) for surface in surfaces], axis=0),
            prior,
            np.ones(len(names)),
            np.random.default_rng([asked.seed, number]),
        )
        for number in range(_SEEDS)
    ]
    best = np.mean(found, axis=0)
    ranked = float(np.mean([spearman(s.left_out, column) for s, column in zip(surfaces, columns, strict=True)]))
    return dict(zip(names, (best / best.sum()).tolist(), strict=True)), ranked, len(tried)


def _most(there: np.ndarray, trained_on: int, epochs: float = 20.0) -> np.ndarray:
    """The largest weight of each domain: a small model sees none more than twenty times."""
    return np.maximum(epochs * there / trained_on, epochs * there / there.sum())


def _sides(sizes: Mapping[str, int]) -> list[dict[str, str]]:
    """Domain -> its name on each side: one side, or topic and format where all domains have both."""
    halves = {name: name.split(_BETWEEN) for name in sizes}
    if sizes and all(len(parts) == 2 for parts in halves.values()):
        return [{name: parts[side] for name, parts in halves.items()} for side in range(2)]
    return [{name: name for name in sizes}]


def _grouped(
    sizes: Mapping[str, int], texts: Mapping[str, Sequence[str]], side: Mapping[str, str]
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Sizes and texts of the domains of one side, in the order of the domains' names."""
    grouped: dict[str, int] = {}
    said: dict[str, list[str]] = {}
    for name in sorted(sizes):
        grouped[side[name]] = grouped.get(side[name], 0) + sizes[name]
        said.setdefault(side[name], []).extend(texts.get(name, ()))
    return grouped, said


def _cut(texts: Sequence[str], characters: int) -> list[str]:
    """Texts from the first one on until there are so many characters."""
    found, left = [], characters
    for text in texts:
        if left <= 0:
            break
        found.append(text[:left])
        left -= len(text)
    return found
