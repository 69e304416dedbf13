"""Lines and paragraphs of texts as hashes over their words, with how many words each has."""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.similarity.clusters import clusters_by_keeper, precedence_of, slices_of
from synth_dagster.parts.similarity.seen_pieces import Shared, in_order, keepers, together, weighed
from synth_dagster.parts.text.folded_words import folded_words
from synth_dagster.parts.text.hashed_words import Hashed, hash_texts, offsets_of
from synth_dagster.parts.threads import in_threads


def clusters_of_pieces(pool: pa.Table, pattern: str, *, min_words: int, threshold: float) -> pa.Table:
    """What a duplicate finder returns that compares what stands between the matches of a pattern."""
    parts = list(in_threads(partial(_pieces, pattern=pattern, min_words=min_words), slices_of(pool["text"])))
    pieces = together([hashes for hashes, _ in parts])
    weights = np.concatenate([np.zeros(0, np.int64), *(found for _, found in parts)])
    share, precedence = weighed(weights, pieces.owners, pool.num_rows), precedence_of(pool)
    return clusters_by_keeper(pool, keepers(Shared.by_hash(pieces, precedence), precedence, share, threshold))


def _pieces(texts: pa.Array, *, pattern: str, min_words: int) -> tuple[Hashed, np.ndarray]:
    """The pieces of each text and their words; a text without one of enough words is one piece."""
    texts = texts.fill_null("")
    parts = pc.split_pattern_regex(texts, pattern)
    flat, owners = pc.list_flatten(parts), pc.list_parent_indices(parts).to_numpy(zero_copy_only=False)
    words = folded_words(flat)
    counts = words.counts
    counted = np.flatnonzero(counts >= min_words)
    per_text = np.bincount(owners[counted], minlength=len(texts))
    found = Hashed(in_order(words)[counted], offsets_of(per_text))
    none = per_text == 0
    whole = hash_texts(texts.filter(pa.array(none)))
    weights = Hashed(counts[counted].astype(np.uint64), found.offsets)
    ones = Hashed(np.ones(len(whole), np.uint64), np.arange(len(whole) + 1))
    alone = Hashed(whole, np.arange(len(whole) + 1))
    return found.replaced(none, alone), weights.replaced(none, ones).hashes.astype(np.int64)
