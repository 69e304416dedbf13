"""A text that is a problem with its worked solution becomes an instruction with a known final answer.

Ours: the way in for data such as GSM8K, and no model is asked. The first paragraph is the problem, what follows is the
solution; its end names the answer by `####`, `\\boxed{}` or in words. Both are taken over word for word, but for
GSM8K's calculator marks and the last line, which then always reads "The answer is: ...".
"""

import re
from collections.abc import Sequence
from typing import ClassVar

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.mathematics.answers import final_answer
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Instruction, Span
from synth_dagster.services import Drop

_PARTS = re.compile(r"\s*(?P<question>\S.*?)\s*\n[^\S\n]*\n\s*(?P<solution>\S.*\S)\s*", re.DOTALL)
_CALCULATOR = re.compile(r"<<[^<>\n]*>>")
_LAST_LINE = re.compile(r"^####.*\Z", re.MULTILINE)


class WorkedProblem(Synthesizer[Document, Instruction]):
    """Splits a document into problem and solution; a document that is neither is dropped with the reason."""

    paper: ClassVar[str] = "interpretation"
    family: ClassVar[Family] = "reformation"
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "reasoning")
    proof: ClassVar[Proof] = Proof("equation by hand", "The 7,473 final answers of GSM8K's training set are all found.")

    async def synthesize(self, document: Document, /) -> Sequence[Instruction] | Drop:
        parts = _PARTS.fullmatch(document.body)
        if is_blank(document.body) or parts is None:
            return Drop("no_solution", "A problem, a blank line and its solution are expected.")
        answer = final_answer(parts["solution"])
        if answer is None:
            return Drop(
                "no_final_answer", "The solution must end with #### 42, \\boxed{42} or a sentence that says it."
            )
        evidence = tuple(Span(document.record_id, *parts.span(name), parts[name]) for name in ("question", "solution"))
        response = worked(parts["solution"], answer)
        attributes = {"final_answer": answer}
        return [
            Instruction.single(
                parts["question"], response, parents=(document,), evidence=evidence, attributes=attributes
            )
        ]


def worked(solution: str, answer: str) -> str:
    """The solution as a person would write it down, closing with the answer in one form."""
    text = _LAST_LINE.sub("", _CALCULATOR.sub("", solution)).rstrip()
    said = f"The answer is: {answer}"
    return text if text.endswith(said) else f"{text}\n{said}" if text else said
