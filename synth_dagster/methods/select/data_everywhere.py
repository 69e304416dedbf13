"""DSIR per source: draws the records that are like a target, which may be records of good attributes in the pool.

Paper: arXiv:2407.06380 (Data, Data Everywhere; importance resampling of arXiv:2302.03169). The target is some texts,
or those records of the pool whose attributes are as wanted: then a text that only looks toxic is not deleted, it is
kept for how it is written. `text_attributes` tells the attributes; `unimax` and `temperature` weigh sources,
or their buckets. Settings that the card has from memory are marked so.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from synth_dagster.errors import SynthError
from synth_dagster.method import InputPath, Proof, Selector
from synth_dagster.parts.mixing.importance import Buckets, gumbel, log_ratio, log_weights
from synth_dagster.parts.selections import places_by_id, selection
from synth_dagster.services import References


class DataEverywhere(Selector):
    """The score is the log of the importance weight; what is drawn has the highest with Gumbel noise."""

    paper = "arXiv:2407.06380"
    proof = Proof(
        "planted signal",
        "Log-weights equal brute force to 1e-9; of planted 10 % target-like texts over .9 are among the first k; a cut "
        "on toxicity removes over 80 % of planted news of war, the target by attributes keeps over 80 % of it.",
    )
    topics = ("DSIR", "importance resampling", "target distribution", "toxicity")

    target: InputPath = Field("", description="File or folder of texts that the kept records should be like.")
    like: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Instead: the records whose signals have these values, such as "
        "{text_attributes__quality: [high]}. Without either the draw is at random.",
    )
    share: float = Field(0.5, gt=0, le=1, description="Share of the tokens that is kept; ours.")
    budget: int | None = Field(None, ge=1, description="Instead of a share: tokens that are kept, of all sources.")
    by_source: bool = Field(True, description="Whether each source is compared with itself and gives its share.")
    buckets: int = Field(10_000, ge=1, le=10_000_000, description="Buckets that n-grams are hashed into.")
    ngrams: int = Field(2, ge=1, le=5, description="Longest run of words that counts.")
    smoothing: float = Field(1.0, gt=0, description="Added to the count of each bucket; ours.")
    noise: bool = Field(True, description="Gumbel noise: a draw by the weights; without, the highest are taken.")
    seed: int = Field(0, ge=0, description="Seed of the noise.")

    @model_validator(mode="after")
    def _one_target(self) -> "DataEverywhere":
        if self.target and self.like:
            raise ValueError("'target' and 'like' both say what to be like; give one of them")
        return self

    def signals_read(self) -> tuple[str, ...]:
        return tuple(sorted(self.like))

    def select(self, pool: pa.Table, /, *, references: References) -> pa.Table:
        buckets = Buckets(self.buckets, self.ngrams)
        wanted = buckets.counted(self._target(pool, references))
        tokens = pool["tokens"].to_numpy().astype(float)
        sources = np.array(pool["source"].to_pylist() if self.by_source else [""] * pool.num_rows, object)
        noise = gumbel(pool["record_id"], self.seed) if self.noise else np.zeros(pool.num_rows)
        score, chosen = np.zeros(pool.num_rows), np.zeros(pool.num_rows, bool)
        places = places_by_id(pool["record_id"])
        for source in sorted(set(sources.tolist())):
            rows = np.flatnonzero(sources == source)
            texts = pool["text"].take(pa.array(rows))
            score[rows] = log_weights(texts, log_ratio(wanted, buckets.counted(texts), self.smoothing), buckets)
            best = rows[np.lexsort((places[rows], -(score + noise)[rows]))]
            chosen[best] = np.cumsum(tokens[best]) <= self._most(tokens[rows].sum(), tokens.sum())
        best_first = np.lexsort((places, -(score + noise), ~chosen))
        return selection(pool["record_id"], score.round(9), best_first, chosen, "unlike_target")

    def _most(self, there: float, of_all: float) -> float:
        """Tokens that a source gives: its share, or its part of the budget."""
        wanted = self.share * there if self.budget is None else self.budget * there / max(of_all, 1.0)
        return wanted + 1e-9

    def _target(self, pool: pa.Table, references: References) -> pa.ChunkedArray | pa.Array:
        if self.target:
            return pa.array(references.texts(self.target), pa.string())
        wanted = np.ones(pool.num_rows, bool)
        for signal, values in self.like.items():
            wanted &= np.isin(np.array([str(one) for one in pool[signal].to_pylist()], object).astype(str), values)
        if pool.num_rows and not wanted.any():
            asked = ", ".join(f"{signal} in {list(values)}" for signal, values in self.like.items())
            raise SynthError(f"data_everywhere: no record of the pool has {asked}. Correct 'like'.")
        return pool["text"].filter(pa.array(wanted))
