"""Whose vectors a method goes by: those of words, or those of the model that a step `embed` has asked.

A method that names neither goes by words. One that goes by a model's stands where it may ask nobody (decision 0045), so
the vectors have to be there: a text that has none is told apart and is never taken for one that says nothing.
"""

from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from synth_dagster.errors import SynthError
from synth_dagster.services import Vectors

HOW = (
    "A text has a vector once a step 'embed' of any recipe has seen it under the model that the role 'embedder' has now"
)


class EmbeddedText(BaseModel):
    """What of a text is embedded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    characters: int = Field(
        2_000,
        ge=100,
        le=1_000_000,
        description="So much of a text is embedded, from its beginning; an encoder of 512 tokens reads about as much.",
    )

    def shown(self, text: str) -> str:
        return text[: self.characters]


class VectorChoice(BaseModel):
    """Whose vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vectors: Literal["words", "embedder"] = Field(
        "words",
        description="words, or embedder: those of the model of that role, which the step `embed` has asked before.",
    )

    def chosen(self, vectors: Vectors) -> Vectors | None:
        """The vectors of a model; None for those of words."""
        return vectors if self.vectors == "embedder" else None


def without(vectors: np.ndarray) -> np.ndarray:
    """Which rows belong to a text that has no vector."""
    return np.isnan(vectors[:, 0])


def all_of(vectors: Vectors, texts: pa.Array, what: str) -> np.ndarray:
    """The vectors of texts that must all have one. `what` names them, as in: texts of 'labels.jsonl'."""
    found = vectors.of(texts)
    lacking = int(without(found).sum())
    if lacking:
        raise SynthError(f"{lacking:,} of {len(texts):,} {what} have no vector of '{vectors.model}'. {HOW}.")
    return found
