"""A head on demand, over vectors of words or over those of a model: learnt once from labelled texts, and then kept."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from synth_dagster.errors import SynthError
from synth_dagster.parts.models.linear_head import TextHead
from synth_dagster.parts.similarity.chosen_vectors import all_of
from synth_dagster.parts.text.words import is_blank
from synth_dagster.services import Models, Vectors


def head_of(
    models: Models, settings: Mapping[str, object], examples: pa.Table, known: Vectors | None, path: str
) -> TextHead:
    """The head that `embedding_head` learns from columns text and label; with `known` over these vectors.

    Raises SynthError where a labelled text has no vector: what is learnt must not hang on what happens to be kept.
    """
    if known is None:
        return TextHead.unpacked(models.trained("embedding_head", settings, examples))
    given = {**settings, "model": known.model}
    return TextHead.unpacked(models.trained("embedding_head", given, _embedded(examples, known, path)), known)


def _embedded(examples: pa.Table, known: Vectors, path: str) -> pa.Table:
    """The examples that say something, with a column `vector`."""
    says = [not is_blank(text) for text in examples["text"].to_pylist()]
    examples = examples.filter(pa.array(says, pa.bool_()))
    if not examples.num_rows:
        raise SynthError(f"'{path}' has no text that says anything, so nothing can be learnt. Label texts.")
    vectors = all_of(known, examples["text"].combine_chunks(), f"texts of '{path}'")
    column = pa.FixedSizeListArray.from_arrays(pa.array(np.ravel(vectors), pa.float32()), vectors.shape[1])
    return examples.append_column("vector", column)
