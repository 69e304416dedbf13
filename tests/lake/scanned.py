"""What the index of holdings says, found by reading every file of a lake row by row."""

import json
from collections import Counter
from functools import cached_property

import numpy as np
import pyarrow.parquet as pq

from synth_dagster.lake.doomed import stored_entries
from synth_dagster.lake.holdings_rows import KINDS, Told, item_key
from synth_dagster.lake.holdings_segments import HeldFile
from synth_dagster.lake.ids import Ids


class Scanned:
    """Answers as `Held` does."""

    def __init__(self, lake):
        self.files, self.named = (), Counter()
        for stored, entry in sorted(stored_entries(lake), key=lambda one: one[0].name):
            rows = pq.ParquetFile(lake.store.local(stored.name)).read()
            if "record_id" not in rows.column_names:
                continue
            sources = sorted({row.get("source") for row in rows.to_pylist()} - {None, ""})
            told = Told(rows.num_rows, "parents" in rows.column_names, tuple(sources))
            self.files += (HeldFile(stored, entry.etag, told, names_records=True),)
            for row in rows.to_pylist():
                self.named.update((kind, key, stored.name) for kind, key in _names(stored.dataset, row))

    @cached_property
    def _by_name(self):
        return {file.stored.name: file for file in self.files}

    def keys(self):
        return {key for _, key, _ in self.named}

    def naming(self, kind, keys):
        wanted = set(keys.to_arrow().to_pylist())
        names = {name for (other, key, name) in self.named if KINDS.index(other) == kind and key in wanted}
        return tuple(self._by_name[name] for name in sorted(names))

    def counts(self, kind, keys):
        total = Counter()
        for (other, key, _), count in self.named.items():
            total[key] += count if KINDS.index(other) == kind else 0
        return np.array([total[key] for key in keys.to_arrow().to_pylist()], np.int64)


def _names(dataset, row):
    """Each thing that a row names, as often as it does."""
    for kind, column in (("record", "record_id"), ("content", "content_hash"), ("repeated", "duplicate_of")):
        if row.get(column):
            yield kind, row[column]
    for parent in row.get("parents") or ():
        yield "parent", parent["record_id"]
    listed, call = row.get("calls") or [], row.get("call_id")
    for one in (*listed, *([call] if call else [])):
        yield "call", one
    for one in [call] if call else listed:
        yield "writer", one
    attributes = json.loads(row.get("attributes") or "{}")
    if "parents" in row and not row["parents"] and "native_key" in attributes:
        yield "item", item_key(dataset, row["source"], attributes["native_key"])


def says(held, keys):
    """All that it says of these keys, and of its files."""
    sought = Ids.of(sorted(keys)).unique()
    told = {(kind, "counts"): held.counts(at, sought).tolist() for at, kind in enumerate(KINDS)}
    for at, kind in enumerate(KINDS):
        told[kind, "all"] = [file.stored.name for file in held.naming(at, sought)]
        for key in sorted(keys):
            told[kind, key] = [file.stored.name for file in held.naming(at, Ids.of([key]))]
    return told | {"files": [(file.stored, file.etag, file.told) for file in held.files]}
