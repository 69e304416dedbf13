"""Questions about a passage whose answers rest on words that really stand in it.

Ours. A teacher writes question, answer and a quotation; nothing of that is believed: the quotation is looked up in the
passage and kept as a span with exact offsets, and the answer must be part of it (or supported by it). An item that
fails stays as an eliminated record with its reason, so that every paid item is counted.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import prompt, tagged, written_by
from synth_dagster.parts.text.grounding import is_inside, span_of, support
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Document, Instruction, Span
from synth_dagster.services import Drop, Reply, Sampling, Teacher


class Item(BaseModel):
    question: str = Field(description="A question that is complete without the passage and names what it is about.")
    answer: str = Field(description="The answer to exactly that question.")
    evidence: str = Field(description="The words of the passage that the answer rests on, copied without any change.")


class Questions(Reply):
    items: list[Item] = Field(
        description="The questions, best first; fewer than asked, or none, if the passage has no more."
    )


ANSWER_RULES = {
    "span": "The answer is a short piece copied from its evidence, without any change.",
    "free": "The answer is one or two full sentences that say nothing beyond its evidence.",
}
QUESTIONS = {
    kind: prompt(
        system="""
You write reading-comprehension questions for people who will never see the passage. You use only what the passage says,
and you would rather write no question than a poor one.
""",
        user="""
{passage}Write up to this many different questions that the passage answers: <count>{count}</count>

- Each question names its subject in full. It never points at a text: no "the passage", "this section", "described
  above", and no "it" or "they" whose meaning stands elsewhere.
- {answer_rule}
- The evidence is one unbroken piece of the passage, copied letter by letter, long enough to prove the answer.
- No two questions ask for the same thing. Return fewer when the passage holds no more.
""",
        variables="passage count answer_rule",
    ).filled(answer_rule=rule)
    for kind, rule in ANSWER_RULES.items()
}


class GroundedQA(Synthesizer[Document, Instruction]):
    paper: ClassVar[str] = "interpretation"
    family: ClassVar[Family] = "general distillation"
    topics: ClassVar[tuple[str, ...]] = ("question answering", "reading comprehension", "hallucination")
    proof: ClassVar[Proof] = Proof(
        "planted signal", "seven kinds of planted faults are eliminated with their reason, and no good item is"
    )

    per_passage: int = Field(2, ge=1, le=20, description="Questions asked about one passage.")
    answer: Literal["span", "free"] = Field(
        "span", description="span: the answer is copied from its evidence. free: sentences that the evidence supports."
    )
    min_support: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Share of the content words that a free answer adds which its evidence must hold.",
    )
    temperature: float = Field(0.0, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(2_048, ge=64, description="Longest answer of the writer, in tokens.")

    async def synthesize(self, passage: Document, /, *, writer: Teacher) -> Sequence[Instruction] | Drop:
        if is_blank(passage.body):
            return Drop("blank_passage")
        reply = await writer.ask(
            QUESTIONS[self.answer],
            into=Questions,
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            passage=tagged("passage", passage.body, title=passage.title),
            count=self.per_passage,
        )
        made = self._checked(passage, reply)
        if any(record.status == "current" for record in made):
            return made
        return Drop("no_question", tally(made), reply.model_dump_json(), reply.call)

    def _checked(self, passage: Document, reply: Questions) -> list[Instruction]:
        asked: set[str] = set()
        made: list[Instruction] = []
        for item in reply.items:
            span = span_of(item.evidence, passage.body, passage.record_id)
            reason = self._why_not(item, span, asked)
            if reason is None:
                asked.add(normalised(item.question))
            made.append(
                Instruction.single(
                    item.question.strip(),
                    item.answer.strip(),
                    parents=(passage,),
                    evidence=(span,) if span else (),
                    status="eliminated" if reason else "current",
                    reason=reason,
                    **written_by(reply.call),
                )
            )
        return made

    def _why_not(self, item: Item, span: Span | None, asked: set[str]) -> str | None:
        """The first reason to eliminate an item, or None."""
        checks = {
            "blank": is_blank(item.question) or not item.answer.strip(),  # an answer may be a bare symbol
            "evidence_not_found": span is None,
            "needs_passage": needs_passage(item.question),
            "repeated_question": normalised(item.question) in asked,
            "unsupported": span is not None and not self._rests_on(item, span),
            "surplus": len(asked) >= self.per_passage,
        }
        return next((reason for reason, fails in checks.items() if fails), None)

    def _rests_on(self, item: Item, span: Span) -> bool:
        if self.answer == "span":
            return is_inside(item.answer, span.text)
        supported = support(item.answer, span.text, item.question)
        return supported > 0 and supported >= self.min_support


_TEXTS = "passage|section|text|paragraph|excerpt|document|article|chapter|page|snippet|example|table|quote|quotation"
_POINTS_AT_TEXT = re.compile(
    rf"""
      \b(?:this|that|above|given|following|provided|preceding|quoted)\s+(?:{_TEXTS})\b
    | \bthe\s+(?:passage|excerpt)\b(?!\s+of\b)
    | \baccording\s+to\s+(?:the|this|that)\s+(?:{_TEXTS}|author)\b
    | \b(?:mentioned|described|stated|shown|discussed|listed|given|defined|explained)\s+
      (?:above|below|here|(?:in|by)\s+(?:the|this|that)\s+(?:{_TEXTS})\b)
    | \bin\s+the\s+(?:{_TEXTS})\s+(?:above|below)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# "Why is it important to ..." has an `it` that stands for nothing; only `it` as an actor needs the passage.
_BARE_SUBJECT = re.compile(
    r"^\W*(?:what|why|how|when|where|which|who)\s+"
    r"(?:(?:is|are|was|were|has|have)\s+(?:this|these|those|they|he|she)|(?:do|does|did|can|must|may)\s+"
    r"(?:it|this|these|those|they|he|she))\b",
    re.IGNORECASE,
)


def needs_passage(question: str) -> bool:
    """Whether a question points at a text, or at something named elsewhere, that its reader does not have."""
    return bool(_POINTS_AT_TEXT.search(question) or _BARE_SUBJECT.search(question))


def tally(records: Sequence[Instruction]) -> str:
    """How often each reason occurs, as one line without record text."""
    counts = Counter(record.reason for record in records if record.reason)
    return ", ".join(f"{reason}: {count}" for reason, count in sorted(counts.items())) or "the teacher wrote no item"
