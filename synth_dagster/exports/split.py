"""Train and validation parts of a release that share nothing: what belongs together stays on one side.

What belongs together is said by pairs of keys (`links`), such as a record and the document that it comes from; a group
is whatever the pairs connect. Groups are taken for validation in an order that only seed and keys decide, each one that
still fits, until the asked share is reached.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from synth_dagster.errors import SynthError
from synth_dagster.exports.files import BadOption
from synth_dagster.parts.similarity.graphs import components
from synth_dagster.records import Json

MOST = 0.5
TRAIN, VALIDATION = "train", "validation"


def key_of(record_id: bytes) -> int:
    """Eight bytes of an id stand for it. Two that meet by chance are one group too many, never one too few."""
    return int.from_bytes(record_id[:8].ljust(8, b"\0"), "big")


def keys_of(record_ids: Iterable[bytes]) -> np.ndarray:
    return np.fromiter((key_of(record_id) for record_id in record_ids), np.uint64)


@dataclass(frozen=True, slots=True)
class Split:
    """Which records are held out, and how that came about."""

    validation: frozenset[int] = frozenset()
    facts: Mapping[str, Json] = field(default_factory=dict)

    def side(self, record_id: bytes) -> str:
        return VALIDATION if self.validation and key_of(record_id) in self.validation else TRAIN

    @property
    def names(self) -> tuple[str, ...]:
        return (TRAIN, VALIDATION) if self.validation else (TRAIN,)


def check_share(share: float) -> None:
    """Refuse a share that no validation part can have."""
    if not 0 < share <= MOST:  # also where it is not a number
        raise BadOption(f"The validation share is {share:g}. Give a number above 0 and at most {MOST:g}, such as 0.05.")


def grouped_split(records: np.ndarray, rows: np.ndarray, links: np.ndarray, share: float, seed: int) -> Split:
    """Hold out about `share` of the rows, whole groups only.

    `records` are the keys of the records and `rows` how many rows each gives; `links` are pairs of keys, two columns.
    Raises SynthError when no group is small enough.
    """
    check_share(share)
    group = _groups(records, links)
    sizes = np.bincount(group, weights=rows).astype(np.int64)
    most = share * sizes.sum()
    held = _taken(sizes, _order(group, records, seed), most)
    if not held.any():
        raise SynthError(_no_room(sizes, share))
    validation = records[held[group]]
    return Split(
        frozenset(validation.tolist()),
        {
            "asked": share,
            "reached": round(float(sizes[held].sum() / sizes.sum()), 6),
            "seed": seed,
            "groups": int((sizes > 0).sum()),
            "largest_group_rows": int(sizes.max()),
        },
    )


def _groups(records: np.ndarray, links: np.ndarray) -> np.ndarray:
    """For each record the number of its group, from 0."""
    nodes, places = np.unique(np.concatenate([records, links.reshape(-1)]), return_inverse=True)
    ends = places[len(records) :].reshape(-1, 2)
    whole = components(len(nodes), ends[:, 0], ends[:, 1])
    return np.unique(whole[places[: len(records)]], return_inverse=True)[1]


def _order(group: np.ndarray, records: np.ndarray, seed: int) -> np.ndarray:
    """The groups in the order in which they are asked: by the hash of their lowest record."""
    lowest = np.full(group.max() + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(lowest, group, records)
    salt = np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    return np.argsort(_mixed(lowest ^ salt), kind="stable")


def _taken(sizes: np.ndarray, order: np.ndarray, most: float) -> np.ndarray:
    """Which groups are held out: in order, each one that still fits."""
    held, left = np.zeros(len(sizes), bool), most
    for number in order.tolist():
        size = int(sizes[number])
        if 0 < size <= left:
            held[number] = True
            left -= size
        if left < 1:
            break
    return held


def _no_room(sizes: np.ndarray, share: float) -> str:
    there = sizes[sizes > 0]
    total, smallest = int(there.sum()), int(there.min())
    if smallest > MOST * total:
        return (
            f"No validation part can be held out: the {total} rows make {len(there)} group(s) that must stay together, "
            f"since they share source documents or near-duplicates, and the smallest has {smallest} rows. Export "
            "without --validation, or add sources."
        )
    return (
        f"No validation part of {share:g} can be held out: that is {share * total:.1f} of {total} rows, and the "
        f"smallest of the {len(there)} groups that must stay together has {smallest}. Ask for at least "
        f"{smallest / total:.4f}, or export without --validation."
    )


def _mixed(keys: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014): near keys get far places."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
