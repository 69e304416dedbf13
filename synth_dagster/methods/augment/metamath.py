"""MetaMath: four ways to new mathematics from a problem whose answer is known; what ends elsewhere is dropped.

Paper: arXiv:2309.12284. A problem is answered again (ansaug), reworded and answered (rephrase), and asked backwards:
one of its numbers becomes x, the answer is told (fobar) or stated as a fact (sv), and x is asked for. Masking, the
clause of sv and the comparison of answers follow the released code, the prompts are ours. The released code keeps wrong
answers; here only a response whose final answer equals the known one stays.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from synth_dagster.method import Augmenter, Family, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.mathematics.answers import final_answer, known_answer, same_answer
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.prompt import Prompt
from synth_dagster.records import Instruction, Json
from synth_dagster.services import Answer, Call, Drop, Reply, Sampling, Teacher, Unusable

Branch: TypeAlias = Literal["ansaug", "rephrase", "sv", "fobar"]

SOLVE = prompt(
    system="You solve problems step by step, with every calculation written out. You never guess.",
    user="""
Two examples of the form that is wanted.

Problem: A shelf holds 4 rows of 6 jars. Nine jars are sold. How many jars are left?
Solution: The shelf holds 4 * 6 = 24 jars. After the sale 24 - 9 = 15 jars are left.
The answer is: 15

Problem: A ticket costs $x. Five tickets cost $35. What is the value of x?
Solution: Five tickets cost 5 * x = 35 dollars, so x = 35 / 5 = 7.
The value of x is: 7

{problem}Solve the problem. The last line is "The answer is: " with the number alone, or "The value of x is: " with the
number alone where x is asked for. If the problem does not determine the answer, say so instead.
""",
    variables="problem",
)
REPHRASE = prompt(
    system="You reword problems of mathematics. What is given and what is asked for stay exactly the same.",
    user="""
{problem}Write the problem in other words. Keep every number and every condition, and ask for the same thing.
""",
    variables="problem",
)
DECLARE = prompt(
    system="You turn a question and its answer into one sentence that states the answer as a fact.",
    user="""
{clause}{answer}Write the question and its answer as one declarative sentence.
""",
    variables="clause answer",
)
# The forms of a question that is asked backwards: part of a problem, and written down with the prompts.
TOLD = prompt(
    "{backward} Suppose the answer to this question is {answer}. What is the value of {unknown}?",
    variables="backward answer unknown",
)
STATED = prompt("{rest} {statement} What is the value of {unknown}?", variables="rest statement unknown")


class Rephrased(Reply):
    question: str = Field(description="The reworded problem alone.")


class Declared(Reply):
    statement: str = Field(description="One declarative sentence.")


@dataclass(frozen=True, slots=True)
class Backward:
    """A problem with one of its numbers hidden, and that number."""

    question: str
    masked: str


class Metamath(Augmenter[Instruction, Instruction]):
    """Every attempt stays: the right ones are current, the others eliminated with their reason."""

    paper: ClassVar[str] = "arXiv:2309.12284"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "reasoning", "word problems")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "In stored questions the released code's numbers are hidden and its answers right, but for what is named; of "
        "30 % planted wrong solutions none is kept, all others are; "
        "2,800 solutions by four real models of 700 problems are judged as the data marks them, each.",
    )

    branches: Annotated[tuple[Branch, ...], Field(min_length=1)] = Field(
        ("ansaug", "rephrase", "sv", "fobar"), description="Which of the four ways are taken."
    )
    samples: int = Field(
        2,
        ge=1,
        le=40,
        description="Answers to each question; 2 in the released scripts, 40 as their program's default.",
    )
    backward: int = Field(
        20, ge=1, le=100, description="Most numbers of a problem that become x; the code takes all of them."
    )
    unknown: Literal["x", "X"] = Field("x", description="What stands for the hidden number; X in the code for MATH.")
    symbolic: bool = Field(
        False, description="Compare answers that are formulas by what they are worth: 2(x+1) is 2x + 2."
    )
    temperature: float = Field(0.7, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(1_024, ge=64, description="Longest answer of the writer, in tokens.")

    async def augment(self, record: Instruction, /, *, writer: Teacher) -> Sequence[Instruction] | Drop:
        if is_blank(record.instruction):
            return Drop("blank_instruction")
        known = known_answer(record)
        if known is None:
            return Drop("no_final_answer", "Nothing can be checked without a known answer.")
        problem = _Problem(self, record, known, writer)
        ways = await together(*(getattr(problem, branch)() for branch in dict.fromkeys(self.branches)))
        found = [outcome for way in ways for outcome in way]
        unusable = [problem for _, problem in found if problem]
        if found and len(unusable) == len(found):
            raise unusable[0]  # nothing came back: the record is a reject, to be tried again
        made = without_repeats([variant for variant, _ in found])
        return made or Drop("no_number", "The problem holds no number that could become the unknown.")


Outcome: TypeAlias = tuple[Instruction, Unusable | None]


@dataclass(frozen=True)
class _Problem:
    """One problem and its known answer, on the four ways."""

    method: Metamath
    record: Instruction
    known: str
    writer: Teacher

    async def ansaug(self) -> list[Outcome]:
        return await self._solved("ansaug", self.record.instruction, self.known)

    async def rephrase(self) -> list[Outcome]:
        problem = tagged("problem", self.record.instruction)
        asked = (self._asked(REPHRASE, Rephrased, sample, problem=problem) for sample in range(self.method.samples))
        reworded = await together(*map(attempted, asked))
        ways = [self._reworded(one, sample) for sample, one in enumerate(reworded)]
        return [outcome for way in await together(*ways) for outcome in way]

    async def _reworded(self, reworded: Rephrased | Unusable, sample: int) -> list[Outcome]:
        if isinstance(reworded, Unusable):
            return [self._failed("rephrase", reworded, sample)]
        question = reworded.question.strip()
        if is_blank(question) or normalised(question) == normalised(self.record.instruction):
            reason = "blank" if is_blank(question) else "not_reworded"
            return [(self._variant("rephrase", question, None, reworded.call, sample, reason), None)]
        return await self._solved("rephrase", question, self.known, first=sample, samples=1)

    async def fobar(self) -> list[Outcome]:
        ways = [
            self._solved("fobar", self._backward(TOLD, backward=one.question, answer=self.known), one.masked)
            for one in self._masked()
        ]
        return [outcome for way in await together(*ways) for outcome in way]

    async def sv(self) -> list[Outcome]:
        rest, clause = split_clause(self.record.instruction)
        if not self._masked(rest):
            return []
        asked = self._asked(DECLARE, Declared, 0, clause=tagged("clause", clause), answer=tagged("answer", self.known))
        declared = await attempted(asked)
        if isinstance(declared, Unusable):
            return [self._failed("sv", declared, 0)]
        statement = declared.statement.strip()
        ways = [
            self._solved("sv", self._backward(STATED, rest=one.question, statement=statement), one.masked)
            for one in self._masked(rest)
        ]
        return [outcome for way in await together(*ways) for outcome in way]

    def _masked(self, text: str | None = None) -> list[Backward]:
        found = masked(self.record.instruction if text is None else text, self.method.unknown)
        return list(found)[: self.method.backward]

    def _backward(self, form: Prompt, **values: str) -> str:
        (turn,) = form.messages(values | {"unknown": self.method.unknown})
        return turn["content"]

    # ------------------------------------------------------------------------------------------------------- one answer

    async def _solved(
        self, branch: Branch, question: str, wanted: str, *, first: int = 0, samples: int | None = None
    ) -> list[Outcome]:
        numbers = range(first, first + (samples or self.method.samples))
        answers = await together(*(attempted(self._answer(question, number)) for number in numbers))
        return [
            self._failed(branch, answer, number, question)
            if isinstance(answer, Unusable)
            else (self._judged(branch, question, answer, wanted, number), None)
            for number, answer in zip(numbers, answers, strict=True)
        ]

    async def _answer(self, question: str, sample: int) -> Answer:
        problem = tagged("problem", question)
        return await self.writer.tell(SOLVE, sampling=self._sampling(), sample=sample, problem=problem)

    async def _asked(self, asks: Any, into: Any, sample: int, **values: str) -> Any:
        return await self.writer.ask(asks, into=into, sampling=self._sampling(), sample=sample, **values)

    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.method.temperature, max_tokens=self.method.max_tokens)

    def _judged(self, branch: Branch, question: str, answer: Answer, wanted: str, sample: int) -> Instruction:
        text = answer.text.strip()
        said = final_answer(text)
        reason = why_not(answer, said, wanted, symbolic=self.method.symbolic)
        masked_value = wanted if branch in ("sv", "fobar") else None
        return self._variant(branch, question, text, answer.call, sample, reason, said=said, masked_value=masked_value)

    def _failed(self, branch: Branch, problem: Unusable, sample: int, question: str | None = None) -> Outcome:
        asked = self.record.instruction if question is None else question
        return self._variant(branch, asked, problem.raw, problem.call, sample, problem.reason), problem

    def _variant(
        self,
        branch: Branch,
        question: str,
        response: str | None,
        call: Call | None,
        sample: int,
        reason: str | None,
        *,
        said: str | None = None,
        masked_value: str | None = None,
    ) -> Instruction:
        attributes: dict[str, Json] = {"branch": branch, "sample": sample, "correct": reason is None}
        attributes |= {"final_answer": said} if said is not None else {}
        attributes |= {"masked_value": masked_value} if masked_value is not None else {}
        return Instruction.single(
            question,
            response or "",
            parents=(self.record,),
            attributes=attributes,
            status="eliminated" if reason else "current",
            reason=reason,
            **written_by(call),
        )


# ---------------------------------------------------------------------------------------------- the rules, as functions

_NUMBER_WORDS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve fifth sixteen half".split()  # noqa: SIM905  as in the code
)
_NO_NUMBER = frozenset("\n:()[]{}*\"'+-\u2013\u2014\u201c\u201d")
_AROUND = re.compile(r"^(\$?)(.*?)(%?[.,;?!]*)$")
_CLAUSE = re.compile(r"[,.](?=\s)")


def why_not(answer: Answer, said: str | None, wanted: str, *, symbolic: bool = False) -> str | None:
    """Why a response is not kept: it was cut, names no answer, or another one."""
    if answer.finish_reason == "length":
        return "cut"
    if said is None:
        return "no_final_answer"
    return None if same_answer(said, wanted, symbolic=symbolic) else "wrong_answer"


def masked(question: str, unknown: str = "x") -> Iterator[Backward]:
    """The question once for each number in it, hidden; a number is what the released code takes for one.

    Split at spaces, a token counts when it is a listed number word, or has a digit and neither a letter nor one of the
    marks that stand in times, lists and formulas. A dollar sign before it, a percent sign and marks after it stay.
    """
    tokens = question.split(" ")
    for place, token in enumerate(tokens):
        if is_number(token):
            before, number, after = _AROUND.match(token).groups()  # type: ignore[union-attr]  # matches any token
            hidden = [*tokens[:place], f"{before}{unknown}{after}", *tokens[place + 1 :]]
            yield Backward(" ".join(hidden), number)


def is_number(token: str) -> bool:
    """Whether the released code would hide a token."""
    if token in _NUMBER_WORDS:
        return True
    has_letter = any(character.isalpha() for character in token)
    return any(character.isdecimal() for character in token) and not has_letter and not _NO_NUMBER & set(token)


def split_clause(question: str) -> tuple[str, str]:
    """The question without its asking clause, and that clause: what stands after the last comma or full stop."""
    ends = list(_CLAUSE.finditer(question.rstrip()))
    if not ends:
        return "", question.strip()
    return question[: ends[-1].end()], question[ends[-1].end() :].strip()


def without_repeats(variants: Sequence[Instruction]) -> list[Instruction]:
    """The variants, a path of reasoning that came before to the same question being eliminated."""
    seen: set[tuple[str, str]] = set()
    kept: list[Instruction] = []
    for variant in variants:
        path = (normalised(variant.instruction), normalised(variant.response))
        repeats = variant.status == "current" and path in seen
        seen.add(path)
        kept.append(replace(variant, status="eliminated", reason="repeated") if repeats else variant)
    return kept
