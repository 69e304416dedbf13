"""What an erasure has to do, written down before it begins, so that one that was killed is gone on with.

It names the records that go, so the last step removes it; nothing else may keep it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from synth_dagster.governance.erase_children import Batch
from synth_dagster.governance.erase_look import Wanted
from synth_dagster.lake.doomed import Doomed, Stored
from synth_dagster.lake.shingles import Needles


@dataclass(slots=True)
class Journal:
    """What an erasure has to do, and what was found before it began."""

    erasure: str
    asked: Mapping[str, Any]  # without a name of a record or a condition
    counts: Mapping[str, Any]
    doomed: Doomed = field(repr=False)
    forget: pa.Array = field(repr=False)  # calls
    embeddings: pa.Array = field(repr=False)
    rewrite: list[Stored] = field(default_factory=list, repr=False)  # the files that hold a row that goes
    batches: list[tuple[str, str]] = field(default_factory=list)
    before: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict, repr=False)
    versions: Mapping[str, int] = field(default_factory=dict)
    remake: list[Batch] = field(default_factory=list)  # what a run is to make anew

    @property
    def name(self) -> str:
        return f"erasures/{self.erasure}/journal.json"

    def to_json(self) -> str:
        needles = self.doomed.needles
        told = {
            "erasure": self.erasure,
            "asked": self.asked,
            "counts": self.counts,
            "ids": [one.hex() for one in self.doomed.ids.to_pylist()],
            "sources": sorted(self.doomed.sources),
            "calls": [] if self.doomed.calls is None else [one.hex() for one in self.doomed.calls.to_pylist()],
            "needles": needles.as_json() if needles else None,
            "forget": [one.hex() for one in self.forget.to_pylist()],
            "embeddings": [one.hex() for one in self.embeddings.to_pylist()],
            "rewrite": [[one.dataset, one.table, one.name, one.stem] for one in self.rewrite],
            "batches": self.batches,
            "before": self.before,
            "files": self.files,
            "versions": self.versions,
            "remake": self.remake,
        }
        return json.dumps(told)

    @classmethod
    def of_json(cls, text: bytes) -> "Journal":
        told = json.loads(text)
        doomed = Doomed(
            _binary(told["ids"]),
            frozenset((dataset, source) for dataset, source in told["sources"]),
            _binary(told["calls"]),
            Needles.of_json(told["needles"]) if told["needles"] else None,
        )
        batches = [(dataset, batch) for dataset, batch in told["batches"]]
        rest = {name: told[name] for name in ("erasure", "asked", "counts", "before", "files", "versions")}
        keys = {name: _binary(told[name]) for name in ("forget", "embeddings")}
        listed = {"batches": batches, "remake": [(d, stage, batch) for d, stage, batch in told["remake"]]}
        return cls(**rest, **keys, **listed, doomed=doomed, rewrite=[Stored(*one) for one in told["rewrite"]])

    @property
    def wanted(self) -> Wanted:
        """What is looked for afterwards."""
        return Wanted.of(self.doomed.ids, self.doomed.needles or Needles())

    @property
    def clean(self) -> dict[str, Any]:
        """What the files hashed to that were searched before and held nothing."""
        held = {*self.before["with_ids"], *self.before["with_text"]}
        return {name: told for name, told in self.files.items() if name not in held}


def _binary(digits: Iterable[str]) -> pa.Array:
    return pa.array([bytes.fromhex(one) for one in digits], pa.binary())
