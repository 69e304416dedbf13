"""Duplicates of more records than an index of one machine holds: signed and brought together by the engine's workers.

Workers sign texts and write, for each band, its key with the number of the record; a shuffle brings equal keys together
and gives the pairs that met. Only the pairs come back, and only records that are in one of them are joined: what has no
duplicate costs a byte here. A text that stands several times in what a worker reads is sent once, with a pair for each
copy: a million copies of one text are no million rows of one key.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from synth_dagster.catalog import methods
from synth_dagster.lake.signature_index import halves
from synth_dagster.method import Deduplicator
from synth_dagster.parts.similarity.clusters import clusters_of, first_of_run, joined_by
from synth_dagster.parts.text.hashed_words import mixed
from synth_dagster.recipe import Step
from synth_dagster.records import Json, canonical_json, digest
from synth_dagster.scale.engine import Engine, Part, ScaleError, Told, Work, read, unheard
from synth_dagster.scale.parts import write_part
from synth_dagster.storage import Store

_AT_ONCE = 20_000  # records that a worker is given at a time
_NOWHERE = -1
BYTES_A_DUPLICATE = 80  # id and priority, the id that stays, the size, and the numbers that joining takes


def clusters_by_workers(
    engine: Engine, store: Store, folder: str, step: Step, pool: pa.Table, *, told: Told = unheard
) -> pa.Table:
    """The records of clusters of two and more, as the step's method finds them by its signatures, whoever works.

    Raises ScaleError where so many have a duplicate that what is known of them does not fit into a worker's memory.
    """
    arguments: dict[str, Json] = {"slug": step.slug, "settings": step.method.model_dump(mode="json")}
    inputs = _written(store, f"{folder}/texts.parquet", pool, arguments)
    if not inputs:
        return clusters_of(pool, np.zeros(0, np.int64))
    sign = Work(f"{__name__}:{signed.__name__}", arguments, version=step.method.version)
    meet = Work(f"{__name__}:{met.__name__}", {})
    keys = engine.map_batches(store, inputs, sign, folder=f"{folder}/signed", told=told)
    pairs = engine.shuffle(store, keys, meet, key="key", folder=f"{folder}/met", told=told)
    pa.default_memory_pool().release_unused()  # what workers that are threads of this process had is free for the union
    rows = _in_pairs(store, pairs, pool.num_rows, most=engine.memory // BYTES_A_DUPLICATE)
    met_again = (_pairs(read(store, [part])) for part in pairs)
    cluster = joined_by(len(rows), ((np.searchsorted(rows, one), np.searchsorted(rows, two)) for one, two in met_again))
    return clusters_of(pool.select(["record_id", "priority"]).take(pa.array(rows)), cluster)


def _in_pairs(store: Store, pairs: Sequence[Part], count: int, *, most: int) -> np.ndarray:
    """The rows, of so many, that are in a pair, in their order. Raises ScaleError for more of them than fit."""
    there = np.zeros(count, bool)
    for part in pairs:
        for rows in _pairs(read(store, [part])):
            there[rows] = True
    several = int(np.count_nonzero(there))
    if several > most:
        needed = -(-several * BYTES_A_DUPLICATE >> 20)
        raise ScaleError(
            f"{several} of {count} records have a near-duplicate. To join them takes {needed} MiB, and a worker has "
            f"{most * BYTES_A_DUPLICATE >> 20} MiB. Set SYNTH_WORKER_MEMORY_MB to {needed} or more, and run it again."
        )
    return np.flatnonzero(there).astype(np.int32 if count < 1 << 31 else np.int64)


def _written(store: Store, file: str, pool: pa.Table, arguments: Mapping[str, Json]) -> list[Part]:
    """The texts with the numbers of their records, each row group a piece of work of its own."""
    ids = blake2b(digest_size=16)  # an id says what its text is
    for first in range(0, pool.num_rows, _AT_ONCE):
        ids.update(halves(pool["record_id"].slice(first, _AT_ONCE)).tobytes())

    def tables() -> Iterator[tuple[int, pa.Table]]:
        for first in range(0, max(pool.num_rows, 1), _AT_ONCE):
            texts = pool["text"].slice(first, _AT_ONCE)
            yield 0, pa.table({"row": pa.array(np.arange(first, first + len(texts))), "text": texts})

    whole = write_part(store, file, tables(), digest("texts", ids.digest(), canonical_json(arguments)).hex())
    return [Part(file, (group,), number, whole.digest) for number, group in enumerate(whole.groups)]


def signed(table: pa.Table, arguments: Mapping[str, Any]) -> pa.Table:
    """Of each text and band its key and the record; of a text that stood here before the record that has it too."""
    method = methods()[arguments["slug"]].model_validate(arguments["settings"])
    assert isinstance(method, Deduplicator), f"{arguments['slug']} finds no duplicates"
    rows = table["row"].to_numpy()
    texts = table["text"].combine_chunks().fill_null("").dictionary_encode()
    codes = texts.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    first = np.full(len(texts.dictionary), np.iinfo(np.int64).max)
    np.minimum.at(first, codes, rows)
    again = rows != first[codes]
    keys = method.signatures(texts.dictionary)
    keys = mixed(keys ^ mixed(np.arange(1, len(keys) + 1, dtype=np.uint64))[:, None])  # a key is one of its band
    copies = rows[again]
    return pa.table(
        {
            "key": np.concatenate([keys.ravel(), mixed(copies.astype(np.uint64))]),
            "row": np.concatenate([np.tile(first, len(keys)), copies]),
            "of": np.concatenate([np.full(keys.size, _NOWHERE), first[codes][again]]),
        }
    )


def met(table: pa.Table, arguments: Mapping[str, Any]) -> pa.Table:
    """The pairs of records that have a key together: each with the first one that has it."""
    keys, rows, of = (table[name].to_numpy() for name in ("key", "row", "of"))
    said, found = of != _NOWHERE, of == _NOWHERE
    order = np.lexsort((rows[found], keys[found]))
    places = np.flatnonzero(found)[order]
    left, right = first_of_run(rows[places], keys[places][1:] == keys[places][:-1])
    return pa.table({"left": np.concatenate([of[said], left]), "right": np.concatenate([rows[said], right])})


def _pairs(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    return table["left"].to_numpy(), table["right"].to_numpy()
