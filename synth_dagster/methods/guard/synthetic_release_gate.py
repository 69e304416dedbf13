"""Closes the gate of a release that is too synthetic, too far from people, or does not say what wrote it

Depth is how many models stand between a record and a person, by its lineage; the share is of records that models
wrote, each of which names its model. The defaults of depth and share are ours: the paper gives none.
A recipe that trains a model on its own output should ask for a real share of 0.1, below which text that is generated
again and again collapses (Nature 631).

Not done of the same card: grounded claims against parents, drift of attributes against a reference, agreement of
judges with people, and paraphrased benchmarks, which need what a guard is not shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from synth_dagster.method import Guard, Proof
from synth_dagster.services import Found


class SyntheticReleaseGate(Guard):
    """One finding for each limit that is passed, with what was measured; and the records that name no model."""

    paper = "arXiv:2404.07503"
    proof = Proof("planted signal", "Of releases that each break one limit, exactly that check fails; counts by hand.")
    checks: ClassVar[Mapping[str, str]] = {
        "depth": "No record stands further from a person than the recipe allows.",
        "synthetic_share": "Models wrote at most the share of the records that the recipe allows.",
        "real_share": "People wrote at least the share of the words that the recipe asks for.",
        "generator_named": "Every record that a model wrote names it.",
    }

    max_depth: int = Field(
        3, ge=0, le=1_000, description="Models at most between a record and a person; 0 allows only what people wrote."
    )
    max_synthetic_share: float = Field(
        1.0, ge=0, le=1, description="The largest share of records that models wrote; 1 is no limit."
    )
    min_real_share: float = Field(
        0.0, ge=0, le=1, description="The least share of what records say that people wrote, by their lineage."
    )

    def inspect(self, flat: pa.Table, /) -> Sequence[Found]:
        return list(self._found(flat)) if flat.num_rows else []

    def _found(self, flat: pa.Table) -> Iterator[Found]:
        depths = flat["synthetic_depth"]
        deepest = int(pc.max(depths).as_py())  # type: ignore[attr-defined]
        synthetic = pc.sum(pc.greater(depths, 0)).as_py() / flat.num_rows  # type: ignore[attr-defined]
        real = _real_share(flat)
        yield _measured("depth", deepest, f"at most {self.max_depth}", passed=deepest <= self.max_depth)
        share = f"at most {self.max_synthetic_share:g}"
        yield _measured("synthetic_share", synthetic, share, passed=synthetic <= self.max_synthetic_share)
        yield _measured("real_share", real, f"at least {self.min_real_share:g}", passed=real >= self.min_real_share)
        nameless = flat.filter(pc.and_(pc.greater(depths, 0), pc.equal(pc.fill_null(flat["model_id"], ""), "")))  # type: ignore[attr-defined]
        for record_id in nameless["record_id"].to_pylist():
            yield Found(check="generator_named", kind="no_model", severity="critical", record_id=record_id)


def _real_share(flat: pa.Table) -> float:
    """The mean share that people wrote, each record by its length."""
    lengths = pc.fill_null(pc.utf8_length(flat["text"]), 0)  # type: ignore[attr-defined]
    total = pc.sum(lengths).as_py()  # type: ignore[attr-defined]
    real = pc.sum(pc.multiply(pc.fill_null(flat["human_share"], 0.0), lengths)).as_py()  # type: ignore[attr-defined]
    return real / total if total else 0.0


def _measured(check: str, value: float, allowed: str, *, passed: bool) -> Found:
    severity = "info" if passed else "critical"
    return Found(check=check, kind=check, severity=severity, score=float(value), note=allowed)
