"""Which records of a release belong together, by what the lake knows: a source document, or near-duplicate texts.

Two records belong together when they go back to the same delivered item (over any number of parents), to passages of
the same content, or to items of which one record was dropped as a duplicate of another's. The parents are read from the
very versions that the release was made from. Documents that say the same in other words, and of which no two records
met as duplicates, are not known to belong together.
"""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from synth_dagster.exports.split import key_of, keys_of
from synth_dagster.governance.versions import pinned, upwards
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.records import digest
from synth_dagster.runner.verdicts import VERDICTS

NONE = np.zeros((0, 2), np.uint64)


def links_of(lake: Lake, release: Release, kept: np.ndarray) -> np.ndarray:
    """Shape (pairs, 2), uint64: keys that belong together, reachable from the kept records; `kept` are their keys."""
    duplicates = _duplicates(lake, release)
    wanted = np.union1d(kept, duplicates.reshape(-1))
    parts = [_links_of_batch(lake, candidate, wanted) for candidate in pinned(lake, release)]
    return np.concatenate([NONE, duplicates, *parts])


def _duplicates(lake: Lake, release: Release) -> np.ndarray:
    """Each record that was dropped as a duplicate, with the one it duplicates."""
    columns = ["record_id", "duplicate_of"]
    rows = lake.stream(release.dataset, VERDICTS, batches=[release.release], columns=columns)
    pairs = [(one.column(0).filter(one.column(1).is_valid()), one.column(1).drop_null()) for one in rows]
    return np.concatenate([NONE, *(_pairs(keys_of(a.to_pylist()), keys_of(b.to_pylist())) for a, b in pairs)])


def _links_of_batch(lake: Lake, candidate: Candidate, wanted: np.ndarray) -> np.ndarray:
    """The links of one batch, from the mix's stage up to what came from outside."""
    parts = [NONE]
    for version in upwards(lake, candidate):
        table = lake.candidate_table(version, ["record_id", "parents", "content_hash", "source", "attributes"])
        own = keys_of(table["record_id"].to_pylist())
        children, parents = _edges(table, own)
        wanted = _with_ancestors(wanted, children, parents)
        used = np.isin(children, wanted)
        parts.append(_pairs(children[used], parents[used]))
        parts.append(_roots(table, own, np.isin(own, wanted) & ~np.isin(own, children)))
    return np.concatenate(parts)


def _edges(table: pa.Table, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Child and parent of every reference in a table."""
    lists = table["parents"].combine_chunks()
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    parents = lists.flatten().field("record_id").to_pylist()
    return np.repeat(own, lengths), keys_of(parents)


def _with_ancestors(wanted: np.ndarray, children: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """The wanted records and everything that they were made from, as far as this stage knows."""
    while True:
        more = np.setdiff1d(parents[np.isin(children, wanted)], wanted)
        if not len(more):
            return wanted
        wanted = np.union1d(wanted, more)


def _roots(table: pa.Table, own: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """What came from outside, with the item that it was cut from and with its content."""
    places = pa.array(np.flatnonzero(chosen))
    columns = [table[name].take(places).to_pylist() for name in ("source", "attributes", "content_hash")]
    items = [_item_of(source, attributes) for source, attributes in zip(columns[0], columns[1], strict=True)]
    contents = [key_of(content) for content in columns[2]]
    keys = own[chosen]
    ends = [(key, end) for key, one in zip(keys.tolist(), items, strict=True) for end in one]
    return np.concatenate([np.array(ends, np.uint64).reshape(-1, 2), _pairs(keys, np.array(contents, np.uint64))])


def _item_of(source: str, attributes: str | None) -> list[int]:
    """The delivered item that a record was cut from, where the reader named it."""
    found: Any = json.loads(attributes or "{}")
    key = found.get("native_key") if isinstance(found, dict) else None
    return [] if key is None else [key_of(digest("item", source, str(key)))]


def _pairs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.stack([left, right], axis=1)
