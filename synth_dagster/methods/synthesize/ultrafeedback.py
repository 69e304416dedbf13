"""UltraFeedback: several models answer under drawn principles, a judge rates each aspect, the ratings become pairs.

Paper: arXiv:2310.01377. Where its README and its script differ the default is the README; the prompts are ours.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isclose
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, conversation, insist, tagged, together, written_by
from synth_dagster.parts.asking.feedback import (
    Completion,
    Critique,
    Overall,
    Place,
    Rating,
    Ratings,
    rationale,
    why_left_out,
    with_critique,
)
from synth_dagster.parts.asking.preferring import (
    all_pairs,
    best_against_other,
    draw,
    lineup,
    repaired,
    shuffled,
    unshuffled,
)
from synth_dagster.parts.asking.principles import (
    ASPECTS,
    COMPLETIONS,
    CRITIQUE,
    DEFAULT,
    PRINCIPLES,
    RATE,
    SCORE,
    SHARES,
)
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction, Json, Message, Preference
from synth_dagster.services import Answer, Drop, Sampling, Teacher, Unusable


class Ultrafeedback(Synthesizer[Instruction, Preference]):
    paper: ClassVar[str] = "arXiv:2310.01377"
    family: ClassVar[Family] = "labelling"
    topics: ClassVar[tuple[str, ...]] = ("ratings", "reward model", "DPO", "feedback")
    proof: ClassVar[Proof] = Proof(
        "planted signal", "four planted quality levels under a noisy rule judge: pair accuracy at least 0.9"
    )

    completions: int = Field(
        4, ge=2, le=17, description="Completions per instruction, from distinct models if there are."
    )
    principles: dict[str, dict[str, float]] = Field(
        default_factory=lambda: {source: dict(shares) for source, shares in SHARES.items()},
        description="Source, or method that made the instruction, -> share of each principle; `default`: all others.",
    )
    reference: Literal["all", "truthfulness", "none"] = Field(
        "all",
        description="Who sees the evidence: writer and judge, the judge of truthfulness (as in the paper), or nobody.",
    )
    critiques: bool = Field(True, description="Ask for a critique with an overall score for each completion.")
    policy: Literal["mean_aspects", "overall", "all_pairs"] = Field(
        "mean_aspects",
        description="Pairs by mean rating (Argilla), by overall score (Zephyr), or all pairs by mean rating.",
    )
    rejected: Literal["random", "worst"] = Field(
        "random", description="Which of the strictly worse completions is rejected; all_pairs takes every one."
    )
    shared_best: Literal["drop", "draw"] = Field(
        "drop", description="When several share the best score: drop the instruction as a tie, or draw one of them."
    )
    completion_tokens: int = Field(1_024, ge=16, description="Longest completion; a longer one is cut and left out.")
    judge_tokens: int = Field(500, ge=64, description="Longest answer of the judge.")
    judge_tries: int = Field(
        5,
        ge=1,
        le=10,
        description="Samples of a rating call until one can be read. The gateway asks twice for each.",
    )
    seed: int = Field(0, ge=0, description="Seed of models, principles, orders and pairs.")

    @field_validator("principles")
    @classmethod
    def _shares_make_sense(cls, table: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for source, shares in ({DEFAULT: {}} | table).items():
            if problem := wrong_with(shares):
                raise ValueError(f"'{source}' {problem}")
        return table

    @model_validator(mode="after")
    def _overall_needs_critiques(self) -> "Ultrafeedback":
        if self.policy == "overall" and not self.critiques:
            raise ValueError(
                "policy 'overall' uses the critiques' scores: set critiques to true or choose another policy"
            )
        return self

    async def synthesize(
        self, record: Instruction, /, *, writer: Teacher, judge: Teacher
    ) -> Sequence[Preference] | Drop:
        if is_blank(record.instruction):
            return Drop("blank_instruction")
        texts, left_out = await self._completions(record, writer)
        if len(texts) < 2:
            return Drop("too_few_completions", ", ".join(left_out))
        rated = await self._rated(record, texts, judge)
        pairs = self._pairs(rated, self._stream(record, "pair"))
        if not pairs:
            scores = self._scores(rated)
            return Drop("unrated" if scores.count(None) > len(scores) - 2 else "tie", f"scores: {scores}")
        about = self._attributes(rated, left_out)
        return [self._preference(record, rated[chosen], rated[rejected], about) for chosen, rejected in pairs]

    def _stream(self, record: Instruction, *purpose: Json) -> random.Random:
        return stream(self.seed, record.record_id, *purpose)

    # ------------------------------------------------------------------------------------------------------- writing

    async def _completions(self, record: Instruction, writer: Teacher) -> tuple[list[Completion], list[str]]:
        """The usable completions without repeats, and why the others were left out."""
        places = self._places(record, writer.models)
        answers = await together(*(attempted(self._complete(record, writer, place)) for place in places))
        kept: dict[str, Completion] = {}
        left_out: list[str] = []
        for place, answer in zip(places, answers, strict=True):
            if isinstance(answer, Unusable):
                left_out.append(answer.reason)
            elif reason := why_left_out(answer, kept):
                left_out.append(reason)
            else:
                kept[answer.text.strip()] = Completion.of(place, answer)
        return list(kept.values()), left_out

    def _places(self, record: Instruction, models: Sequence[str]) -> list[Place]:
        shares, rng = self._shares(record), self._stream(record, "completions")
        drawn = [(model, sample, draw(shares, rng)) for model, sample in lineup(models, self.completions, rng)]
        return [Place(*place, rng.choice(COMPLETIONS[place[-1]])) for place in drawn]

    def _shares(self, record: Instruction) -> Mapping[str, float]:
        named = (name for name in (record.source, record.method) if name in self.principles)
        return self.principles[next(named, DEFAULT)]

    async def _complete(self, record: Instruction, writer: Teacher, place: Place) -> Answer:
        return await writer.tell(
            place.prompt,
            sampling=Sampling(temperature=1.0, top_p=1.0, max_tokens=self.completion_tokens),
            sample=place.sample,
            model=place.model,
            reference=self._reference(record) if self.reference == "all" else "",
            instruction=asked(record),
        )

    def _reference(self, record: Instruction, aspect: str = "") -> str:
        if self.reference == "none" or (self.reference == "truthfulness" and aspect != "truthfulness"):
            return ""
        return tagged("reference", "\n\n".join(span.text for span in record.evidence))

    # ------------------------------------------------------------------------------------------------------- judging

    async def _rated(self, record: Instruction, texts: Sequence[Completion], judge: Teacher) -> list[Completion]:
        """Aspect ratings and critiques at once; then the scores that the repair doubts are asked for again."""
        by_aspect, criticised = await together(
            together(*(self._rate(record, texts, aspect, judge) for aspect in ASPECTS)),
            together(*(attempted(self._criticise(record, text, judge)) for text in texts if self.critiques)),
        )
        by_text = [dict(zip(ASPECTS, marks, strict=True)) for marks in zip(*by_aspect, strict=True)]
        rated = [replace(text, ratings=marks) for text, marks in zip(texts, by_text, strict=True)]
        if self.critiques:
            rated = [with_critique(text, critique) for text, critique in zip(rated, criticised, strict=True)]
        return list(await together(*(self._repair(record, text, judge) for text in rated)))

    async def _rate(
        self, record: Instruction, texts: Sequence[Completion], aspect: str, judge: Teacher
    ) -> list[Rating]:
        order = shuffled(len(texts), self._stream(record, "order", aspect))
        shown = "".join(tagged("text", texts[place].text, id=str(number)) for number, place in enumerate(order, 1))

        async def ask(sample: int) -> Ratings:
            return await judge.ask(
                RATE[aspect],
                into=Ratings,
                sampling=self._judging,
                sample=sample,
                reference=self._reference(record, aspect),
                instruction=asked(record),
                texts=shown,
            )

        reply = await insist(ask, tries=self.judge_tries, fits=lambda reply: len(reply.ratings) == len(texts))
        return unshuffled(reply.ratings, order)

    @property
    def _judging(self) -> Sampling:
        return Sampling(temperature=0.0, top_p=0.6, max_tokens=self.judge_tokens)

    async def _criticise(self, record: Instruction, completion: Completion, judge: Teacher) -> Critique:
        return await judge.ask(
            CRITIQUE,
            into=Critique,
            sampling=self._judging,
            reference=self._reference(record),
            instruction=asked(record),
            text=tagged("text", completion.text),
        )

    async def _repair(self, record: Instruction, completion: Completion, judge: Teacher) -> Completion:
        score = repaired(completion.overall, completion.fine)
        if score != "ask":
            return replace(completion, overall=score)
        # The code allows one token here; a structured answer needs a few more for its braces.
        again = await attempted(
            judge.ask(
                SCORE,
                into=Overall,
                sampling=replace(self._judging, max_tokens=64),
                reference=self._reference(record),
                instruction=asked(record),
                text=tagged("text", completion.text),
                critique=tagged("critique", completion.critique),
            )
        )
        return replace(completion, overall=None if isinstance(again, Unusable) else again.overall_score)

    # -------------------------------------------------------------------------------------------------------- pairing

    def _scores(self, rated: Sequence[Completion]) -> list[float | None]:
        return [text.overall if self.policy == "overall" else text.fine for text in rated]

    def _pairs(self, rated: Sequence[Completion], rng: random.Random) -> list[tuple[int, int]]:
        scores = self._scores(rated)
        if self.policy == "all_pairs":
            return all_pairs(scores)
        return best_against_other(scores, rng, rejected=self.rejected, shared_best=self.shared_best)

    def _attributes(self, rated: Sequence[Completion], left_out: Sequence[str]) -> dict[str, Json]:
        return {
            "policy": self.policy,
            "models": [text.model for text in rated],
            "principles": [text.principle for text in rated],
            "ratings": {aspect: [text.ratings[aspect].rating for text in rated] for aspect in ASPECTS},
            "mean_ratings": [text.fine for text in rated],
            "overall_scores": [text.overall for text in rated],
            "left_out": list(left_out),
        }

    def _preference(
        self, record: Instruction, chosen: Completion, rejected: Completion, about: Mapping[str, Json]
    ) -> Preference:
        scores = self._scores([chosen, rejected])
        return Preference(
            prompt=turns_before_answer(record),
            chosen=(Message("assistant", chosen.text),),
            rejected=(Message("assistant", rejected.text),),
            chosen_score=scores[0],
            rejected_score=scores[1],
            rationale=rationale(chosen, rejected),
            parents=(record,),
            attributes={**about, "chosen_model": chosen.model, "rejected_model": rejected.model},
            **written_by(chosen.call),
        )


def wrong_with(shares: Mapping[str, float]) -> str | None:
    """What is wrong with the shares of principles, as the rest of a sentence; None if they can be drawn from."""
    unknown = sorted(shares.keys() - PRINCIPLES.keys())
    if unknown:
        return f"names no principle by '{unknown[0]}'; the principles are {', '.join(PRINCIPLES)}"
    if any(share < 0 for share in shares.values()) or not isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
        return f"has shares that sum to {sum(shares.values()):g}; they must be at least 0 and sum to 1"
    return None


def turns_before_answer(record: Instruction) -> tuple[Message, ...]:
    """The conversation up to the user turn that the completions answer."""
    last = max(place for place, message in enumerate(record.messages) if message.role == "user")
    return tuple(record.messages[: last + 1])


def asked(record: Instruction) -> str:
    """The instruction as the teachers see it."""
    return tagged("instruction", conversation(turns_before_answer(record)))
