"""Vectors that a model was asked for before, as steps find them that ask nobody: `services.Vectors` over the cache.

A vector is kept by its text and its model, so whoever knows both finds it, in whatever run, batch or dataset it was
paid for. What is erased is erased there, and is found by nobody.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from synth_dagster.errors import TeacherError
from synth_dagster.parts.text.words import is_blank
from synth_dagster.teacher.anywhere import run_anywhere
from synth_dagster.teacher.cache import AnswerCache, vector_id
from synth_dagster.teacher.forms import unit_rows
from synth_dagster.teacher.roles import Endpoint

AT_ONCE = 4_096  # texts that are looked up, which bounds the memory beside what is returned


class KnownVectors:
    """Those of one role. `shown` is what of a text the role was shown."""

    def __init__(self, cache: AnswerCache, endpoint: Endpoint, shown: Callable[[str], str]) -> None:
        if endpoint.is_lexical:
            raise TeacherError(
                "There are no vectors of the role 'embedder', since it has no endpoint here. Set SYNTH_MODEL and "
                "SYNTH_EMBEDDING_MODEL beside OPENAI_BASE_URL or OPENAI_API_KEY, or write 'vectors: words'."
            )
        self._cache, self._endpoint, self._shown = cache, endpoint, shown
        self._length: int | None = None  # bytes of each vector, once one was seen

    @property
    def model(self) -> str:
        return self._endpoint.whose_vectors

    def of(self, texts: Sequence[str | None] | pa.Array | pa.ChunkedArray) -> np.ndarray:
        slices = [self._some(_plain(texts[at : at + AT_ONCE])) for at in range(0, len(texts), AT_ONCE)]
        width = (self._length or 4) // 4
        found = np.full((len(texts), width), np.nan, np.float32)
        for number, rows in enumerate(slices):
            for place, vector in rows.items():
                found[number * AT_ONCE + place] = vector
        return found

    def _some(self, texts: Sequence[str | None]) -> dict[int, np.ndarray]:
        """The vectors of those texts that have one, by their places."""
        model, revision = self._endpoint.models[0], self._endpoint.revision
        keys = {
            place: vector_id(self._shown(text), model, revision)
            for place, text in enumerate(texts)
            if text is not None and not is_blank(text)
        }
        kept = run_anywhere(lambda: self._cache.vectors(set(keys.values())))
        places = [place for place, key in keys.items() if key in kept]
        if not places:
            return {}
        rows = unit_rows(np.vstack([self._read(kept[keys[place]].vector) for place in places]))
        return {place: row for place, row in zip(places, rows, strict=True) if row.any()}  # zeros say nothing

    def _read(self, vector: bytes) -> np.ndarray:
        self._length = self._length or len(vector)
        if len(vector) != self._length:
            raise TeacherError(
                f"The teacher role '{self._endpoint.role}' gave vectors of {self._length // 4} and of "
                f"{len(vector) // 4} numbers under the model name '{self.model}', and they cannot be compared. Set "
                "'revision' of the role, so that all texts are embedded anew."
            )
        return np.frombuffer(vector, dtype="<f4")


def _plain(texts: Any) -> list[str | None]:
    return texts.to_pylist() if isinstance(texts, pa.Array | pa.ChunkedArray) else list(texts)
