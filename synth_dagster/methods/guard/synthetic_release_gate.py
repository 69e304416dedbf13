"""Closes the gate of a release that is too synthetic, says what nothing supports, drifts, or holds benchmark items

Ten checks, each of a risk that the paper names. Depth is how many models stand between a record and a person, by its
lineage; the share is of records that models wrote, each of which names its model. A claim is a sentence of an answer,
grounded where its words stand in what people wrote behind the record. Drift is the Jensen-Shannon divergence of what
was released from what was delivered. A judge agrees with people as far as Cohen's kappa says, where two answers are
equally likely by chance. Benchmark items in other words are found as `decontaminate` finds them. Names of people are
what a recogniser of another package takes for one; without one nothing is said about people.

Growth is a curve over three sizes, a quarter, half and all of the records in the order of their ids, which are hashes:
at each size how many there are, how good, how varied, and what share of those that came last is new. Quality is what
the gate knows without a teacher: a judge's score, a named number, the share of grounded claims. The mean of a random
half is that of the whole, so what tells of three sizes is variety: a release inflated with near copies says in its
second half what its first has said. What a model learns from each size takes three trainings, which no gate pays for.

The limits of grounded claims (0.9), drift (0.1) and agreement (0.7) are the card's, which calls them a design; those of
depth and share, of the support of a claim, of likeness and of growth are ours. A recipe that trains a model on its own
output should ask for a real share of 0.1, below which text that is generated again and again collapses (Nature 631).
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from synth_dagster.errors import MethodError
from synth_dagster.method import Guard, InputPath, LabelsPath, Proof
from synth_dagster.parts.privacy.recognisers import PERSON, Recognisers, recogniser
from synth_dagster.parts.similarity.growth import SIZES, growth_of
from synth_dagster.parts.similarity.word_vectors import Meanings
from synth_dagster.parts.text.copying import claims_of, seeds_in_parts, supported
from synth_dagster.services import Ancestors, Found, References

LEAST_GROWING = 20  # records: a second half of fewer than ten is no share of anything


class SyntheticReleaseGate(Guard):
    """One finding for each limit that is passed, with what was measured; and the records that name no model."""

    paper = "arXiv:2404.07503"
    version = "5"
    proof = Proof(
        "planted signal",
        "Of ten releases that each break one limit, exactly that check fails; counts by hand. Of releases of 60 to 480 "
        "records, each said twice or more, growth is warned of; of as many varied ones it is not.",
    )
    checks: ClassVar[Mapping[str, str]] = {
        "depth": "No record stands further from a person than the recipe allows.",
        "synthetic_share": "Models wrote at most the share of the records that the recipe allows.",
        "real_share": "People wrote at least the share of the words that the recipe asks for.",
        "generator_named": "Every record that a model wrote names it.",
        "grounded_claims": "What answers say stands in what people wrote behind them.",
        "named_people": "What models say of people by name stands in what people wrote behind it.",
        "drift": "The languages of the release are those of what was delivered.",
        "judge_agreement": "People who were asked prefer the answers that the judge prefers.",
        "rephrased_benchmarks": "No record asks what a benchmark asks, in whatever words.",
        "growth": "The second half of the records says what the first half has not said.",
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
    min_grounded: float = Field(
        0.9,
        ge=0,
        le=1,
        description="The least share of the claims of answers that is grounded, where people's texts stand behind "
        "them; 0 is no limit.",
    )
    min_support: float = Field(
        0.5, gt=0, le=1, description="The share of a claim's words in the texts behind it that makes it grounded."
    )
    recognisers: Recognisers = Field(
        [], description="Recognisers of names that other packages bring, for `named_people`."
    )
    max_drift: float = Field(
        0.1,
        ge=0,
        le=1,
        description="The largest Jensen-Shannon divergence in bits from what was delivered; 1 is no limit.",
    )
    drift_of: list[Literal["lang", "source"]] = Field(
        ["lang"], description="What must not drift; a mixture changes the shares of sources on purpose."
    )
    human_preferences: LabelsPath = Field(
        "", description='JSON lines of what people prefer: {"record_id": "...", "preferred": "chosen" or "rejected"}.'
    )
    min_agreement: float = Field(0.7, ge=-1, le=1, description="The least kappa of the judge and people.")
    benchmarks: InputPath = Field("", description="File or folder with benchmark questions that nothing may ask again.")
    max_likeness: float = Field(0.5, ge=0, le=1, description="The largest likeness to a benchmark item.")
    min_new_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="The least share of new records among the second half by id, below which growth is warned of; new "
        "is what has at most half of its runs of five words in records before it. 0 is no limit.",
    )
    quality: str = Field("", description="Number in the attributes of records that says how good one is, for `growth`.")

    def inspect(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References, ancestors: Ancestors
    ) -> Sequence[Found]:
        if not flat.num_rows:
            return []
        return [
            *self._synthetic(flat),
            *self._answers(flat, ancestors),
            *self._drift(flat, ancestors.delivered()),
            *self._agreement(flat, references),
            *self._rephrased(flat, references),
        ]

    def _synthetic(self, flat: pa.Table) -> Iterator[Found]:
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

    def _answers(self, flat: pa.Table, ancestors: Ancestors) -> Iterator[Found]:
        """What models wrote beside what people wrote, and what it adds."""
        ordered = flat.sort_by("record_id")
        written = ordered.filter(pc.greater(ordered["synthetic_depth"], 0))  # type: ignore[attr-defined]
        claims, of = claims_of(_column(written, "response"))
        ids = written["record_id"].to_pylist()
        support, has_any = supported(claims, of, seeds_in_parts(ancestors, ids))
        unsupported = (support < self.min_support) | (~has_any & ~np.isnan(support))
        yield from self._named(claims.filter(pa.array(unsupported)).to_pylist(), [ids[one] for one in of[unsupported]])
        counted = has_any & ~np.isnan(support)
        grounded = support[counted] >= self.min_support
        if len(grounded):
            share = float(grounded.mean())
            least = f"at least {self.min_grounded:g}"
            yield _measured("grounded_claims", share, least, passed=share >= self.min_grounded)
        places = np.flatnonzero(pc.greater(ordered["synthetic_depth"], 0).to_numpy())  # type: ignore[attr-defined]
        yield from self._growth(ordered, places[of[counted]], grounded)

    def _growth(self, ordered: pa.Table, of: np.ndarray, grounded: np.ndarray) -> Iterator[Found]:
        """The curve; `of` is the record of each claim that is grounded or not."""
        if ordered.num_rows < LEAST_GROWING:
            return
        grown, quality = growth_of(ordered["text"]), self._quality(ordered)
        before = 0
        for size, parts in SIZES.items():
            last = ordered.num_rows // parts
            new = float(grown.is_new[before:last].mean())
            numbers = {
                "records": last,
                "quality": _mean(quality[:last]),
                "grounded": _mean(grounded[of < last].astype(float)),
                "different_runs": grown.different_runs(last),
            }
            for name, value in numbers.items():
                if value is not None:
                    yield _measured("growth", value, "told, no limit", passed=True, kind=f"{size}_{name}")
            passed = parts > 1 or new >= self.min_new_share
            note = f"at least {self.min_new_share:g}" if parts == 1 else "told, no limit"
            yield _measured("growth", new, note, passed=passed, kind=f"{size}_new", otherwise="warning")
            before = last

    def _quality(self, ordered: pa.Table) -> np.ndarray:
        """The number that says how good each record is: the named one, or the score of the answer that was chosen."""
        if self.quality:
            said = [json.loads(noted or "{}").get(self.quality) for noted in ordered["attributes"].to_pylist()]
            numbers = np.array([float(one) if isinstance(one, int | float) else np.nan for one in said])
            if np.isnan(numbers).all():
                raise MethodError(
                    f"synthetic_release_gate: no record has a number '{self.quality}' in its attributes. "
                    "Name an attribute that a step of the recipe writes, or leave 'quality' out."
                )
            return numbers
        if "chosen_score" in ordered.column_names:
            return ordered["chosen_score"].cast(pa.float64()).to_numpy()
        return np.full(ordered.num_rows, np.nan)

    def _named(self, claims: Sequence[str], of: Sequence[bytes]) -> Iterator[Found]:
        """The records that say of somebody by name what nothing behind them says."""
        found = (recogniser(name)(claims) for name in self.recognisers)
        named = {of[n] for pieces in found for n, some in enumerate(pieces) if any(kind == PERSON for kind, *_ in some)}
        for record_id in sorted(named):
            yield Found(check="named_people", kind="unsupported_claim", severity="critical", record_id=record_id)

    def _drift(self, flat: pa.Table, delivered: pa.Table) -> Iterator[Found]:
        for name in self.drift_of:
            now, before = (_shares(table[name].to_pylist()) for table in (flat, delivered))
            if now and before:
                drift = divergence(now, before)
                most = f"at most {self.max_drift:g}"
                yield _measured("drift", drift, most, passed=drift <= self.max_drift, kind=f"drift_of_{name}")

    def _agreement(self, flat: pa.Table, references: References) -> Iterator[Found]:
        if "chosen_score" not in flat.column_names:
            return
        judged = pc.mean(pc.is_valid(flat["chosen_score"]).cast(pa.float64())).as_py()  # type: ignore[attr-defined]
        yield _measured("judge_agreement", judged, "told, no limit", passed=True, kind="model_judged_share")
        if self.human_preferences:
            told = {row.get("record_id"): row.get("preferred") for row in references.rows(self.human_preferences)}
            said = [told[one.hex()] for one in flat["record_id"].to_pylist() if one.hex() in told]
            kappa = 2 * said.count("chosen") / len(said) - 1 if said else -1.0  # by chance each of two is preferred
            least = f"at least {self.min_agreement:g}, of {len(said):,} records that people have judged"
            yield _measured("judge_agreement", kappa, least, passed=kappa >= self.min_agreement, kind="kappa")

    def _rephrased(self, flat: pa.Table, references: References) -> Iterator[Found]:
        if not self.benchmarks:
            return
        items = Meanings.of(references.texts(self.benchmarks))
        _, likeness = items.nearest(_column(flat, "instruction"))
        for place in np.flatnonzero(likeness > self.max_likeness):
            yield Found(
                check="rephrased_benchmarks",
                kind="like_a_benchmark_item",
                severity="critical",
                record_id=flat["record_id"][int(place)].as_py(),
                score=float(likeness[place]),
                note=f"at most {self.max_likeness:g}",
            )


def divergence(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Jensen-Shannon, in bits: 0 for equal shares, 1 where nothing is in both."""
    names = sorted({*one, *other})
    p, q = (np.array([shares.get(name, 0.0) for name in names]) for shares in (one, other))
    middle = (p + q) / 2
    return float(sum((part[part > 0] * np.log2(part[part > 0] / middle[part > 0])).sum() for part in (p, q)) / 2)


def _shares(values: Sequence[str | None]) -> dict[str, float]:
    """Value -> its share; what is not known does not count."""
    counts = Counter(value for value in values if value and value != "und")
    return {value: count / counts.total() for value, count in counts.items()}


def _column(flat: pa.Table, name: str) -> pa.Array:
    column = flat[name if name in flat.column_names else "text"]
    return pa.chunked_array(column).combine_chunks().cast(pa.string())


def _real_share(flat: pa.Table) -> float:
    """The mean share that people wrote, each record by its length."""
    lengths = pc.fill_null(pc.utf8_length(flat["text"]), 0)  # type: ignore[attr-defined]
    total = pc.sum(lengths).as_py()  # type: ignore[attr-defined]
    real = pc.sum(pc.multiply(pc.fill_null(flat["human_share"], 0.0), lengths)).as_py()  # type: ignore[attr-defined]
    return real / total if total else 0.0


def _mean(numbers: np.ndarray) -> float | None:
    known = numbers[~np.isnan(numbers)]
    return float(known.mean()) if len(known) else None


def _measured(
    check: str,
    value: float,
    allowed: str,
    *,
    passed: bool,
    kind: str = "",
    otherwise: Literal["critical", "warning"] = "critical",
) -> Found:
    severity = "info" if passed else otherwise
    return Found(check=check, kind=kind or check, severity=severity, score=float(value), note=allowed)
