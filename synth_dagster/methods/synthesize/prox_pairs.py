"""ProX's training pairs: pages and windows of them as a small model will be shown them, each with the right call.

Paper: arXiv:2409.17115. A large model gives a page two scores, of which a rule makes `keep_doc()` or `drop_doc()`, and
writes the program for each window of a page that stays; a program with an error is no pair. The first turns of a pair
are the prompt by which `prox` asks, so a model that was trained on an export of them is served as the role `refiner`.
The paper has 46,000 pages and 52,000 windows to learn from, and 5,000 of each held out: `synth export --validation`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, together
from synth_dagster.parts.pages.edit_pairs import calls_of, pair
from synth_dagster.parts.pages.edit_programs import Window, executed, read_program, windows
from synth_dagster.parts.pages.prox_windows import LINES, OPERATIONS, SCORES, WHOLE, Scores, Shown, is_kept
from synth_dagster.parts.text.words import is_blank
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Instruction
from synth_dagster.services import Answer, Drop, Teacher, Unusable

PROMPTS: tuple[Prompt, ...] = (WHOLE, SCORES, LINES)


class ProxPairs(Synthesizer[Document, Instruction], Shown):
    """A call for a page's scores, and one for each window of a page that stays; each gives at most one pair."""

    paper = "arXiv:2409.17115"
    family: ClassVar[Family] = "reformation"
    lifecycle = ("pretrain",)
    topics: ClassVar[tuple[str, ...]] = ("data cleaning", "distillation", "edit programs", "supervised fine-tuning")
    proof = Proof(
        "equation by hand",
        "36 pairs of scores give the calls of the rule; a program with a strange line, another's operation or a string "
        "that is not there is no pair; the first turns are those that `prox` sends.",
    )

    documents: bool = Field(True, description="Pairs of whole pages: keep_doc() or drop_doc().")
    chunks: bool = Field(True, description="Pairs of windows and their programs; keep_chunk() where nothing is to go.")

    @model_validator(mode="after")
    def _makes_something(self) -> Self:
        if not (self.documents or self.chunks):
            raise ValueError("documents: false with chunks: false makes no pair; leave the step out")
        return self

    async def synthesize(self, document: Document, /, *, refiner: Teacher) -> Sequence[Instruction] | Drop:
        if is_blank(document.body):
            return Drop("blank_document")
        whole = [await self._whole(document, refiner)] if self.documents else []
        stays = not whole or whole[0].messages[-1].content == "keep_doc()"
        shown = windows(document.body, self.window_tokens) if self.chunks and stays else []
        answers = await together(*(attempted(self.program_for(document, window, refiner)) for window in shown))
        read = [self._window(document, window, answer) for window, answer in zip(shown, answers, strict=True)]
        pairs = [*whole, *(one for one in read if isinstance(one, Instruction))]
        reasons = Counter(one for one in read if isinstance(one, str))
        return pairs or Drop(
            reasons.most_common(1)[0][0], ", ".join(f"{why} {n}" for why, n in sorted(reasons.items()))
        )

    async def _whole(self, document: Document, refiner: Teacher) -> Instruction:
        scores: Scores = await self.scored(document, refiner)
        right = "keep_doc()" if is_kept(scores.educational, scores.clean) else "drop_doc()"
        about = {"educational": scores.educational, "clean": scores.clean}
        return pair(document, WHOLE, {"document": self.whole(document)}, right, scores.call, about)

    def _window(self, document: Document, window: Window, answer: Answer | Unusable) -> Instruction | str:
        if isinstance(answer, Unusable):
            return answer.reason
        if answer.finish_reason == "length":
            return "cut"
        program = read_program(answer.text, window, OPERATIONS)
        if executed(document.body, program).errors:
            return "wrong_program"
        shown = {"lines": self.lines(document, window)}
        return pair(
            document, LINES, shown, calls_of(program, "keep_chunk()"), answer.call, {"first_line": window.first}
        )
