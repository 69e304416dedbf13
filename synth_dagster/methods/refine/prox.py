"""ProX: a small model writes a program for each document, and an executor keeps, cleans or drops the document by it.

Paper: arXiv:2409.17115, and its code where the two differ. First `keep_doc()` or `drop_doc()` for the whole, then
`remove_lines` and `normalize` for windows of whole lines, whose numbers go on through the document. The prompts are
ours; the paper's model was trained to answer without one. A program with two errors changes nothing.
"""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.asking.asking import prompt, tagged, together, written_by
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
from synth_dagster.parts.pages.published_programs import executed_as_published, read_as_published
from synth_dagster.parts.text.tokens import place_after
from synth_dagster.parts.text.words import is_blank, words
from synth_dagster.records import Document, Json
from synth_dagster.services import Answer, Drop, Reply, Sampling, Teacher

OPERATIONS = ("remove_lines", "normalize", "keep_chunk")

# The paper decodes greedily; its code asks for at most 256 tokens of program.
PROGRAMS = Sampling(temperature=0.0, top_p=0.9, max_tokens=256)
SCORING = Sampling(temperature=0.0, max_tokens=256)

WHOLE = prompt(
    system="You decide whether web pages are worth training a language model on. You answer with one call.",
    user="""
{document}Is this worth reading for somebody who wants to learn? Answer keep_doc() if it is, and drop_doc() if it is
advertising, a list of links, a form, an error page, or text that says nothing.
""",
    variables="document",
)

SCORES = prompt(
    system="You judge web pages as material for training a language model.",
    user="""
{document}Give two whole numbers from 0 to 5.

educational: 0 teaches nothing; 1 has some facts among advertising or gossip; 2 touches on what is taught, without
order; 3 would do as reading for a class, with gaps or things beside the point; 4 is clear and to the point, like a
textbook; 5 could be handed out in class as it is.

clean: 0 cannot be read; 1 is mostly menus, links and broken pieces; 2 is half text, half noise; 3 is text with noise in
several places; 4 is text with little noise; 5 is whole, well laid out text.
""",
    variables="document",
)

LINES = prompt(
    system="You clean web pages by writing edits. You answer with calls and nothing else.",
    user="""
{lines}Each line begins with its number in brackets. Write one call a line:

remove_lines(line_start=A, line_end=B) for lines that are menus, links, buttons, footers, counters or advertising;
normalize(source_str="...", target_str="...") for a piece of noise inside good lines, quoted letter by letter;
keep_chunk() if nothing is to be changed.

Do not touch what belongs to the text. Do not answer anything but calls.
""",
    variables="lines",
)


class Scores(Reply):
    """How much a page teaches, and how clean it is."""

    educational: int = Field(ge=0, le=5, description="0 to 5: how much the page teaches.")
    clean: int = Field(ge=0, le=5, description="0 to 5: how clean its text is.")


class Prox(Refiner[Document]):
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
    document_tokens: int = Field(2_000, ge=100, description="How much of a document its verdict is asked about.")
    window_tokens: int = Field(1_500, ge=50, description="Longest window of lines; a longer line is one of its own.")
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
        answers = await together(*(self._program_for(document, window, refiner) for window in shown))
        program = self._read([answer.text for answer in answers], shown)
        done = (executed if self.reading == "strict" else executed_as_published)(document.body, program)
        return self._outcome(document, program, done, answers)

    # ------------------------------------------------------------------------------------------------------- asking

    async def _verdict(self, document: Document, refiner: Teacher) -> Drop | None:
        body = document.body[: place_after(document.body, self.document_tokens)]
        shown = tagged("document", body, title=document.title)
        if self.documents == "program":
            answer = await refiner.tell(WHOLE, sampling=PROGRAMS, document=shown)
            # as in the code, which finds the word anywhere
            return Drop("drop_doc", call=answer.call) if "drop" in answer.text else None
        if self.documents == "scores":
            scores = await refiner.ask(SCORES, into=Scores, sampling=SCORING, document=shown)
            return None if is_kept(scores.educational, scores.clean) else Drop("low_scores", call=scores.call)
        return None

    async def _program_for(self, document: Document, window: Window, refiner: Teacher) -> Answer:
        lines = window.numbered(self.window_tokens)
        return await refiner.tell(LINES, sampling=PROGRAMS, lines=tagged("lines", lines, title=document.title))

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


def is_kept(educational: int, clean: int) -> bool:
    """The paper's rule over two scores of 0 to 5: what teaches is kept, and what nearly does if it is clean."""
    return educational >= 3 or (educational == 2 and clean >= 4)


def brings_words(program: Program, text: str) -> bool:
    """Whether a replacement brings a word that the text did not have: then a model wrote part of it."""
    known = set(words(text))
    return any(set(words(one.target)) - known for one in program.of(Normalise))
