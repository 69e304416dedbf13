"""The texts of a whole corpus that are nearest to a few examples, found once for all of its batches.

The corpus is read a batch at a time, and of each text no more is held than its similarities with the examples: 32 of
them and the 350,000 texts of a shard are 90 MB, whatever the vectors have of dimensions. Vectors are those of a model
that a step `embed` has asked, or of words, weighed by how rare these are in the corpus.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import SynthError
from synth_dagster.parts.similarity.chosen_vectors import HOW, without
from synth_dagster.parts.similarity.retrieval import retrieved, shards_of, similarities
from synth_dagster.parts.similarity.word_vectors import AT_ONCE, WordVectors
from synth_dagster.records import digest
from synth_dagster.services import Corpus

VERSION = "1"  # of the sums: what was found by others is looked for anew
FOUND = pa.schema(
    [("record_id", pa.binary()), ("similarity", pa.float64()), ("examples", pa.list_(pa.int32()))]
)  # a row for each text, in the order of the corpus
_Part: TypeAlias = tuple[pa.Array, pa.Array]  # ids and texts


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestTexts:
    """How much is retrieved of which texts (`retrieval`)."""

    share: float
    most: int
    shard: int
    shortest: int  # characters of a text that counts
    longest: int

    def found(self, corpus: Corpus, examples: Sequence[str], vectors: np.ndarray | None) -> pa.Table:
        """Rows by FOUND. `vectors` are a model's of the examples; None goes by words.

        Raises SynthError where vectors are a model's and no text of the corpus has one.
        """
        model = "" if vectors is None else corpus.vectors.model
        settings = [self.share, self.most, self.shard, self.shortest, self.longest]
        what = digest("nearest texts", VERSION, settings, list(examples), model).hex()
        return corpus.once(what, lambda: self._look(corpus, examples, vectors))

    def _look(self, corpus: Corpus, examples: Sequence[str], vectors: np.ndarray | None) -> pa.Table:
        ids: list[pa.Array] = []
        near = self._by_words(corpus, examples, ids) if vectors is None else self._by_model(corpus, vectors, ids)
        hits = retrieved(shards_of(near, self.shard), share=self.share, most=self.most)
        known = pa.chunked_array(ids, pa.binary())
        columns = [
            known.take(pa.array([hit.place for hit in hits], pa.int64())).combine_chunks(),
            pa.array([hit.similarity for hit in hits], pa.float64()),
            pa.array([list(hit.examples) for hit in hits], pa.list_(pa.int32())),
        ]
        return pa.Table.from_arrays(columns, schema=FOUND)

    def _by_words(self, corpus: Corpus, examples: Sequence[str], ids: list[pa.Array]) -> Iterator[np.ndarray]:
        weights = WordVectors.learnt_of(texts for _, texts in self._slices(corpus))
        meant = weights.of(pa.array(examples, pa.string()))
        for names, texts in self._slices(corpus):
            ids.append(names)
            yield similarities(meant, weights.of(texts))

    def _by_model(self, corpus: Corpus, meant: np.ndarray, ids: list[pa.Array]) -> Iterator[np.ndarray]:
        texts_seen = 0
        for names, texts in self._slices(corpus):
            found = corpus.vectors.of(texts)
            there = pa.array(~without(found))
            texts_seen += len(texts)
            if pc.any(there).as_py():  # type: ignore[attr-defined]
                ids.append(names.filter(there))
                yield similarities(meant, found[there.to_numpy(zero_copy_only=False)])
        if texts_seen and not ids:
            raise SynthError(f"None of {texts_seen:,} texts has a vector of '{corpus.vectors.model}'. {HOW}.")

    def _slices(self, corpus: Corpus) -> Iterator[_Part]:
        """The texts that count, so many at a time that their vectors fit in memory."""
        for part in corpus.parts():
            length = pc.utf8_length(part["text"])  # type: ignore[attr-defined]
            fits = pc.and_(pc.greater_equal(length, self.shortest), pc.less_equal(length, self.longest))  # type: ignore[attr-defined]
            says = pc.match_substring_regex(part["text"], r"[\pL\pN]")  # type: ignore[attr-defined]
            kept = part.filter(pc.and_(fits, says)).combine_chunks()  # type: ignore[attr-defined]
            for start in range(0, kept.num_rows, AT_ONCE):
                some = kept.slice(start, AT_ONCE)
                yield some["record_id"].combine_chunks(), some["text"].combine_chunks()
