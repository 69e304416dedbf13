"""Says whether a model that was trained on the set knows a benchmark by heart: its items, and their order

`decontaminate` looks for a benchmark's words in records; this asks what a model would have learnt of them. A small
model that counts is trained on the set: it must not find the items likelier than the same items with other names and
numbers, by more than it does so for items that nobody can have seen (`control`). A model of yours that was trained on
the set is judged the same way by its log-probabilities (`student`), and by whether it finds the items likelier in the
benchmark's own order than in others (arXiv:2310.17623). The card of `decontaminate` has both as its model-side check.

Without a control nothing is judged by the items, for a changed text is a little odd to any model. What stands once in a
large set the counting model hardly knows; `decontaminate` finds it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Guard, InputPath, LabelsPath, Proof
from synth_dagster.parts.models.byte_model import ByteModel, some_bytes
from synth_dagster.parts.models.membership import Scored, told_apart
from synth_dagster.parts.privacy.benchmark_memory import Scores, gains, order_p, probes, scored_all
from synth_dagster.parts.privacy.seen_texts import probes_said
from synth_dagster.services import Found, References

Groups: TypeAlias = Mapping[str, Scores]

_LEAST = 20  # items of a group: fewer are told apart by chance
_MOST = 200  # that are scored
_BYTES_LEARNT = 4_000_000


class BenchmarkMemory(Guard):
    """What was measured is told; a limit that is passed for certain warns or closes the gate."""

    paper = "arXiv:2310.17623"
    proof = Proof(
        "planted signal",
        "Items that a set repeats are told from a control (AUROC over 0.9), items that it has not by chance; a model "
        "of n-grams, and three trained students, that read texts as one file find their order at p < 0.001, those that "
        "read them shuffled do not.",
    )
    checks: ClassVar[Mapping[str, str]] = {
        "items": "A model trained on the set does not know the items better than such items that nobody has seen.",
        "order": "A model trained on the set does not know the order of the items.",
    }

    against: InputPath = Field(description="File or folder with the benchmarks' questions.")
    control: LabelsPath = Field(
        "", description="File or folder with items of the same kind that no model can have seen; for the items."
    )
    student: LabelsPath = Field(
        "", description="JSON lines of what a model of yours says of the texts that the docs show how to write."
    )
    action: Literal["warning", "critical"] = Field(
        "warning", description="What follows when a limit is passed; critical closes the gate."
    )
    max_auc: float = Field(0.6, ge=0, le=1, description="The largest AUROC by which items are told from the control.")
    min_p: float = Field(0.001, gt=0, lt=1, description="The least chance of an order that is found so likely.")

    def inspect(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References
    ) -> Sequence[Found]:
        student = probes_said(references, self.student) if self.student else {}
        if not flat.num_rows:
            return []
        items = references.texts(self.against)[:_MOST]
        control = references.texts(self.control)[:_MOST] if self.control else []
        model = ByteModel.learnt(some_bytes(flat["text"].to_pylist(), _BYTES_LEARNT))
        asked = [probe for probe in probes(items, control) if probe.group != "order"]  # it reads records one by one
        groups = scored_all(lambda text: Scored(*model.scored(text.encode("utf-8", "surrogatepass"))), asked)
        return [*self._items("", groups), *self._items("student_", student), *self._order(student)]

    def _items(self, whose: str, groups: Groups) -> Iterator[Found]:
        own, others = (gains(groups.get(name, {})) for name in ("benchmark", "control"))
        if not len(own):
            return
        if not len(others):
            note = f"of {len(own):,} items, above their variants; without a control nobody can judge it"
            yield self._measured("items", f"{whose}likelier", float((own > 0).mean()), note)
            return
        told = told_apart(own, others)
        note = f"AUROC, 95 % between {told.low:.2f} and {told.high:.2f}; {len(own):,} items against {len(others):,}"
        is_over = told.low > self.max_auc and min(len(own), len(others)) >= _LEAST
        yield self._measured("items", f"{whose}gain", told.auc, note, over=is_over)

    def _order(self, groups: Groups) -> Iterator[Found]:
        totals = {key: scores["whole"] for key, scores in groups.get("order", {}).items()}
        if totals:
            place, chance = order_p(totals)
            note = f"place of the true order, 0 the likeliest; by chance with p = {chance:.2g}, at least {self.min_p:g}"
            yield self._measured("order", "student_order", place, note, over=chance < self.min_p)

    def _measured(self, check: str, kind: str, score: float, note: str, *, over: bool = False) -> Found:
        severity = self.action if over else "info"
        return Found(check=check, kind=kind, severity=severity, score=round(float(np.float64(score)), 4), note=note)
