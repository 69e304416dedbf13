"""The table that a finder of duplicates is given: each text has its number as its id."""

import pyarrow as pa


def pool_of(texts, priorities=None):
    """`texts` are strings or a column of any type; without priorities all records are equals."""
    ids = [number.to_bytes(16, "big") for number in range(len(texts))]
    return pa.table(
        {
            "record_id": pa.array(ids, pa.binary()),
            "text": texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string()),
            "priority": pa.array(priorities or [0] * len(texts), pa.int64()),
        }
    )


def duplicates_in(found):
    """For each text the number of the text that it is a duplicate of; its own where it is kept."""
    return [int.from_bytes(cluster, "big") for cluster in found["cluster"].to_pylist()]
