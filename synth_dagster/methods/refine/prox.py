"""ProX: a small model writes a program for each document, and an executor keeps, cleans or drops the document by it.

Paper: arXiv:2409.17115, and its code where the two differ. First `keep_doc()` or `drop_doc()` for the whole, then
`remove_lines` and `normalize` for windows of whole lines, whose numbers go on through the document. The prompts are
ours; the paper's model was trained to answer without one. A program with two errors changes nothing.
"""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.asking.calls import together, written_by
from synth_dagster.parts.pages.edit_programs import (
    Executed,
    Normalise,
    Program,
    Window,
    executed,
    joined,
    read_program,
    windows,
    written,
)
from synth_dagster.parts.pages.prox_windows import LINES, OPERATIONS, PROGRAMS, SCORES, WHOLE, Scores, Shown, is_kept
from synth_dagster.parts.pages.published_programs import executed_as_published, read_as_published
from synth_dagster.parts.text.words import is_blank, words
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Json
from synth_dagster.services import Drop, Teacher

PROMPTS: tuple[Prompt, ...] = (WHOLE, SCORES, LINES)


class Prox(Refiner[Document], Shown):
    """Drops documents whose program says so, and cleans the others; `attributes["prox"]` has program and errors."""

    paper = "arXiv:2409.17115"
    proof = Proof(
        "official parity",
        "240 programs, malformed ones among them, end as with the published functions; 36 pairs of scores by hand.",
    )

    documents: Literal["program", "scores", "keep"] = Field(
        "program", description="Ask for keep_doc() or drop_doc(), for the two scores that the paper labels by, or not."
    )
    chunks: bool = Field(True, description="Clean what is kept by programs for windows of lines.")
    reading: Literal["strict", "published"] = Field(
        "strict",
        description="strict: every call that cannot be done counts as an error. published: as the paper's code reads, "
        "which cuts strings at commas and passes over strings that are not there.",
    )
    most_errors: int = Field(1, ge=0, description="Errors a program may have; with more, the text stays as it is.")
    least_words: int = Field(10, ge=0, description="A document with so many words left, or fewer, is dropped.")
    least_share: float = Field(0.05, ge=0, le=1, description="A document with this share of its words left is dropped.")

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.documents == "keep" and not self.chunks:
            raise ValueError("documents: keep with chunks: false does nothing; leave the step out")
        return self

    async def refine(self, document: Document, /, *, refiner: Teacher) -> Document | Drop:
        if is_blank(document.body):
            return Drop("blank_document")
        dropped = await self._verdict(document, refiner)
        if dropped or not self.chunks:
            return dropped or document
        shown = windows(document.body, self.window_tokens)
        answers = await together(*(self.program_for(document, window, refiner) for window in shown))
        program = self._read([answer.text for answer in answers], shown)
        done = (executed if self.reading == "strict" else executed_as_published)(document.body, program)
        return self._outcome(document, program, done, answers)

    # ------------------------------------------------------------------------------------------------------- asking

    async def _verdict(self, document: Document, refiner: Teacher) -> Drop | None:
        if self.documents == "program":
            answer = await refiner.tell(WHOLE, sampling=PROGRAMS, document=self.whole(document))
            # as in the code, which finds the word anywhere
            return Drop("drop_doc", call=answer.call) if "drop" in answer.text else None
        if self.documents == "scores":
            scores: Scores = await self.scored(document, refiner)
            return None if is_kept(scores.educational, scores.clean) else Drop("low_scores", call=scores.call)
        return None

    def _read(self, answers: list[str], shown: list[Window]) -> Program:
        if self.reading == "published":
            return read_as_published("\n".join(answer.strip(" ") for answer in answers))
        return joined(read_program(text, window, OPERATIONS) for text, window in zip(answers, shown, strict=True))

    # ------------------------------------------------------------------------------------------------------ outcome

    def _outcome(self, document: Document, program: Program, done: Executed, answers: Any) -> Document | Drop:
        left = self.fate(document.body, done)
        if left == "":
            return Drop("nothing_left", f"{len(done.text.split())} words of {len(document.body.split())}")
        if left == document.body and not done.errors:
            return document
        told: dict[str, Json] = {"program": written(program), "errors": done.errors, "edited": left != document.body}
        wrote = left != document.body and brings_words(program, document.body)
        return document.but(
            body=left,
            attributes={**document.attributes, "prox": told},
            **(written_by(answers[0].call) if wrote else {}),
        )

    def fate(self, text: str, done: Executed) -> str:
        """What becomes of a text: "" to drop it, the text itself after too many errors, else what the program left."""
        left, words_before = len(done.text.split()), len(text.split())
        trusted = done.errors <= self.most_errors
        if (trusted and left <= self.least_share * words_before) or left <= self.least_words:
            return ""
        return done.text if trusted else text


def brings_words(program: Program, text: str) -> bool:
    """Whether a replacement brings a word that the text did not have: then a model wrote part of it."""
    known = set(words(text))
    return any(set(words(one.target)) - known for one in program.of(Normalise))
