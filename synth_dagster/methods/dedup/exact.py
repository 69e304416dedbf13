"""Exact duplicates: texts that are the same byte by byte, or word by word, found by their content hash.

The common first step of every corpus, as in RedStone (arXiv:2412.03398, sha1) and OpenCSG (arXiv:2501.08197). The hash
has 128 bits, so that two texts are never taken for one, however large the corpus.
"""

from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Deduplicator, Proof
from synth_dagster.parts.similarity.clusters import clusters_of, first_of_run, joined_by, slices_of
from synth_dagster.parts.similarity.seen_pieces import in_order
from synth_dagster.parts.text.folded_words import folded_words
from synth_dagster.parts.threads import in_threads


class Exact(Deduplicator):
    """Clusters equal texts; of a cluster the record of lowest priority stays, of equals the lowest id."""

    paper = "arXiv:2412.03398"
    proof = Proof(
        "equation by hand",
        "The clusters are the classes of equal texts, as a dictionary of them finds; one letter more is another text.",
    )

    form: Literal["bytes", "words"] = Field(
        "bytes", description="What is compared: the text as it stands, or its words without case, accents and signs."
    )

    def cluster(self, pool: pa.Table, /) -> pa.Table:
        hashed = in_threads(_hashes if self.form == "bytes" else _word_hashes, slices_of(pool["text"]))
        high, low = np.concatenate([np.zeros((2, 0), np.uint64), *hashed], axis=1)
        order = np.lexsort((low, high))
        again = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
        return clusters_of(pool, joined_by(pool.num_rows, [first_of_run(order, again)]))


def _hashes(texts: pa.Array) -> np.ndarray:
    """Shape (2, texts): the two halves of MD5, which DuckDB computes for a whole column; a null is an empty text."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set threads = 1")  # the slices are worked on at once
        connection.register("texts", pa.table({"text": texts.fill_null("")}))
        found = connection.sql("select md5_number_upper(text) as high, md5_number_lower(text) as low from texts")
        table = found.to_arrow_table()
    return np.stack([table["high"].to_numpy(), table["low"].to_numpy()])


def _word_hashes(texts: pa.Array) -> np.ndarray:
    """The same over the words; a text without any is compared as it stands."""
    words = folded_words(texts)
    none = words.counts == 0
    folded = np.stack([in_order(words), in_order(type(words)(~words.hashes, words.offsets))])
    folded[:, none] = _hashes(texts.filter(pa.array(none)))
    return folded
