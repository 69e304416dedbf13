"""WRAP: documents rewritten in chosen styles, to be trained on beside the originals.

Paper: arXiv:2401.16380. A document is cut into pieces of at most 300 tokens, each is rewritten once in every style,
and answers are freed of announcements; one that still speaks of the task is dropped. The prompts are ours. The
originals stay: the paper's mix is one part real text to one part rewritten, which `fixed_ratio: {by: origin}` gives.
Holding a rewriting to the names and numbers of its document is ours too.
"""

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from synth_dagster.method import Augmenter, Proof
from synth_dagster.parts.asking.calls import attempted, tagged, together, written_by
from synth_dagster.parts.asking.rephrasing import rephrasing
from synth_dagster.parts.text.rewriting import (
    STYLES,
    StyleName,
    invented,
    kept_share,
    pieces,
    refuses,
    speaks_of_task,
    without_lead_in,
)
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Document
from synth_dagster.services import Answer, Drop, Sampling, Teacher, Unusable

SYSTEM = "You are a careful assistant who rewrites texts for people."
REPHRASE = {style: rephrasing(style, told.how, system=SYSTEM) for style, told in STYLES.items()}


class Wrap(Augmenter[Document, Document]):
    """One document for each piece and style; what is no good stays as an eliminated record with its reason."""

    paper: ClassVar[str] = "arXiv:2401.16380"
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Pieces lose nothing and keep to 300 tokens; 22 answers are cleaned exactly; all planted faults are dropped. "
        "Small students that read rephrased beside noisy pages have a perplexity of 1.58 on clean ones, of 1.62 with "
        "noisy alone, of 1.69 with edits of words, in this order in each of six seeds, where the web has forms that "
        "styles rewrite into; where it has none of them noisy pages alone are best, 1.68 to 1.72 "
        "(`python -m benchmarks.students wrap`).",
    )

    styles: Annotated[tuple[StyleName, ...], Field(min_length=1)] = Field(
        ("easy", "medium", "hard", "qa"), description="The styles that every piece is rewritten in."
    )
    piece_tokens: int = Field(300, ge=20, le=8_000, description="Longest piece; longer ones lose information.")
    keep_facts: bool = Field(
        True, description="Drop a rewriting with a name or number that its document lacks; the paper does not check."
    )
    min_facts: float = Field(
        0.0, ge=0, le=1, description="Least share of the piece's names and numbers that a rewriting must hold."
    )
    temperature: float = Field(0.7, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(1_024, ge=64, description="Longest answer of the writer, in tokens.")

    @field_validator("styles")
    @classmethod
    def _each_once(cls, styles: tuple[StyleName, ...]) -> tuple[StyleName, ...]:
        if len(set(styles)) < len(styles):
            raise ValueError("a style is named twice; every piece is rewritten once in each, name each once")
        return styles

    async def augment(self, document: Document, /, *, writer: Teacher) -> Sequence[Document] | Drop:
        parts = [part for part in pieces(document.body, self.piece_tokens) if not is_blank(part)]
        if not parts:
            return Drop("blank_document")
        asked: list[tuple[int, str, StyleName]]
        asked = [(place, part, style) for place, part in enumerate(parts) for style in self.styles]
        answers = await together(*(attempted(self._ask(writer, document, part, style)) for _, part, style in asked))
        problems = [answer for answer in answers if isinstance(answer, Unusable)]
        if len(problems) == len(answers):
            raise problems[0]  # nothing came back: the document is a reject, to be tried again
        return [
            self._made(document, place, part, style, answer)
            for (place, part, style), answer in zip(asked, answers, strict=True)
        ]

    async def _ask(self, writer: Teacher, document: Document, part: str, style: StyleName) -> Answer:
        return await writer.tell(
            REPHRASE[style],
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            passage=tagged("passage", part, title=document.title),
        )

    def _made(self, document: Document, place: int, part: str, style: StyleName, answer: Answer | Unusable) -> Document:
        failed = isinstance(answer, Unusable)
        text = answer.raw if failed else without_lead_in(answer.text)
        reason = answer.reason if failed else self._why_not(text, answer, part, document, style)
        return Document(
            body=text,
            title=document.title,
            url=document.url,
            parents=(document,),
            attributes={"style": style, "piece": place},
            status="eliminated" if reason else "current",
            reason=reason,
            **written_by(answer.call),
        )

    def _why_not(self, text: str, answer: Answer, part: str, document: Document, style: StyleName) -> str | None:
        """The first reason to eliminate a rewriting, or None. What the whole document names is not made up."""
        checks = {
            "cut": answer.finish_reason == "length",
            "blank": is_blank(text),
            "refusal": refuses(text),
            "meta_phrase": speaks_of_task(text) and not speaks_of_task(part),
            "copy": normalised(text) == normalised(part),
            "wrong_form": not re.search(STYLES[style].form, text),
            "invented_fact": self.keep_facts and bool(invented(text, f"{document.title or ''}\n{document.body}")),
            "lost_facts": kept_share(part, [text]) < self.min_facts,
        }
        return next((reason for reason, fails in checks.items() if fails), None)
