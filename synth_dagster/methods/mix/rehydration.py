"""Rehydration: a page with copies is seen more often, by how seldom filters drop pages of as many copies.

Paper: arXiv:2506.20920 (FineWeb2), section on upsampling. Pages of each number of copies have a rate of their own at
which filters drop them. Where it is lowest, pages are best and are repeated most; at the rate of all pages together and
above it they are seen once. It tells something only where duplicates were found before the filters (`before_filters:
true` of the deduplication): else bad pages never reach a cluster.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.method import DOMAINS, Mixer, Mixture, Proof


class Rehydration(Mixer):
    """Whole passes over all pages of a number of copies. Of domains that are no numbers each is seen once."""

    paper = "arXiv:2506.20920"
    topics: ClassVar[tuple[str, ...]] = ("FineWeb2", "upsampling", "cluster size", "repetition")
    proof = Proof(
        "recomputed table",
        "Of the 1,856 published tables 1,847 come out the same at 10 passes, 1,848 at 5 and 1,850 at 3; of Italian "
        "238,984,437 pages become 965,462,863",
    )
    reads = ("removed",)

    by: str = Field("cluster_size", pattern=DOMAINS, description="What a domain is: how many pages say the same.")
    most: int = Field(10, ge=1, le=100, description="How often a page is seen at most; 3 to 10 are published.")
    window: int = Field(5, ge=1, le=99, description="Over how many numbers of copies the passes are smoothed.")
    tail: int = Field(150, ge=2, description="From this number of copies on, all numbers count as one.")

    def mix(self, sizes: Mapping[str, int], /, *, removed: Mapping[str, float] | None = None) -> Mixture:
        if not sizes:
            raise SynthError("There is nothing to mix: filters dropped all of it. 'synth status' says why.")
        times = self._times(sizes, removed or {})
        tokens = {name: float(size * times.get(name, 1)) for name, size in sizes.items()}
        total = sum(tokens.values())
        weights = {name: given / total if total else 1 / len(sizes) for name, given in tokens.items()}
        told = ", ".join(f"{name}: {times[name]}" for name in sorted(times, key=int)) or "1 for all"
        return Mixture(weights, tokens, f"copies: passes, at most {self.most}: {told}")

    def _times(self, sizes: Mapping[str, int], removed: Mapping[str, float]) -> Mapping[str, int]:
        """Number of copies -> passes, of the numbers whose rate is known."""
        known = sorted((name for name in sizes if name.isdecimal() and removed.get(name, 1) < 1), key=int)
        if not known:
            return {}
        judged = np.array([sizes[name] / (1 - removed[name]) for name in known])  # tokens, before the filters
        places = np.unique(np.minimum([int(name) for name in known], self.tail), return_inverse=True)[1]
        gone = np.bincount(places, judged * [removed[name] for name in known]) / np.bincount(places, judged)
        overall = removed.get("", float((judged * [removed[name] for name in known]).sum() / judged.sum()))
        passes = repetitions(gone, overall, self.most, self.window)
        return {name: int(passes[place]) for name, place in zip(known, places, strict=True)}


def repetitions(rates: np.ndarray, overall: float, most: int, window: int = 5) -> np.ndarray:
    """Shape of `rates`, whole numbers: passes by the rates at which filters drop pages of each number of copies.

    Rates stand in the order of the numbers. From the lowest (`most`) to that of all pages (1) along a line, then the
    mean over the neighbours, but for those that lack some, then whole numbers; a half goes to the even one.
    """
    lowest = rates.min(initial=overall)
    raw = np.ones(len(rates))
    better = rates < overall
    raw[better] = 1 + (most - 1) * (rates[better] - overall) / (lowest - overall)
    half = window // 2
    smooth = raw.copy()
    if len(rates) >= 2 * half + 1:
        smooth[half : len(raw) - half] = np.convolve(raw, np.full(2 * half + 1, 1 / (2 * half + 1)), mode="valid")
    return np.round(smooth).astype(np.int64)
