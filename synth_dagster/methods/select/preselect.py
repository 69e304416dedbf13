"""PreSelect: keeps the texts that look like those on which better models have lower losses.

Paper: arXiv:2503.00808. Losses of a sample under models of known order say how well each of its texts predicts that
order: the number of pairs of models in which the better one has the lower loss. A linear classifier learns what tells
texts of full strength from the weakest, scores the pool, and the best share of its characters is kept.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.method import InputPath, Proof, Selector
from synth_dagster.parts.models.linear_text import VERSION, LinearText, TrainingSettings
from synth_dagster.parts.selections import places_by_id, selection
from synth_dagster.services import Models

_STRONG, _WEAK = "strong", "weak"


class Preselect(Selector, TrainingSettings):
    """The score is the probability of a text of full strength; of equals the first by record id is better."""

    paper = "arXiv:2503.00808"
    proof = Proof(
        "planted signal",
        "Strengths 14, 1, 0 and at random 7.5 by hand; texts whose loss follows the order are told at AUC above .9; "
        "10 % of characters within .2.",
    )
    version = VERSION

    losses: InputPath = Field(
        description="A sample as .jsonl: text, and losses, one for each model from the worst to the best, in one unit."
    )
    share: float = Field(0.1, gt=0, le=1, description="How much of the pool is kept.")
    of: Literal["characters", "documents"] = Field("characters", description="What the share is of.")

    def select(self, pool: pa.Table, /, *, models: Models) -> pa.Table:
        examples = labelled(models.rows(self.losses), self.losses)
        model = LinearText.unpacked(models.trained("ngram_classifier", self.training(), examples))
        score = model.probabilities(pool["text"])[:, model.labels.index(_STRONG)]
        best = np.lexsort((places_by_id(pool["record_id"]), -score))
        characters = pc.fill_null(pc.utf8_length(pool["text"]), 0).to_numpy()  # type: ignore[attr-defined]
        sizes = characters if self.of == "characters" else np.ones(pool.num_rows)
        chosen = np.zeros(pool.num_rows, bool)
        chosen[best] = np.cumsum(sizes[best]) <= self.share * sizes.sum() + 1e-9
        return selection(pool["record_id"], score, best, chosen, "over_share")


def strengths(losses: np.ndarray) -> np.ndarray:
    """Of losses (texts x models, worst to best): in how many pairs the better model has the lower one; ties do not."""
    worse, better = np.triu_indices(losses.shape[1], k=1)
    return (losses[:, better] < losses[:, worse]).sum(axis=1)


def labelled(rows: Sequence[Mapping[str, object]], path: str) -> pa.Table:
    """The texts of full strength, and as many of the weakest, with their labels."""
    texts, losses = [row.get("text") for row in rows], [row.get("losses") for row in rows]
    if not all(isinstance(text, str) for text in texts) or not _alike(losses):
        raise SynthError(
            f"Each line of '{path}' needs 'text' and 'losses', a number for each of the same models, at least two. "
            "Correct the file."
        )
    found = strengths(np.array(losses, float))
    models = len(losses[0])  # type: ignore[arg-type]  # checked above
    strong = np.flatnonzero(found == models * (models - 1) // 2)
    weakest = np.argsort(found, kind="stable")
    weak = weakest[found[weakest] < models * (models - 1) // 2][: len(strong)]
    if not len(strong) or not len(weak):
        raise SynthError(
            f"No text of '{path}' tells the models apart: {len(strong)} of {len(texts)} have losses that fall with "
            "every better model. Give the losses from the worst model to the best, and a larger sample."
        )
    chosen = [*strong, *weak]
    return pa.table(
        {
            "text": pa.array([texts[place] for place in chosen], pa.string()),
            "label": pa.array([_STRONG] * len(strong) + [_WEAK] * len(weak), pa.string()),
        }
    )


def _alike(losses: Sequence[object]) -> bool:
    """Whether there are as many finite numbers for each text, and at least two."""
    if not losses or not all(isinstance(one, list) and len(one) == len(losses[0]) > 1 for one in losses):  # type: ignore[arg-type]
        return False
    numbers = [number for one in losses for number in one]  # type: ignore[union-attr]
    return all(isinstance(number, int | float) and np.isfinite(number) for number in numbers)
