"""Records that lose one of several parents: they go, and if that is asked for, a run makes them anew from the others.

What was made with an erased parent cannot be shown to say nothing of it, so it goes under either policy. To remake
means that the batch is no longer current: the next run asks again for what stands on parents that stay. Only what it
has not asked before has to be paid for; all other answers are in the cache.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import ExitCode, SynthError, no_such
from synth_dagster.governance.erase_places import Surroundings
from synth_dagster.lake.holdings_rows import calls_of
from synth_dagster.lake.ids import Ids

Children = Literal["drop", "remake"]
POLICIES: Mapping[str, str] = {
    "drop": "records with an erased parent among several go too",
    "remake": "records with an erased parent among several go too, and their batches are made anew from what stays",
}

Batch = tuple[str, str, str]
"""Dataset, stage and batch."""


class BadPolicy(SynthError):
    """A word for what becomes of children that is none of ours."""

    exit_code = ExitCode.USAGE


def policy_of(word: str) -> Children:
    """Raises BadPolicy for another word."""
    for known in get_args(Children):
        if word == known:
            return known
    cure = "'drop' lets them go, 'remake' has a run make them anew from the parents that stay."
    raise BadPolicy(no_such("policy for children of several parents", word, get_args(Children), cure))


@dataclass(slots=True)
class Bereft:
    """The records that tables show, that go because a parent goes, and that have another parent which stays."""

    batches: Counter[Batch] = field(default_factory=Counter)
    calls: list[pa.Array] = field(default_factory=list, repr=False)

    def add(self, batch: Batch, going: pa.Table, doomed: pa.Array, meant: pa.Array) -> None:
        """Rows of a batch that go; `meant` were asked for themselves."""
        theirs = bereft_among(going, doomed, meant)
        if theirs.num_rows:
            self.batches[batch] += theirs.num_rows
            self.calls += calls_of(theirs)

    def calls_among(self, going: pa.Array) -> list[bytes]:
        """The calls behind them that go."""
        behind = Ids.from_arrow(pa.chunked_array(self.calls, pa.binary()).drop_null()).unique()
        gone = Ids.from_arrow(going).unique()
        return behind.take((behind.places_in(gone) >= 0).nonzero()[0]).to_arrow().to_pylist()

    def as_json(self) -> dict[str, Any]:
        names = ("dataset", "stage", "batch")
        batches = [dict(zip(names, one, strict=True)) | {"records": n} for one, n in sorted(self.batches.items())]
        return {"records": sum(self.batches.values()), "batches": batches}


def bereft_among(going: pa.Table, doomed: pa.Array, meant: pa.Array) -> pa.Table:
    """Those of some rows with a parent that goes and one that stays, and that nobody asked for by themselves."""
    listed = going["parents"].combine_chunks()
    parents = pc.list_flatten(listed).field("record_id")  # type: ignore[attr-defined]
    child = pc.list_parent_indices(listed)  # type: ignore[attr-defined]
    goes = pc.is_in(parents, value_set=doomed)  # type: ignore[attr-defined]
    with_both = set(child.filter(goes).to_pylist()) & set(child.filter(pc.invert(goes)).to_pylist())  # type: ignore[attr-defined]
    theirs = going.take(pa.array(sorted(with_both), pa.int64()))
    return theirs.filter(pc.invert(pc.is_in(theirs["record_id"], value_set=meant)))  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Cost:
    """What answers have cost when they were given. `usd` is None where a price was not known, or one is not kept."""

    answers: int
    tokens_in: int = 0
    tokens_out: int = 0
    usd: Decimal | None = Decimal(0)

    def as_json(self) -> dict[str, Any]:
        told = {"answers": self.answers, "tokens_in": self.tokens_in, "tokens_out": self.tokens_out}
        return told | {"usd": None if self.usd is None else float(self.usd)}


def cost_of(around: Surroundings, calls: Iterable[bytes]) -> Cost:
    """What these answers have cost: about what it costs to have such answers again."""
    wanted = list(calls)
    with around.cache() as cache:
        if cache is None or not wanted:
            return Cost(len(wanted), usd=None if wanted else Decimal(0))

        async def each() -> list[Any]:
            return [await cache.get(call) for call in wanted]

        kept = [one for one in asyncio.run(each()) if one is not None]
    usd = [one.usd for one in kept]
    known = len(kept) == len(wanted) and all(one is not None for one in usd)
    return Cost(
        len(wanted),
        sum(one.tokens_in for one in kept),
        sum(one.tokens_out for one in kept),
        sum((one for one in usd if one is not None), Decimal(0)) if known else None,
    )
