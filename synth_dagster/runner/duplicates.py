"""Finds the duplicates of a release: who is to be kept by the recipe's policy, and what is new since the last one.

The policy is a number for each record, the smaller the sooner it is kept; of equals the lowest id. What cannot be
compared, such as a record without a date, stands behind all that can. Signatures of earlier releases are in the lake's
index, so that a release costs what is new in it. Where there are more records than an index of a worker's memory holds,
the engine's workers find them by a shuffle, each time anew.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import MethodError
from synth_dagster.lake.signature_index import IndexDamaged, OtherSettings, SignatureIndex, halves, remove_index
from synth_dagster.method import Deduplicator
from synth_dagster.parts.similarity.clusters import clusters_by_keeper
from synth_dagster.parts.sql import literal, quoted
from synth_dagster.recipe import Step
from synth_dagster.records import Json
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.services import services_for
from synth_dagster.runner.shuffled_duplicates import clusters_by_workers
from synth_dagster.scale.engine import SCRATCH, Engine, scratch
from synth_dagster.services import Vectors
from synth_dagster.storage import Store

_AT_ONCE = 1 << 20  # records whose signatures are in memory at a time

log = logging.getLogger(__name__)

_LAST = "'infinity'::double"


@dataclass(frozen=True, slots=True)
class Found:
    """What a deduplicator found of one record: the record it duplicates, itself if it stays, and how many are alike."""

    duplicate_of: bytes
    cluster_size: int


def standing_sql(step: Step | None, signals: pa.Schema) -> str:
    """SQL over the columns of a record, its text and its signals. Raises MethodError for a signal nobody computes."""
    if step is None:
        return "0::double"
    method = step.method
    assert isinstance(method, Deduplicator)
    if method.keep == "longest":
        return "-length(text)::double"
    if method.keep == "oldest":
        told = f"json_extract_string(attributes, {literal(_pointer(method.date))})"
        return f"coalesce(epoch(try_cast({told} as timestamp)), {_LAST})"
    if method.keep == "best_signal":
        return f"coalesce(-try_cast({quoted(_known(step, method.signal, signals))} as double), {_LAST})"
    order = ", ".join(map(literal, method.sources))
    return f"coalesce(list_position([{order}]::varchar[], source)::double, {len(method.sources) + 1})"


def found_by(context: RunContext, step: Step, alive: pa.Table, vectors: Vectors | None = None) -> Mapping[bytes, Found]:
    """What the deduplicator of a mix found, by record: all records of clusters of two and more."""
    assert isinstance(step.method, Deduplicator)
    pool = alive.select(["record_id", "text"]).append_column("priority", alive["standing"])
    settings = step.method.signature_settings()
    if settings is None:
        services = services_for(step.method, None, context.root, shelf=context.shelf, vectors=vectors)
        found = step.method.cluster(pool, **services)  # type: ignore[attr-defined]  # the verb of the kind
    elif pool.num_rows > most_of_an_index(step.method, context.engine):
        found = _by_workers(context, step, pool)
    else:
        name, store = f"{context.recipe.dataset}/{step.key}", context.lake.store
        found = compared_anew_if_damaged(store, name, settings, pool, step.method.signatures)
    several = found.filter(pa.array(found["size"].to_numpy() > 1))
    columns = (several[name].to_pylist() for name in ("record_id", "cluster", "size"))
    return {one: Found(kept, size) for one, kept, size in zip(*columns, strict=True)}


def most_of_an_index(method: Deduplicator, engine: Engine) -> int:
    """Records whose keys, with the rows that have them, fit into the memory of a worker."""
    bands = len(method.signatures(pa.array(["one text"])))
    return engine.memory // (12 * bands)


def _by_workers(context: RunContext, step: Step, pool: pa.Table) -> pa.Table:
    lake = context.lake

    def told(phase: str, done: int, total: int) -> None:
        context.progress.update(context.recipe.mix.name, f"duplicates: {phase}", done=done, total=total, usage={})

    with lake.lease(SCRATCH), scratch(lake.store, f"{context.recipe.dataset}-duplicates") as folder:
        return clusters_by_workers(context.engine, lake.store, folder, step, pool, told=told)


Sign: TypeAlias = Callable[[pa.ChunkedArray], np.ndarray]


def compared_anew_if_damaged(
    store: Store, name: str, settings: Mapping[str, Json], pool: pa.Table, sign: Sign
) -> pa.Table:
    """`compared` with the index of a recipe's step. One of other settings, or a damaged one, is begun anew."""
    try:
        return compared(SignatureIndex(store, name, settings), pool, sign)
    except (IndexDamaged, OtherSettings) as why:
        log.warning("%s It is made anew from the texts.", why)
        remove_index(store, name)
        return compared(SignatureIndex(store, name, settings), pool, sign)


def compared(index: SignatureIndex, pool: pa.Table, sign: Sign) -> pa.Table:
    """The clusters of a pool: its new records are signed and compared with all that the index has.

    Where a record of the index is no longer in the pool, or its place in the precedence is another, all are compared
    anew, by the signatures that are there.
    """
    ids, priorities = halves(pool["record_id"]), pool["priority"].to_numpy().astype(np.float64)
    rows = row_of(ids, index.ids())
    new, known = np.flatnonzero(rows < 0), rows >= 0
    old = rows[known]
    if len(old) < len(index) or (index.priorities()[old] != priorities[known]).any():
        signed = sign(pool["text"].take(pa.array(new)))
        signatures = np.empty((len(signed), len(ids)), np.uint64)
        signatures[:, new], signatures[:, known] = signed, index.signatures()[:, old]
        index.replace(ids, priorities, signatures)
        rows = np.arange(len(ids))
    else:
        rows[new] = len(index) + np.arange(len(new))
        for some in np.split(new, range(_AT_ONCE, len(new), _AT_ONCE)):
            index.add(ids[some], priorities[some], sign(pool["text"].take(pa.array(some))))
    return _clusters(pool, index, rows)


def _clusters(pool: pa.Table, index: SignatureIndex, rows: np.ndarray) -> pa.Table:
    """What a duplicate finder returns; the pool and the index hold the same records, each in its own order."""
    place = np.empty(len(rows), np.int64)
    place[rows] = np.arange(len(rows))
    return clusters_by_keeper(pool, place[index.clusters().keeper[rows]])


def row_of(ids: np.ndarray, among: np.ndarray) -> np.ndarray:
    """For each id where it stands among others, -1 where it does not."""
    return pc.fill_null(pc.index_in(_binary(ids), value_set=_binary(among)), -1).to_numpy().astype(np.int64)


def _binary(ids: np.ndarray) -> pa.Array:
    data = pa.py_buffer(ids.astype(">u8").tobytes())
    return pa.Array.from_buffers(pa.binary(16), len(ids), [None, data])


def _known(step: Step, signal: str, signals: pa.Schema) -> str:
    if signal in signals.names:
        return signal
    there = ", ".join(f"'{name}'" for name in signals.names if "__" in name) or "none, since the mix has no filters"
    raise MethodError(
        f"'{step.key}' keeps the record of the highest signal '{signal}', and no filter of the mix computes it. "
        f"Signals of this mix: {there}."
    )


def _pointer(attribute: str) -> str:
    return "/" + attribute.replace("~", "~0").replace("/", "~1")
