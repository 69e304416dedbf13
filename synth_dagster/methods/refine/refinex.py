"""RefineX: documents lose noise and nothing else happens to them, whoever is asked: only deletions are executed.

Paper: arXiv:2507.03253. An expert rewrites a window of the document freely; what it deleted becomes a program, what it
inserted is not learnt, and a window with a long insertion is left alone. Or a model trained on such programs writes
them itself. Either way the new text is the old one with characters left out. The prompts are ours.
"""

from typing import Literal

from pydantic import Field

from synth_dagster.errors import MethodError
from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.asking.calls import attempted, together
from synth_dagster.parts.pages.edit_programs import (
    Program,
    Window,
    executed,
    is_subsequence,
    joined,
    read_program,
    written,
)
from synth_dagster.parts.pages.refinex_windows import BY_PROGRAM, EXPERT, OPERATIONS, WRITTEN, Windows
from synth_dagster.parts.text.words import is_blank
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Json
from synth_dagster.services import Answer, Drop, Teacher, Unusable

PROMPTS: tuple[Prompt, ...] = (EXPERT, WRITTEN)


class Refinex(Refiner[Document], Windows):
    """Leaves out noise; `attributes["refinex"]` has the program and how many windows were left alone, with reasons."""

    paper = "arXiv:2507.03253"
    proof = Proof(
        "planted signal",
        "1,000 random deletions come back exactly; every result is a subsequence; all planted insertions are refused.",
    )

    writes: Literal["page", "program"] = Field(
        "page",
        description="page: an expert gives the page, and its deletions count. program: a model writes the calls.",
    )

    async def refine(self, document: Document, /, *, refiner: Teacher) -> Document | Drop:
        if is_blank(document.body):
            return Drop("blank_document")
        shown = self.windows_of(document.body)
        answers = await together(*(attempted(self._asked(document, window, refiner)) for window in shown))
        failed = [one for one in answers if isinstance(one, Unusable)]
        if len(failed) == len(answers) and failed[0].call is not None:
            raise failed[0]  # nothing came back: a reject, to be tried again
        read = [self._program(window, answer) for window, answer in zip(shown, answers, strict=True)]
        return self._outcome(document, joined(program for program, _ in read), [why for _, why in read if why])

    async def _asked(self, document: Document, window: Window, refiner: Teacher) -> Answer:
        if self.writes == "page":
            return await self.by_expert(document, window, refiner)
        before, lines = self.before(document, window), self.numbered(document, window)
        return await refiner.tell(WRITTEN, sampling=BY_PROGRAM, before=before, lines=lines)

    # -------------------------------------------------------------------------------------------------- from answers

    def _program(self, window: Window, answer: Answer | Unusable) -> tuple[Program, str]:
        """What may be executed of an answer, and why a window is left alone."""
        if isinstance(answer, Unusable):
            return Program(), answer.reason
        if self.writes == "program":
            cut = answer.finish_reason == "length"
            return (Program(), "cut") if cut else (read_program(answer.text, window, OPERATIONS), "")
        told = self.learnt(window, answer)
        if isinstance(told, str):
            return Program(), told
        return (told.program if told.deleted >= self.least_deletion else Program()), ""

    def _outcome(self, document: Document, program: Program, left_alone: list[str]) -> Document | Drop:
        done = executed(document.body, program)
        if not is_subsequence(done.text, document.body):
            raise MethodError("'refinex' made a text that is not the old one with characters left out. Report this.")
        if is_blank(done.text):
            return Drop("nothing_left")
        if done.text == document.body and not left_alone and not done.errors:
            return document
        told: dict[str, Json] = {"program": written(program), "errors": done.errors}
        if left_alone:
            told["left_alone"] = {why: left_alone.count(why) for why in sorted(set(left_alone))}
        return document.but(body=done.text, attributes={**document.attributes, "refinex": told})
