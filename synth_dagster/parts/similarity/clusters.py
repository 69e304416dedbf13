"""From equal keys to clusters: what duplicate finders of every kind share."""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import MethodError
from synth_dagster.parts.similarity.graphs import joined
from synth_dagster.parts.text.hashed_words import Hashed

BYTES_AT_ONCE = 1 << 21  # of text, in what one thread works on
_ROWS_AT_ONCE = 1 << 18  # among which the best of each cluster is found


def slices_of(texts: pa.ChunkedArray | pa.Array) -> Iterator[pa.Array]:
    """A column of texts in parts of two megabytes or so. Raises MethodError for a column of another type."""
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise MethodError(
            f"Duplicates are sought in a column of text, and 'text' is of type {texts.type}. "
            "Give the column that holds the text, or cast it to string."
        )
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        if not len(chunk):
            continue
        ends = np.cumsum(pc.fill_null(pc.binary_length(chunk), 0).to_numpy(zero_copy_only=False), dtype=np.int64)
        bounds = np.unique(np.searchsorted(ends, np.arange(BYTES_AT_ONCE, ends[-1], BYTES_AT_ONCE), side="left") + 1)
        for first, last in zip([0, *bounds.tolist()], [*bounds.tolist(), len(chunk)], strict=True):
            if last > first:
                yield chunk.slice(first, last - first)


def first_of_bucket(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row whose key an earlier row has too, with the first row of that key: n equal keys make n - 1 pairs."""
    order = np.argsort(keys)
    return first_of_run(order, keys[order][1:] == keys[order][:-1])


def first_of_run(order: np.ndarray, again: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same for rows in an order, where `again` says that a row has the key of the one before it."""
    several = (np.append(again, False) | np.append(False, again))[: len(order)]  # most keys are had by one row only
    rows = order[several]
    starts = np.flatnonzero(~np.append(False, again)[: len(order)][several])
    if not len(starts):
        return rows, rows
    first = np.repeat(np.minimum.reduceat(rows, starts), np.diff(np.append(starts, len(rows))))
    return first[first != rows], rows[first != rows]


def joined_by(count: int, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The lowest row of each row's cluster, from pairs of rows that belong together, some at a time."""
    root = np.arange(count, dtype=np.int32 if count < 1 << 31 else np.int64)
    for left, right in pairs:
        apart = root[left] != root[right]  # after the first bands nearly all are together already
        if apart.any():
            root = joined(root, left[apart], right[apart])
    return root


def kept_of(pool: pa.Table, cluster: np.ndarray) -> np.ndarray:
    """For each row the row of its cluster that is kept, from the lowest row of each row's cluster.

    Some rows at a time meet the best of their clusters so far, so that no order of all records is held.
    """
    best = np.arange(len(cluster), dtype=cluster.dtype)
    for first in range(0, len(cluster), _ROWS_AT_ONCE):
        some = cluster[first : first + _ROWS_AT_ONCE]
        rows = first + np.flatnonzero(some != np.arange(first, first + len(some)))
        homes = np.unique(cluster[rows])
        rows, homes = np.concatenate([best[homes], rows]), np.concatenate([homes, cluster[rows]])
        met = pool.select(["priority", "record_id"]).take(pa.array(rows)).append_column("home", pa.array(homes))
        order = pc.sort_indices(met, [(name, "ascending") for name in ("home", "priority", "record_id")]).to_numpy()
        homes = homes[order]
        wins = np.append(True, homes[1:] != homes[:-1])[: len(homes)]
        best[homes[wins]] = rows[order[wins]]
    return best[cluster]


def precedence_of(pool: pa.Table) -> np.ndarray:
    """0 for the record to be kept before all others: by priority, then by id."""
    order = pc.sort_indices(pool, sort_keys=[("priority", "ascending"), ("record_id", "ascending")]).to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place


def clusters_of(pool: pa.Table, cluster: np.ndarray) -> pa.Table:
    """What a duplicate finder returns, from the lowest row of each row's cluster."""
    whole = pool.select(["record_id", "priority"]).combine_chunks()
    return clusters_by_keeper(whole, kept_of(whole, cluster))


def clusters_by_keeper(pool: pa.Table, keeper: np.ndarray) -> pa.Table:
    """The same from the row that each row duplicates, its own where it stays."""
    column = pool["record_id"]
    ids = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()  # which would copy one chunk too
    counts = np.zeros(len(keeper), np.int32)
    np.add.at(counts, keeper, np.int32(1))
    return pa.table(
        {
            "record_id": ids,
            "cluster": ids.take(pa.array(keeper)),
            "keep": pa.array(keeper == np.arange(len(keeper), dtype=keeper.dtype)),
            "size": pa.array(counts[keeper]).cast(pa.int64()),
        }
    )


def jaccard(sets: Hashed, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The exact similarity of pairs of sets; two empty sets are equal."""
    one, other = sets.take(left), sets.take(right)
    owners = np.concatenate([one.owners, other.owners])
    hashes = np.concatenate([one.hashes, other.hashes])
    order = np.lexsort((hashes, owners))
    owners, hashes = owners[order], hashes[order]
    twice = (owners[1:] == owners[:-1]) & (hashes[1:] == hashes[:-1])
    shared = np.bincount(owners[1:][twice], minlength=len(left))
    union = one.counts + other.counts - shared
    return np.where(union == 0, 1.0, shared / np.maximum(union, 1))
