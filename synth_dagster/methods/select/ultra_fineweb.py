"""Ultra-FineWeb: only seeds that make a small language model better teach the classifier that chooses the pages.

Paper: arXiv:2505.05427. Several sets of good texts are candidates. Each is verified by going on with the training of
one model, at a tenth of its price; those that help teach a linear classifier over n-grams what is good, against raw
pages. What it chooses from the pool is the candidate of the next round. The model of the paper has 1.2 billion
parameters; here it counts runs of words. The classifier has no hidden layer and no least count of a word.
"""

import logging
import statistics
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.method import InputPath, Proof, Selector
from synth_dagster.parts.models.linear_text import VERSION, LinearText, TrainingSettings
from synth_dagster.parts.models.seed_verification import UNDECIDED, Verdict, verified
from synth_dagster.parts.selections import places_by_id, selection
from synth_dagster.services import Models

log = logging.getLogger(__name__)

RAW, CLEAN = "raw", "clean"  # labels that are no candidates
_GOOD, _OTHER = "good", "other"


class UltraFineweb(Selector, TrainingSettings):
    """The score is the probability of a good page; of equals the first by record id is better."""

    paper = "arXiv:2505.05427"
    proof = Proof(
        "planted signal",
        "Clean, boilerplate and shuffled seeds are put in that order with each of three seeds; a null candidate lies "
        "within two deviations; AUC above .95, above .9 where 10 % of the seed is wrong",
    )
    version = VERSION

    candidates: InputPath = Field(
        description="Texts by label: 'raw' the normal mix, 'clean' held-out texts, and each other label a candidate."
    )
    ngrams: int = Field(3, ge=1, le=5, description="Longest run of words that counts as a feature.")
    min_probability: float = Field(0.5, ge=0, le=1, description="A page must be more probable than this to be good.")
    rounds: int = Field(1, ge=1, le=10, description="Rounds; from the second on, what was chosen is a candidate.")
    runs: int = Field(3, ge=2, le=20, description="Runs of each verification, with other draws.")

    def select(self, pool: pa.Table, /, *, models: Models) -> pa.Table:
        examples = models.examples(self.candidates, label=CLEAN)
        labels = np.array(examples["label"].to_pylist())
        sets = {
            name: examples["text"].filter(pa.array(labels == name)).combine_chunks()
            for name in np.unique(labels).tolist()
        }
        if RAW not in sets or len(sets) < 3:
            raise SynthError(
                f"'{self.candidates}' has texts labelled {', '.join(sets)}. Label some '{RAW}', the normal mix, some "
                f"'{CLEAN}', held-out texts that nothing is learnt from, and each set of good texts by its own name."
            )
        raw, clean = sets.pop(RAW), sets.pop(CLEAN)
        score, good = np.zeros(0), pa.array([], pa.string())
        for number in range(self.rounds):
            good = pa.concat_arrays([good, *self._helpful(raw, sets, clean, is_first=not number)])
            score = self._scored(pool["text"], good, raw, models)
            chosen = pool["text"].filter(pa.array(score > self.min_probability)).combine_chunks()
            sets = {f"chosen in round {number + 1}": chosen.drop_null()}
        best_first = np.lexsort((places_by_id(pool["record_id"]), -score))
        return selection(pool["record_id"], score, best_first, score > self.min_probability, "improbable")

    def _helpful(
        self, raw: pa.Array, sets: Mapping[str, pa.Array], clean: pa.Array, *, is_first: bool
    ) -> list[pa.Array]:
        """The candidates that make the model better. Raises SynthError if there is none to begin with."""
        found = verified(raw, sets, clean, seeds=self.runs)
        for name, verdict in found.items():
            log.info("ultra_fineweb: %s %s", name, _told(verdict))
        helpful = [sets[name] for name, verdict in found.items() if verdict.improves]
        if is_first and not helpful:
            told = "; ".join(f"{name} {_told(verdict)}" for name, verdict in found.items())
            is_open = any(verdict.word == UNDECIDED for verdict in found.values())
            more = " Of what is undecided more texts, or more 'runs', may tell." if is_open else ""
            raise SynthError(
                f"No candidate of '{self.candidates}' is known to make the model better: {told}. Give cleaner or more "
                f"texts.{more}"
            )
        return helpful

    def _scored(self, texts: pa.ChunkedArray, good: pa.Array, raw: pa.Array, models: Models) -> np.ndarray:
        """The probability of a good page, by a classifier of the helpful texts and as many raw ones."""
        few = min(len(good), len(raw))
        picked = [_spread(one, few) for one in (good, raw)]
        examples = pa.table({"text": pa.concat_arrays(picked), "label": [_GOOD] * few + [_OTHER] * few})
        model = LinearText.unpacked(models.trained("ngram_classifier", self.training(), examples))
        return model.probabilities(texts)[:, model.labels.index(_GOOD)]


def _told(verdict: Verdict) -> str:
    saved, gained = statistics.fmean(verdict.saved), statistics.fmean(verdict.gained)
    measured = f"saves {saved:+.4f} bits a byte (chance {verdict.chance:.4f}), {gained:+.1%} right choices"
    return f"{verdict.word}: {measured}"


def _spread(texts: pa.Array, few: int) -> pa.Array:
    """So many of the texts, evenly over their order."""
    return texts.take(pa.array(np.linspace(0, len(texts) - 1, few).astype(np.int64)))
