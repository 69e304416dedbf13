"""ZIP: chooses the records that compress worst together, because what compresses well says the same again.

Paper: arXiv:2407.06645. Greedy in three stages, with the ratio of bytes to compressed bytes as the state of a record:
refresh the state of the most promising records against what is chosen, narrow them down, and pick from the rest a small
set that repeats itself least. zlib looks back 32 KB, so that only the end of what is chosen bears on a candidate. Noise
compresses worst of all: let filters drop it first.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from synth_dagster.method import Proof, Selector
from synth_dagster.parts.selections import selection

_LEVEL = 9


class ZipEntropy(Selector):
    """Selects up to `budget` records; a pool that is not larger is kept whole."""

    paper = "arXiv:2407.06645"
    proof = Proof(
        "planted signal",
        "Picks what the naive form picks; of a pool of 40 % near-copies at most 20 %, at a lower ratio than chance.",
    )

    budget: int = Field(1_000, ge=1, description="Most records to select.")
    k1: int = Field(10_000, ge=1, description="Records whose state is refreshed each time.")
    k2: int = Field(200, ge=1, description="Of those, the ones that compete for the local set.")
    k3: int = Field(100, ge=1, description="Records that one local set adds.")
    mode: Literal["fixed", "faithful"] = Field(
        "fixed",
        description="What becomes of the k2 - k3 records that lose. fixed: they compete again. faithful, as released "
        "code: they are never looked at again, so that fewer than the budget may be selected.",
    )

    @model_validator(mode="after")
    def _narrow_down(self) -> "ZipEntropy":
        if not self.k3 <= self.k2 <= self.k1:
            raise ValueError(f"k1 >= k2 >= k3 must hold; given {self.k1}, {self.k2}, {self.k3}.")
        return self

    def select(self, pool: pa.Table, /) -> pa.Table:
        ids = pool["record_id"].combine_chunks()
        by_id = np.argsort(np.array(ids.to_pylist(), dtype=object), kind="stable")
        texts = pool["text"].combine_chunks().fill_null("").to_pylist()
        greedy = Greedy.over([texts[row] for row in by_id])
        if len(texts) > self.budget:
            self._choose(greedy)
        return _as_table(ids, by_id, greedy, everything=len(texts) <= self.budget)

    def _choose(self, greedy: "Greedy") -> None:
        while len(greedy.chosen) < self.budget and len(greedy.open):
            promising = greedy.refresh(greedy.smallest(greedy.open, self.k1))
            rivals = greedy.smallest(promising, self.k2)
            local = greedy.least_repetitive(rivals, min(self.k3, self.budget - len(greedy.chosen)))
            greedy.add(local, closed=rivals if self.mode == "faithful" else local)


class Prefix:
    """A list of texts that is compressed once; what one more text would make of it is found by copying the compressor.

    Gives the same numbers as `ratio` of the whole list: a test compares them.
    """

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(_LEVEL)
        self._plain, self._packed, self._empty = 0, 0, True
        self._feed(b"[")

    def add(self, text: str) -> None:
        self._feed(self._piece(text))
        self._empty = False

    def ratio_with(self, text: str) -> float:
        piece = self._piece(text) + b"]"
        trial = self._compressor.copy()
        packed = self._packed + len(trial.compress(piece)) + len(trial.flush())
        return (self._plain + len(piece)) / packed

    def _feed(self, piece: bytes) -> None:
        self._plain += len(piece)
        self._packed += len(self._compressor.compress(piece))

    def _piece(self, text: str) -> bytes:
        return (b"" if self._empty else b",") + _written(text)


@dataclass
class Greedy:
    """What the search knows: the state of each text (lower is better), what is chosen, and what is still open."""

    texts: list[str]
    state: np.ndarray
    open: np.ndarray
    chosen: list[int] = field(default_factory=list)
    _prefix: Prefix = field(default_factory=Prefix)  # of what is chosen; it only grows

    @classmethod
    def over(cls, texts: list[str]) -> "Greedy":
        return cls(texts, np.array([ratio([text]) for text in texts], float), np.arange(len(texts)))

    def smallest(self, among: np.ndarray, count: int) -> np.ndarray:
        """The rows of smallest state; of equals the first."""
        among = np.sort(among)
        return among[np.argsort(self.state[among], kind="stable")[:count]]

    def refresh(self, rows: np.ndarray) -> np.ndarray:
        """Computes the state of these rows anew, as the ratio of what is chosen and that row."""
        self.state[rows] = [self._prefix.ratio_with(self.texts[row]) for row in rows]
        return rows

    def least_repetitive(self, rivals: np.ndarray, count: int) -> list[int]:
        """A local set of `count` rivals, each the one that keeps the set's ratio lowest; of equals the first."""
        local, left, prefix = [], sorted(rivals.tolist()), Prefix()
        while left and len(local) < count:
            best = min(left, key=lambda row: (prefix.ratio_with(self.texts[row]), row))
            prefix.add(self.texts[best])
            local.append(best)
            left.remove(best)
        return local

    def add(self, local: Sequence[int], *, closed: Sequence[int] | np.ndarray) -> None:
        self.chosen.extend(local)
        for row in local:
            self._prefix.add(self.texts[row])
        self.open = np.setdiff1d(self.open, np.asarray(closed))


def ratio(texts: Sequence[str]) -> float:
    """Bytes of the texts, written as a JSON list, to bytes of that compressed: high when they repeat themselves."""
    plain = b"[" + b",".join(_written(text) for text in texts) + b"]"
    return len(plain) / len(zlib.compress(plain, _LEVEL))


def _written(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _as_table(ids: pa.Array, by_id: np.ndarray, greedy: Greedy, *, everything: bool) -> pa.Table:
    """All records in the order of the pool; the chosen ranked as they were picked, the others after them by state."""
    rest = np.setdiff1d(np.arange(len(by_id)), greedy.chosen)
    ranking = np.concatenate([np.array(greedy.chosen, np.int64), greedy.smallest(rest, len(rest))])
    selected, score, open_ = (np.zeros(len(by_id), kind) for kind in (bool, float, bool))
    selected[by_id[greedy.chosen]], score[by_id], open_[by_id[greedy.open]] = True, greedy.state, True
    selected |= everything
    reasons = ["over_budget" if still else "passed_over" for still in open_.tolist()]
    return selection(ids, score, by_id[ranking], selected, reasons)
