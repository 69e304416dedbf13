"""What a method that selects gives back (`method.Selector`): a row for each record of the pool, chosen or not."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def places_by_id(ids: pa.ChunkedArray) -> np.ndarray:
    """Shape (N,): the place of each record in the order of their ids, by which equals are told apart."""
    return np.argsort(np.argsort(np.array(ids.to_pylist(), dtype=object), kind="stable"), kind="stable")


def selection(
    ids: pa.ChunkedArray | pa.Array,
    score: np.ndarray,
    best_first: np.ndarray,
    selected: np.ndarray,
    reason: str | Sequence[str | None],
) -> pa.Table:
    """A row for each of N records, in their order: all arrays have the shape (N,).

    `best_first` are the places of all records, `reason` why those that are not selected are not, one for all or each.
    """
    rank = np.empty(len(best_first), np.int64)
    rank[best_first] = np.arange(len(best_first))
    reasons = [reason] * len(best_first) if isinstance(reason, str) else reason
    told = [None if kept else why for kept, why in zip(selected.tolist(), reasons, strict=True)]
    return pa.table(
        {
            "record_id": ids,
            "score": pa.array(score, pa.float64()),
            "rank": pa.array(rank),
            "selected": pa.array(selected),
            "reason": pa.array(told, pa.string()),
        }
    )
