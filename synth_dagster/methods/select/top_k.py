"""Takes the records of the highest signal, or a draw in proportion to it without replacement (Gumbel top-k).

Paper: arXiv:2502.10341 (WebOrganizer), which fills the quota of each domain so: with `share: 1` nothing is dropped, and
a mixture of domains takes the records of each in this order. Gumbel top-k: arXiv:1903.06059.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from synth_dagster.method import Proof, Selector
from synth_dagster.parts.mixing.importance import gumbel
from synth_dagster.parts.selections import places_by_id, selection

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false


class TopK(Selector):
    """The score is the signal; a record without a value comes last. Without a signal the draw is at random."""

    paper = "arXiv:2502.10341"
    proof = Proof(
        "planted signal",
        "The best by the signal come first; a draw takes a record of twice the weight twice as often as first.",
    )
    topics = ("quota", "quality score", "Gumbel", "ranking")

    signal: str = Field("", description="A number that a filter of the mix computes, as in fineweb_edu__score.")
    share: float = Field(1.0, gt=0, le=1, description="Share of the tokens that is kept.")
    draw: bool = Field(False, description="Draw with weights exp(signal) instead of taking the highest.")
    temperature: float = Field(1.0, gt=0, description="Of a draw: the signal is divided by it.")
    seed: int = Field(0, ge=0, description="Seed of the draw.")

    @model_validator(mode="after")
    def _is_a_signal(self) -> "TopK":
        if self.signal and "__" not in self.signal:
            raise ValueError(f"'signal' names a filter and its signal, as in fineweb_edu__score; given '{self.signal}'")
        return self

    def signals_read(self) -> tuple[str, ...]:
        return (self.signal,) if self.signal else ()

    def select(self, pool: pa.Table, /) -> pa.Table:
        known = pc.cast(pool[self.signal], pa.float64()) if self.signal else pa.nulls(pool.num_rows, pa.float64())
        lowest = 0.0 if not self.signal else -1e300
        score = np.nan_to_num(pc.fill_null(known, lowest).to_numpy(zero_copy_only=False), nan=lowest)
        drawn = self.draw or not self.signal
        key = score / self.temperature + gumbel(pool["record_id"], self.seed) if drawn else score
        best_first = np.lexsort((places_by_id(pool["record_id"]), -key))
        tokens = pool["tokens"].to_numpy().astype(float)
        chosen = np.zeros(pool.num_rows, bool)
        chosen[best_first] = np.cumsum(tokens[best_first]) <= self.share * tokens.sum() + 1e-9
        return selection(pool["record_id"], score, best_first, chosen, "over_share")
