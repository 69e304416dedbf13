"""The texts of people that a set was made from, as models read them, and the codes that were planted among them.

A text that was corrected, cut or carried on before a model read it stands in the lake more than once. Only its last
form counts: a record would else be as near to two texts where it is near to one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.privacy.canaries import PLANTER, Canary, planted_in
from synth_dagster.services import Ancestors

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false


@dataclass(frozen=True, slots=True)
class Seeds:
    """Texts, none of which has a code in it, and pairs of a record and a text behind it, as places in both."""

    texts: pa.Array
    record: np.ndarray
    seed: np.ndarray
    planted: Mapping[Canary, int]  # in how many sources each code was planted

    @classmethod
    def behind(cls, ancestors: Ancestors, records: Sequence[bytes]) -> "Seeds":
        """Those behind records, from one walk through their ancestors."""
        found = _Met(records)
        for table in ancestors.generations():
            people = table.filter(pc.equal(table["synthetic_depth"], 0))
            found.meet(people.select(["record_id", "text", "method", "parents", "heirs"]).to_pylist())
        return found.seeds()

    def of(self, rows: np.ndarray) -> pa.Array:
        """The texts behind some of the records."""
        return self.texts.take(pa.array(np.unique(self.seed[np.isin(self.record, rows)])))


@dataclass
class _Met:
    """What a walk has met so far; a record may be met again, with other heirs."""

    records: Sequence[bytes]
    texts: dict[bytes, str] = field(default_factory=dict)
    heirs: defaultdict[bytes, set[int]] = field(default_factory=lambda: defaultdict(set))
    older: set[bytes] = field(default_factory=set)  # that a text which was met was made from
    planted: defaultdict[Canary, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self._place = {record_id: number for number, record_id in enumerate(self.records)}

    def meet(self, rows: Sequence[Mapping[str, object]]) -> None:
        for row in rows:
            self._meet(**row)  # pyright: ignore[reportArgumentType]  # the columns of `services.Ancestors`

    def _meet(self, record_id: bytes, text: str | None, method: str, parents: list[bytes], heirs: list[bytes]) -> None:
        codes = list(planted_in(text or ""))
        for code in codes if method == PLANTER else ():
            self.planted[code].add(record_id)
        if not codes:
            self.texts[record_id] = text or ""
            self.older.update(parents)
        self.heirs[record_id].update(self._place[heir] for heir in heirs if heir in self._place)

    def seeds(self) -> Seeds:
        kept = [record_id for record_id in self.texts if record_id not in self.older]
        pairs = [(heir, place) for place, seed in enumerate(kept) for heir in sorted(self.heirs[seed])]
        record, seed = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
        texts = pa.array([self.texts[record_id] for record_id in kept], pa.string())
        return Seeds(texts, record, seed, {code: len(places) for code, places in self.planted.items()})
