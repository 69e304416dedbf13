"""Says how much a set gives away about the texts behind it, as whoever attacks it or trains on it would find out

Closest records: is a record nearer to a person's text than such texts are to each other, and to one of them only; and
are records nearer to the texts behind them than to others of the same kind, which no model has read (`held_out`).
Membership: a small model that counts is trained on the set, and must not know the texts behind it better than those
held out (Min-K%++, arXiv:2404.02936). Beside it stands how well whoever sees no model tells the two apart, by topic,
time and length (arXiv:2406.16201): where that is easy, the numbers show how the texts differ and not what was learnt.
Extraction: a model of yours that is shown how a text begins must not go on word for word (arXiv:2202.07646). Inference:
who knows a text but for one fact must not find the fact among the nearest records (`known_facts`). Exposure: the codes
that `plant_canaries` planted must not be what the model expects.

A set that quotes its sources on purpose gives them away, and these checks say so: they are for sets that stand in the
place of texts which nobody may see. The card of `privacy_security_guard` has them beside the checks over single
records. Its limits are chance: half of the records, half of the pairs; the distance ratio of a copy, the AUROC of 0.6
and the ten bits of exposure, which one of a thousand unknown codes has by chance, are ours.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from synth_dagster.method import Guard, LabelsPath, Proof
from synth_dagster.parts.models.byte_model import ByteModel, some_bytes
from synth_dagster.parts.models.membership import Scored, by_score, scores_of
from synth_dagster.parts.privacy.blind import LEAST, blind
from synth_dagster.parts.privacy.canaries import BITS, Canary, bits_of, exposures, planted_in, secrets_by_bytes
from synth_dagster.parts.privacy.inference import Attack, attacked
from synth_dagster.parts.privacy.seeds import Seeds
from synth_dagster.parts.privacy.seen_texts import Said, facts_of, student_said, student_wrote
from synth_dagster.parts.similarity.closest import closest, nearer_share, sampled
from synth_dagster.parts.similarity.word_vectors import WordVectors
from synth_dagster.services import Ancestors, Found, References, Severity

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

Action: TypeAlias = Literal["warning", "quarantine", "critical"]
Scores: TypeAlias = dict[str, float]

_SEEDS = 5_000  # that distances are measured to
_MEMBERS = 300  # texts that are scored, and as many held out
_BYTES_SCORED = 1_500  # of each, from its beginning
_BYTES_LEARNT = 4_000_000
_ALIKE = 0.1  # by how much the lengths of members and others may tell them apart


class SeedLeakageGuard(Guard):
    """What was measured is told; a limit that is passed for certain, by its 95 % interval, warns or closes the gate."""

    paper = "interpretation"
    proof = Proof(
        "planted signal",
        "Copies are nearer to their sources in over 90 % of cases and independent texts in 50 ± 5 %; texts repeated 16 "
        "times are told from others (AUROC over 0.9) better than texts seen once; exposure grows with 1, 4, 16.",
    )
    checks: ClassVar[Mapping[str, str]] = {
        "near_copies": "Records nearer to one person's text than such texts are to each other.",
        "nearer_to_sources": "Records are not nearer to the texts behind them than to others of their kind.",
        "membership": "A model trained on the set does not know the texts behind it better than others.",
        "extraction": "A model trained on the set does not carry on texts word for word from their beginning.",
        "inference": "The nearest records do not give away a fact that was left out of a text.",
        "exposure": "A model trained on the set does not expect the codes that were planted.",
    }

    near_copies: Action = Field(
        "warning", description="What becomes of a record that is nearly a person's text; quarantine holds it."
    )
    action: Literal["warning", "critical"] = Field(
        "warning", description="What follows when the set as a whole is over a limit; critical closes the gate."
    )
    held_out: LabelsPath = Field(
        "",
        description="File or folder with texts like the sources that no model has read; without it two checks rest.",
    )
    known_facts: LabelsPath = Field(
        "",
        description='JSON lines of what an attacker knows, and the fact to find: {"text": ..., "value": ..., "seen": '
        "whether the text is behind the set}.",
    )
    student: LabelsPath = Field(
        "",
        description="JSON lines of what a model of yours, trained on the set, says of texts: "
        '{"text": ..., "seen": ..., "log_probs": [...]}; with "mean" and "spread" of all symbols, for Min-K%++.',
    )
    written: LabelsPath = Field(
        "",
        description="JSON lines of what a model of yours, trained on the set, wrote after the first 50 tokens of "
        'texts at temperature 0, and what the text says there: {"expected": ..., "wrote": ..., "seen": ...}.',
    )
    nearest_share: float = Field(
        0.05, gt=0, lt=1, description="Share of people's texts as near to another one as a copy must be."
    )
    max_ratio: float = Field(
        0.5, gt=0, le=1, description="A copy's distance to its source, as part of that to the next text, at most."
    )
    max_nearer: float = Field(
        0.5, ge=0, le=1, description="The largest share of records nearer to what is behind them."
    )
    max_auc: float = Field(0.6, ge=0, le=1, description="The largest AUROC by which members are told from others.")
    max_extracted: float = Field(
        0.01, ge=0, le=1, description="The largest share of seen texts that are carried on word for word."
    )
    max_gain: float = Field(0.0, ge=0, le=1, description="The largest gain of an attacker by what is behind the set.")
    max_exposure: float = Field(10.0, ge=0, le=BITS, description="Bits that a planted code is exposed by at most.")
    sample: int = Field(1_000, ge=10, le=20_000, description="Records whose distances are measured.")

    def inspect(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References, ancestors: Ancestors
    ) -> Sequence[Found]:
        facts = facts_of(references, self.known_facts) if self.known_facts else []
        student = student_said(references, self.student) if self.student else {}
        wrote = student_wrote(references, self.written) if self.written else {}
        if not flat.num_rows:
            return []
        seeds = Seeds.behind(ancestors, flat["record_id"].to_pylist())
        held_out = references.texts(self.held_out) if self.held_out else []
        model = ByteModel.learnt(some_bytes(flat["text"].to_pylist(), _BYTES_LEARNT))
        return [
            *self._closest(flat, seeds, pa.array(held_out, pa.string())),
            *self._membership(model, _people(flat, seeds.texts), held_out, student),
            *self._extraction(wrote),
            *self._inference(flat, facts),
            *self._exposure(model, seeds.planted, flat),
            *self._exposure_of(student, seeds.planted),
        ]

    def _closest(self, flat: pa.Table, seeds: Seeds, held_out: pa.Array) -> Iterator[Found]:
        texts, written = flat["text"].combine_chunks(), flat["synthetic_depth"].to_numpy() > 0
        rows = np.flatnonzero(written)[sampled(texts.filter(pa.array(written)), self.sample)]
        behind = _some(seeds.of(rows), _SEEDS)
        if len(rows) and len(behind) > 2:
            yield from self._copies(texts.take(pa.array(rows)), flat["record_id"].take(pa.array(rows)), behind)
        if len(rows) and len(behind) and len(held_out):
            yield self._nearer(texts.take(pa.array(rows)), behind, held_out)

    def _copies(self, texts: pa.Array, ids: pa.ChunkedArray, seeds: pa.Array) -> Iterator[Found]:
        weights = WordVectors.learnt(seeds)
        own, theirs = closest(weights, texts, seeds), closest(weights, _some(seeds, self.sample), seeds)
        # a text of the list is its own closest one, so what counts is its second
        bound = float(np.quantile(theirs.second, self.nearest_share))
        near = own.first < bound
        yield self._measured("near_copies", "nearer_than_sources_are", float(near.mean()), f"{bound:.3f} or less apart")
        for place in np.flatnonzero(near & (own.ratio <= self.max_ratio)):
            yield Found(
                check="near_copies",
                kind="near_copy",
                severity=self.near_copies,
                record_id=ids[int(place)].as_py(),
                column="text",
                score=round(float(own.first[place]), 4),
                note=f"from the closest text behind the set, {own.ratio[place]:.2f} of the distance to the next one",
            )

    def _nearer(self, texts: pa.Array, seeds: pa.Array, held_out: pa.Array) -> Found:
        size = min(len(seeds), len(sampled(held_out, _SEEDS)))
        behind, others = (_some(one, size) for one in (seeds, held_out))
        weights = WordVectors.learnt(pa.concat_arrays([behind, others]))
        share, chance = nearer_share(closest(weights, texts, behind), closest(weights, texts, others))
        note = f"of {len(texts):,} records, ± {chance:.2f} by chance, with {size:,} texts on each side"
        return self._measured("nearer_to_sources", "nearer_share", share, note, over=share - chance > self.max_nearer)

    def _membership(
        self, model: ByteModel, members: pa.Array, held_out: Sequence[str], student: Mapping[bool, Sequence[Said]]
    ) -> Iterator[Found]:
        if len(members) and held_out:
            groups = [one.to_pylist() for one in (members, _some(pa.array(held_out, pa.string()), _MEMBERS))]
            yield from self._told_apart("", groups, [[_scored(model, text) for text in group] for group in groups])
        if student:
            said = [[one for one in student[side] if not any(planted_in(one.text))] for side in (True, False)]
            texts = [[one.text for one in group] for group in said]
            yield from self._told_apart("student_", texts, [[one.scores for one in group] for group in said])

    def _told_apart(
        self, whose: str, texts: Sequence[Sequence[str]], scores: Sequence[list[Scores]]
    ) -> Iterator[Found]:
        """Members and others by each score, and by what shows without a model: where that is enough, nothing closes."""
        without = blind(*texts)
        unlike = [name for name, told in without.items() if not told.low - _ALIKE < 0.5 < told.high + _ALIKE]
        for name, told in without.items():
            note = f"AUROC by {name} alone, without a model; 95 % between {told.low:.2f} and {told.high:.2f}"
            note += "; others of the same kind are needed" if name in unlike else ""
            severity: Severity = "warning" if name in unlike else "info"
            yield Found(
                check="membership", kind=f"{whose}{name}", severity=severity, score=round(told.auc, 4), note=note
            )
        for place, (name, told) in enumerate(by_score(*scores).items()):
            note = (
                f"AUROC, 95 % between {told.low:.2f} and {told.high:.2f}; {told.at_5:.0%} found at 5 % false alarms; "
                f"{len(texts[0]):,} texts against {len(texts[1]):,}"
            )
            note += f"; no evidence, for {' and '.join(unlike)} tell them apart without a model" if unlike else ""
            # the first is judged; the others are told, and decide nothing
            is_over = place == 0 and told.low > self.max_auc and min(map(len, texts)) >= LEAST
            yield self._measured("membership", f"{whose}{name}", told.auc, note, over=is_over and not unlike)

    def _extraction(self, wrote: Mapping[bool, Sequence[bool]]) -> Iterator[Found]:
        if wrote:
            seen, unseen = (float(np.mean(wrote[side])) for side in (True, False))
            note = f"of {len(wrote[True]):,} texts that it saw; {unseen:.1%} of {len(wrote[False]):,} that it did not"
            is_over = seen > max(self.max_extracted, unseen)
            yield self._measured("extraction", "carried_on_word_for_word", seen, note, over=is_over)

    def _inference(self, flat: pa.Table, facts: Sequence[Attack]) -> Iterator[Found]:
        if not facts:
            return
        found = attacked(facts, flat["text"].combine_chunks())
        note = (
            f"of {found.seen:,} facts behind the set {found.right:.0%} are found, of {found.unseen:,} others "
            f"{found.by_chance:.0%}; at most {self.max_gain:g}"
        )
        yield self._measured("inference", "gain", found.gain, note, over=found.surely > self.max_gain)

    def _exposure(self, model: ByteModel, planted: Mapping[Canary, int], flat: pa.Table) -> Iterator[Found]:
        if not planted:
            return
        yield from self._exposed("", planted.values(), exposures(secrets_by_bytes(model), list(planted)), BITS)
        out = sum(_stands_in(flat, canary) for canary in planted)
        yield self._measured("exposure", "codes_that_came_out", out, f"of {len(planted)}, word for word", over=out > 0)

    def _exposure_of(self, student: Mapping[bool, Sequence[Said]], planted: Mapping[Canary, int]) -> Iterator[Found]:
        """By what the user's model says of sentences with codes: those that were planted among others of their name."""
        said: defaultdict[str, dict[Canary, float]] = defaultdict(dict)
        for one in (one for side in student.values() for one in side):
            for canary in planted_in(one.text):
                said[canary.name][canary] = one.whole
        found = [(planted[one], scores, scores[one]) for scores in said.values() for one in scores if one in planted]
        if found:
            bits = [bits_of(np.array(list(scores.values())), own) for _, scores, own in found]
            most = float(np.log2(min(len(scores) for _, scores, _ in found)))
            yield from self._exposed("student_", [times for times, _, _ in found], bits, most)

    def _exposed(self, whose: str, times: Iterable[int], bits: Iterable[float], most: float) -> Iterator[Found]:
        groups: defaultdict[int, list[float]] = defaultdict(list)
        for often, exposed in zip(times, bits, strict=True):
            groups[often].append(float(exposed))
        for often, each in sorted(groups.items()):
            note = f"mean bits of {len(each)} codes, each in {often} sources; at most {self.max_exposure:g} for any"
            note += f" of {most:g} that there can be"
            is_over = max(each) > self.max_exposure
            yield self._measured("exposure", f"{whose}bits_at_{often}", float(np.mean(each)), note, over=is_over)

    def _measured(self, check: str, kind: str, score: float, note: str, *, over: bool = False) -> Found:
        severity: Severity = self.action if over else "info"
        return Found(check=check, kind=kind, severity=severity, score=round(float(score), 4), note=note)


def _some(texts: pa.Array, most: int) -> pa.Array:
    return texts.take(pa.array(sampled(texts, most)))


def _people(flat: pa.Table, seeds: pa.Array) -> pa.Array:
    """What people wrote, behind the set and in it, without planted codes."""
    own = flat.filter(pc.equal(flat["synthetic_depth"], 0))["text"].combine_chunks().cast(pa.string())
    planted = [any(planted_in(text or "")) for text in own.to_pylist()]
    return _some(pa.concat_arrays([seeds, own.filter(pa.array([not one for one in planted], pa.bool_()))]), _MEMBERS)


def _scored(model: ByteModel, text: str) -> dict[str, float]:
    kept = text.encode("utf-8", "surrogatepass")[:_BYTES_SCORED]
    return scores_of(kept.decode("utf-8", "replace"), Scored(*model.scored(kept)))


def _stands_in(flat: pa.Table, canary: Canary) -> bool:
    written = flat.filter(pc.greater(flat["synthetic_depth"], 0))["text"]
    return bool(pc.any(pc.match_substring(written, canary.code, ignore_case=True)).as_py())
