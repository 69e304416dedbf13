"""Persona Hub's tasks: what a persona would ask or have to solve, with an answer by a plain second request.

Paper: arXiv:2406.20094; tasks and numbers of the released prompts, the wording is ours. A record is a persona, as
`persona_hub` makes them. A text begins with the opening of its task, is one problem of at most two parts, and holds no
solution. As in the paper nobody checks answers; `examples` makes it few-shot, and where they name their own persona
persona-enhanced.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, why_unusable, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.cards.personas import ForPersonas, without_opening
from synth_dagster.parts.text.rewriting import refuses, speaks_of_task
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Document, Instruction, Message
from synth_dagster.services import Answer, Drop, References, Sampling, Teacher, Unusable

TaskName: TypeAlias = Literal["math", "reasoning", "instruction"]
LONGEST_ANSWER = 1_024  # tokens
ANSWERING = Sampling(temperature=0.0, max_tokens=2_048)

OPENINGS: dict[TaskName, str] = {"math": "Math problem:", "reasoning": "Puzzle:", "instruction": "Prompt:"}
_SYSTEM = (
    "You write tasks that a certain person brings, and you write them so that nobody else would have brought them."
)
ASK = {
    "math": prompt(
        system=_SYSTEM,
        user="""
{examples}{persona}Write a hard problem of mathematics out of this person's world, one that an expert has to think
about. It has at most two parts, everything that its solution needs is said, and the solution is not there. Begin with
the words "Math problem:" and write the problem and nothing else.""",
        variables="examples persona",
    ),
    "reasoning": prompt(
        system=_SYSTEM,
        user="""
{examples}{persona}Write a puzzle out of this person's world that is solved by reasoning in several steps, in which
space, time, order or cause matter and common sense misleads. It has one solution, which is not there. Begin with the
word "Puzzle:" and write the puzzle and nothing else.""",
        variables="examples persona",
    ),
    "instruction": prompt(
        system=_SYSTEM,
        user="""
{examples}{persona}Guess what this person would ask an assistant that reads and writes text to do, as exactly as they
would say it, with all that the assistant has to know. Begin with the word "Prompt:" and write the request and nothing
else.""",
        variables="examples persona",
    ),
}
ANSWER = prompt(user="{question}", variables="question")
_SOLVED = re.compile(r"(?im)^\W*(?:solution|answer|explanation)s?\b\W*:")
_PART = re.compile(r"(?m)(?:^|\s)(?:\([a-h1-9]\)|[a-h]\)|part [a-h1-9]\b|question [1-9]\b)", re.IGNORECASE)
MOST_PARTS = 2


class PersonaInstructions(ForPersonas, Synthesizer[Document, Instruction]):
    paper: ClassVar[str] = "arXiv:2406.20094"
    family: ClassVar[Family] = "general distillation"
    topics: ClassVar[tuple[str, ...]] = ("personas", "mathematics", "reasoning", "instruction tuning", "diversity")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Every kept text began with its opening; of planted faults all go; a teacher that ignores personas gives no "
        "more different words than one without them, one that heeds them does.",
    )

    task: TaskName = Field("instruction", description="What the person brings.")

    async def synthesize(
        self, persona: Document, /, *, writer: Teacher, answerer: Teacher, references: References
    ) -> Sequence[Instruction] | Drop:
        if is_blank(persona.body):
            return Drop("blank_persona")
        examples = self.examples_for(persona, references)
        asked = [attempted(self._asked(persona, examples, sample, writer)) for sample in range(self.per_persona)]
        texts = await together(*asked)
        problems = [one for one in texts if isinstance(one, Unusable)]
        if len(problems) == len(texts):
            raise problems[0]
        repeated = _repeated(texts)
        return await together(
            *(self._record(persona, one, again, answerer) for one, again in zip(texts, repeated, strict=True))
        )

    async def _asked(self, persona: Document, examples: str, sample: int, writer: Teacher) -> Answer:
        shown = tagged("persona", persona.body)
        return await writer.tell(
            ASK[self.task], sampling=self.sampling(LONGEST_ANSWER), sample=sample, persona=shown, examples=examples
        )

    async def _record(self, persona: Document, said: Answer | Unusable, again: bool, answerer: Teacher) -> Instruction:
        if isinstance(said, Unusable):
            return self._eliminated(persona, said.raw, said.reason, said)
        question = without_opening(said.text.strip(), OPENINGS[self.task])
        if reason := self._unfit(persona, said, question, again=again):
            return self._eliminated(persona, said.text, reason, said)
        answer = await attempted(answerer.tell(ANSWER, sampling=ANSWERING, question=question))
        if isinstance(answer, Unusable) or why_unusable(answer):
            return self._eliminated(persona, question or "", f"answer_{why_unusable(answer)}", answer)
        return Instruction.single(
            question or "",
            answer.text.strip(),
            parents=(persona,),
            attributes={"task": self.task},
            **written_by(answer.call),
        )

    def _unfit(self, persona: Document, said: Answer, question: str | None, *, again: bool) -> str | None:
        """The first reason why this is no task of the person, or None."""
        text = question or ""
        checks = {
            "cut": said.finish_reason == "length",
            "refusal": refuses(said.text),
            "no_opening": question is None,
            "blank": is_blank(text),
            "other_language": in_another_language([text], persona.body)[0],
            "meta_phrase": speaks_of_task(text),
            "copy": normalised(text) == normalised(persona.body),
            "has_solution": bool(_SOLVED.search(text)),
            "too_many_parts": self.task == "math" and len(_PART.findall(text)) > MOST_PARTS,
            "repeated": again,
        }
        return next((reason for reason, fails in checks.items() if fails), None)

    def _eliminated(self, persona: Document, text: str, reason: str, said: Answer | Unusable) -> Instruction:
        return Instruction(
            messages=(Message("user", text),),
            parents=(persona,),
            attributes={"task": self.task},
            status="eliminated",
            reason=reason,
            **written_by(said.call),
        )


def _repeated(texts: Sequence[Answer | Unusable]) -> list[bool]:
    """Which texts of a persona say what one before them said."""
    seen: set[str] = set()
    found = []
    for one in texts:
        known = normalised("" if isinstance(one, Unusable) else one.text)
        found.append(known in seen)
        seen.add(known)
    return found
