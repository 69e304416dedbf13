"""BeyondWeb: good pages said again by many strategies, so that a model meets the same knowledge in many shapes.

Paper: arXiv:2508.10975, which publishes what helped and not its prompts: this is an interpretation, and its strategies
are entries of `parts.strategies`. Only pages of good quality are rephrased, strategies are drawn for each of them, one
in five talks as people do, and three parts of natural text go with two of rephrased (`fixed_ratio: {by: origin, shares:
{real: 3, synthetic: 2}}`). Holding an answer to the names and numbers of its text, and denser forms to being denser, is
ours.
"""

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from synth_dagster.method import Augmenter, Lifecycle, Proof
from synth_dagster.parts.asking.calls import attempted, tagged, together, written_by
from synth_dagster.parts.asking.rephrasing import rephrasing
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.cards.strategies import STRATEGIES, StrategyName, drawn
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.rewriting import (
    KnownFacts,
    facts,
    kept_share,
    pieces,
    refuses,
    speaks_of_task,
    without_lead_in,
)
from synth_dagster.parts.text.tokens import count
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Document, Json
from synth_dagster.services import Answer, Drop, Sampling, Teacher, Unusable

SYSTEM = "You say texts again in other forms, for people who learn from them."
REPHRASE = {name: rephrasing(name, told.how, system=SYSTEM) for name, told in STRATEGIES.items()}


class Beyondweb(Augmenter[Document, Document]):
    """One document for each piece and drawn strategy; what is no good stays as an eliminated record with its reason."""

    paper: ClassVar[str] = "arXiv:2508.10975"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("pretrain",)
    topics: ClassVar[tuple[str, ...]] = ("rephrasing", "web pages", "diversity", "continued pretraining", "strategies")
    proof: ClassVar[Proof] = Proof(
        "interpretation",
        "Of planted facts at least 98 % are in what stays and none is made up; strategies come evenly, one in five "
        "talks; many spread wider than one, and dense ones are denser than their source. Small students that know "
        "the forms answer .38 of questions on pages that they read in many, .35 with lessons alone, .09 with idle "
        "words after each page, .04 with summaries or plain words alone or the pages again, which is chance "
        "(`python -m benchmarks.students beyondweb`)",
    )

    strategies: Annotated[tuple[StrategyName, ...], Field(min_length=1)] = Field(
        tuple(STRATEGIES), description="What is drawn from."
    )
    per_document: int = Field(1, ge=1, le=20, description="Strategies that are drawn for each document.")
    talking: float = Field(
        0.2, ge=0, le=1, description="Share of rephrasings that talk; in the paper more than a fifth gains nothing."
    )
    quality: str | None = Field(
        None, description="Attribute that holds a document's quality, such as edu_rubric.score; without, all are good."
    )
    min_quality: float = Field(3.0, description="Only documents of this quality are rephrased, where it is known.")
    piece_tokens: int = Field(1_000, ge=20, le=8_000, description="Longest piece that is rephrased at once; ours.")
    keep_facts: bool = Field(True, description="Drop an answer with a name or number that its document lacks; ours.")
    min_facts: float = Field(
        0.5, ge=0, le=1, description="Least share of a piece's names and numbers that an answer must hold; ours."
    )
    temperature: float = Field(0.7, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(2_048, ge=64, description="Longest answer of the writer, in tokens.")
    seed: int = Field(0, ge=0, description="Seed of the drawn strategies.")

    @field_validator("strategies")
    @classmethod
    def _each_once(cls, strategies: tuple[StrategyName, ...]) -> tuple[StrategyName, ...]:
        if len(set(strategies)) < len(strategies):
            raise ValueError("a strategy is named twice; name each once, and set how many are drawn by per_document")
        return strategies

    async def augment(self, document: Document, /, *, writer: Teacher) -> Sequence[Document] | Drop:
        parts = [part for part in pieces(document.body, self.piece_tokens) if not is_blank(part)]
        if not parts:
            return Drop("blank_document")
        quality = quality_of(document, self.quality) if self.quality else None
        if self.quality and (quality is None or quality < self.min_quality):
            return Drop("quality_unknown" if quality is None else "low_quality")
        names = drawn(
            self.strategies, self.per_document, self.talking, stream(self.seed, document.record_id, "strategies")
        )
        asked: list[tuple[int, str, StrategyName]]
        asked = [(place, part, name) for place, part in enumerate(parts) for name in names]
        answers = await together(*(attempted(self._ask(writer, document, part, name)) for _, part, name in asked))
        problems = [answer for answer in answers if isinstance(answer, Unusable)]
        if len(problems) == len(answers):
            raise problems[0]  # nothing came back: the document is a reject, to be tried again
        known = KnownFacts.of(f"{document.title or ''}\n{document.body}")
        return [
            self._made(document, known, quality, place, part, name, answer)
            for (place, part, name), answer in zip(asked, answers, strict=True)
        ]

    async def _ask(self, writer: Teacher, document: Document, part: str, name: StrategyName) -> Answer:
        return await writer.tell(
            REPHRASE[name],
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            passage=tagged("passage", part, title=document.title),
        )

    def _made(
        self,
        document: Document,
        known: KnownFacts,
        quality: float | None,
        place: int,
        part: str,
        name: StrategyName,
        answer: Answer | Unusable,
    ) -> Document:
        failed = isinstance(answer, Unusable)
        text = answer.raw if failed else without_lead_in(answer.text)
        kept = kept_share(part, [text])
        reason = answer.reason if failed else self._why_not(text, answer, part, known, name, kept)
        about: dict[str, Json] = {
            "strategy": name,
            "group": STRATEGIES[name].group,
            "piece": place,
            "facts_kept": round(kept, 6),
            "density": round(density(text), 6),
            "source_density": round(density(part), 6),
        }
        return Document(
            body=text,
            title=document.title,
            url=document.url,
            parents=(document,),
            attributes=about if quality is None else about | {"quality": quality},
            status="eliminated" if reason else "current",
            reason=reason,
            **written_by(answer.call),
        )

    def _why_not(
        self, text: str, answer: Answer, part: str, known: KnownFacts, name: StrategyName, kept: float
    ) -> str | None:
        """The first reason to eliminate an answer, or None. What the whole document names is not made up."""
        strategy = STRATEGIES[name]
        checks = {
            "cut": answer.finish_reason == "length",
            "blank": is_blank(text),
            "refusal": refuses(text),
            "meta_phrase": speaks_of_task(text) and not speaks_of_task(part),
            "copy": normalised(text) == normalised(part),
            "wrong_form": not re.search(strategy.form, text),
            "invented_fact": self.keep_facts and bool(known.lacking(text)),
            "lost_facts": kept < self.min_facts,
            "not_denser": strategy.is_denser and not is_denser(text, part),
        }
        reason = next((reason for reason, fails in checks.items() if fails), None)
        return reason or ("another_language" if in_another_language([text], part)[0] else None)


def quality_of(document: Document, attribute: str) -> float | None:
    """A number in a document's attributes, by its name or by names with dots between; None where there is none."""
    found: Json = dict(document.attributes)
    for name in attribute.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def density(text: str) -> float:
    """Different names and numbers for each token."""
    tokens = count(text)
    return len(facts(text)) / tokens if tokens else 0.0


def is_denser(text: str, source: str) -> bool:
    """Whether a text says more with each token; where there is nothing to count, whether it is shorter."""
    return density(text) > density(source) if facts(source) else count(text) < count(source)
