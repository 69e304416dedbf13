"""RefineX's training pairs: windows of pages as a small model will see them, and the program of an expert's deletions.

Paper: arXiv:2507.03253. An expert writes each window anew; only what it deleted counts, and a window in which it
inserted a long piece, or deleted less than ten characters, is no pair. The first turns of a pair are the prompt by
which `refinex: {writes: program}` asks, so a model that was trained on an export of them is served as the role
`refiner` and does what the expert would have done. The expert is asked as `refinex` asks it: what either has paid the
other has free.
"""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, together
from synth_dagster.parts.pages.edit_pairs import calls_of, pair
from synth_dagster.parts.pages.edit_programs import Window
from synth_dagster.parts.pages.refinex_windows import EXPERT, WRITTEN, Windows
from synth_dagster.parts.text.words import is_blank
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Instruction
from synth_dagster.services import Answer, Drop, Teacher, Unusable

PROMPTS: tuple[Prompt, ...] = (EXPERT, WRITTEN)


class RefinexPairs(Synthesizer[Document, Instruction], Windows):
    """One call for each window of a page, and at most one pair."""

    paper = "arXiv:2507.03253"
    family: ClassVar[Family] = "reformation"
    lifecycle = ("pretrain",)
    topics: ClassVar[tuple[str, ...]] = ("data cleaning", "distillation", "edit programs", "supervised fine-tuning")
    proof = Proof(
        "planted signal",
        "Of 300 random deletions each program executed gives the expert's page; of 10 % planted insertions none is a "
        "pair; a model that knows the pairs by heart cleans the pages as the expert did.",
    )

    unchanged: bool = Field(
        False, description="Also pairs of windows without a deletion, keep_all(); the paper has none of them."
    )

    async def synthesize(self, document: Document, /, *, refiner: Teacher) -> Sequence[Instruction] | Drop:
        if is_blank(document.body):
            return Drop("blank_document")
        shown = self.windows_of(document.body)
        answers = await together(*(attempted(self.by_expert(document, window, refiner)) for window in shown))
        read = [self._pair(document, window, answer) for window, answer in zip(shown, answers, strict=True)]
        pairs = [one for one in read if isinstance(one, Instruction)]
        reasons = Counter(one for one in read if isinstance(one, str))
        return pairs or Drop(
            reasons.most_common(1)[0][0], ", ".join(f"{why} {n}" for why, n in sorted(reasons.items()))
        )

    def _pair(self, document: Document, window: Window, answer: Answer | Unusable) -> Instruction | str:
        if isinstance(answer, Unusable):
            return answer.reason
        told = self.learnt(window, answer)
        if isinstance(told, str):
            return told
        nothing = told.deleted == told.skipped == 0
        if told.deleted < self.least_deletion and not (nothing and self.unchanged):
            return "nothing_deleted" if nothing else "little_deleted"
        lines = {"before": self.before(document, window), "lines": self.numbered(document, window)}
        about = {"first_line": window.first, "deleted": told.deleted, "skipped": told.skipped}
        return pair(document, WRITTEN, lines, calls_of(told.program, "keep_all()"), answer.call, about)
