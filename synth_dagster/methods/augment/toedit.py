"""ToEdit: tokens that a prior language model is sure of are drawn anew, and all others stay as people wrote them.

Paper: arXiv:2412.14689. One pass of the prior over a human text; where it gave the token at least p = 0.99, one of its
likeliest eight is drawn after the original words, with the temperature of the released code. The text keeps its length
and most of its tokens, so that a model that is trained on it does not collapse. The prior is learnt from texts that you
name and that are not among those edited: it counts n-grams, or is a small transformer. A method of your own gives
another one, such as a large model, by overriding `prior_of`. Leaving numbers, names and code alone is ours.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Augmenter, LabelsPath, Lifecycle, Proof
from synth_dagster.parts.models.ngram_prior import NgramPrior, PriorSettings
from synth_dagster.parts.models.priors import Candidates, Prior
from synth_dagster.parts.models.student_prior import StudentPrior, StudentSettings
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Json
from synth_dagster.services import Drop, Models, References

# Code, addresses, and words with a digit; names as far as a capital inside a sentence tells them.
_FACT = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|^(?: {4}|\t)[^\n]*|\S*[\d_@/\\]\S*|(?<=[a-z,;] )[A-Z]\w+", re.DOTALL | re.MULTILINE
)
_LIKE_A_FACT = re.compile(r"[\d_@/\\A-Z]")


class Toedit(Augmenter[Document, Document], PriorSettings, StudentSettings):
    """One edited text for each document, with how many tokens were drawn, deleted and changed."""

    paper: ClassVar[str] = "arXiv:2412.14689"
    version: ClassVar[str] = "2"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("pretrain",)
    topics: ClassVar[tuple[str, ...]] = ("model collapse", "semi-synthetic", "token editing", "continued pretraining")
    proof: ClassVar[Proof] = Proof(
        "official parity",
        "Weights (0.9521, 0.0280, 0.0199) met in 10,000 draws; only tokens of at least .99 change, and from stored "
        "candidates and draws, facts not spared, each of the released code's three ways gives its text; in the paper's "
        "linear model the error stays under 0.2247 where replacing all gives 0.1124 n. To small students the "
        "perplexities of people's texts span 601, from the 25th to the 99th percentile, and 601 when edited, where 3 "
        "of 10,000 tokens change (780 from .5 on, where one of 20 does); what the prior writes at temperature .7 spans "
        "408, at 1 more, 1,270. Who learnt from that reads unseen texts at 102, from edited ones at 65, from people's "
        "at 63 (`python -m benchmarks.students toedit`).",
    )

    prior: LabelsPath = Field(
        description="Texts that the prior is learnt from, .txt, .jsonl or .csv; not those that are edited."
    )
    model: Literal["ngrams", "transformer"] = Field(
        "ngrams", description="What is learnt: counts of n-grams in seconds, or a small transformer in minutes."
    )
    strategy: Literal["up_revise", "low_drop_up_revise", "filtering"] = Field(
        "up_revise", description="Draw sure tokens anew; also delete improbable ones; only delete them."
    )
    sure: float = Field(0.99, gt=0, le=1, description="Probability from which a token is drawn anew.")
    improbable: float = Field(0.001, ge=0, lt=1, description="Probability under which a token is deleted.")
    candidates: int = Field(8, ge=1, le=1_000, description="Likeliest tokens that are drawn from.")
    temperature: float | None = Field(
        None, gt=0, le=10, description="Of the draw; unless given 1.5, or 1 where improbable tokens are deleted."
    )
    max_tokens: int | None = Field(2_048, ge=1, description="Tokens that are read of a text; the rest is cut off.")
    keep_facts: bool = Field(True, description="Leave numbers, names and code alone; the paper edits them too.")
    seed: int = Field(0, ge=0, description="Seed of all draws.")

    def as_applied(self) -> Mapping[str, Json]:
        return {**super().as_applied(), "temperature": self._temperature()}

    async def augment(
        self, document: Document, /, *, references: References, models: Models
    ) -> Sequence[Document] | Drop:
        if is_blank(document.body):
            return Drop("blank_document")
        prior = self._learnt_once(references, models)
        whole = prior.tokens(document.body)
        tokens = whole[: self.max_tokens]
        made = self._edited(tokens, prior, stream(self.seed, document.record_id, "edit"))
        text = "".join(made.tokens)
        reason = "deleted" if is_blank(text) else None if made.differs else "unchanged"
        facts: dict[str, Json] = {
            "strategy": self.strategy,
            "prior": prior.name,
            "n_tokens": len(tokens),
            "n_resampled": made.resampled,
            "n_dropped": made.dropped,
            "n_changed": made.changed,
            "cut": len(whole) > len(tokens),
        }
        return [
            Document(
                body=text,
                title=document.title,
                url=document.url,
                parents=(document,),
                attributes=facts,
                model_id=None if reason else prior.name,
                status="eliminated" if reason else "current",
                reason=reason,
            )
        ]

    def prior_of(self, references: References, models: Models) -> Prior:
        """The language model that judges the tokens, learnt from the texts of `prior`."""
        texts = list(references.texts(self.prior))
        examples = pa.table({"text": pa.array(texts, pa.string()), "label": pa.array([""] * len(texts))})
        if self.model == "transformer":
            return StudentPrior.unpacked(models.trained("student_prior", self.training(), examples))
        return NgramPrior.unpacked(models.trained("ngram_prior", self.learning(), examples))

    def _learnt_once(self, references: References, models: Models) -> Prior:
        """A step asks for it with every record, and its services live as long as the step."""
        known = _PRIORS.setdefault(models, {})
        if self not in known:
            known[self] = self.prior_of(references, models)
        return known[self]

    def _edited(self, tokens: Sequence[str], prior: Prior, rng: random.Random) -> "Edited":
        probabilities = prior.probabilities(tokens)
        free = ~exempt(tokens) if self.keep_facts else np.ones(len(tokens), bool)
        free[:1] = False  # nothing stands before the first token that it could be drawn after
        draws = free & (probabilities >= self.sure) & (self.strategy != "filtering")
        drops = free & (probabilities < self.improbable) & (self.strategy != "up_revise")
        places = np.flatnonzero(draws).tolist()
        found = prior.likeliest(tokens, places, self.candidates) if places else ()
        new = list(tokens)
        for place, candidates in zip(places, found, strict=True):
            drawn = self._drawn(tokens[place], candidates, rng)
            new[place] = drawn if stands(drawn, new, place) else tokens[place]
        changed = sum(one != other for one, other in zip(new, tokens, strict=True))
        return Edited(
            [one for one, goes in zip(new, drops, strict=True) if not goes], len(places), int(drops.sum()), changed
        )

    def _drawn(self, token: str, candidates: Candidates, rng: random.Random) -> str:
        """A token after the original words. A number or a name that was not there is not taken."""
        shares = weights(candidates.log_probabilities, self._temperature())
        new = rng.choices(candidates.tokens, shares.tolist())[0]
        return token if self.keep_facts and _LIKE_A_FACT.search(new) else new

    def _temperature(self) -> float:
        return self.temperature or (1.5 if self.strategy == "up_revise" else 1.0)


@dataclass(frozen=True, slots=True)
class Edited:
    """The tokens of an edited text; how many were drawn anew, deleted, and became others."""

    tokens: Sequence[str]
    resampled: int
    dropped: int
    changed: int

    @property
    def differs(self) -> bool:
        return bool(self.dropped or self.changed)


_PRIORS: WeakKeyDictionary[Models, dict[Toedit, Prior]] = WeakKeyDictionary()


def weights(log_probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """What candidates are drawn by: the softmax of their log-probabilities over a temperature."""
    raised = np.exp((log_probabilities - log_probabilities.max()) / temperature)
    return raised / raised.sum()


def stands(drawn: str, tokens: Sequence[str], place: int) -> bool:
    """Whether a token can take a place without growing together with a neighbour that the old one was apart from.

    What is blank, as the end of a text may be, would do so with the blanks before the next word.
    """
    before, old, after = tokens[place - 1], tokens[place], "".join(tokens[place + 1 : place + 2])
    grows = (joins(before, drawn) and not joins(before, old)) or (joins(drawn, after) and not joins(old, after))
    return not grows and is_blank(drawn) == is_blank(old)


def joins(left: str, right: str) -> bool:
    return left[-1:].isalnum() and right[:1].isalnum()


def exempt(tokens: Sequence[str]) -> np.ndarray:
    """Which tokens lie in code, a number, an address or a name."""
    text = "".join(tokens)
    inside = np.zeros(len(text) + 1, bool)
    for found in _FACT.finditer(text):
        inside[slice(*found.span())] = True
    ends = np.cumsum([len(token) for token in tokens], dtype=np.int64)
    return inside[np.maximum(ends - 1, 0)]
