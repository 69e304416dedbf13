"""CHASE's chains of problems (arXiv:2502.14678): each step is about the answer before, which nobody states."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pydantic import Field

from synth_dagster.records import Instruction
from synth_dagster.services import Call, Reply

WINDOW = 3  # contexts that are mended and solved together, in the released code


class Step(Reply):
    statement: str = Field(description="The answer to the problem, stated as a fact in one sentence.")
    new_context: str = Field(description="One operation on that answer. It does not say the answer.")
    question: str = Field(description="The new question alone: what comes of the operation?")
    reasoning: str = Field(description="How the new answer follows from the answer to the problem, with its number.")
    answer: str = Field(description="The new answer, a number alone.")


class FirstStep(Step):
    context: str = Field(description="What the problem tells, word for word, without its question.")


@dataclass(frozen=True, slots=True)
class Chain:
    """A problem with its steps. `texts` is what the seed tells and what each step adds; a seed alone has none yet."""

    problem: str  # what the next step goes on from: the answer before as a fact, the last context and its question
    question: str
    answers: tuple[Fraction, ...]  # the seed's first
    reasonings: tuple[str, ...]
    texts: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()  # each states the answer that a step began with
    call: Call | None = None

    @classmethod
    def of(cls, seed: Instruction, answer: Fraction) -> "Chain":
        return cls(seed.instruction, seed.instruction, (answer,), (seed.response,))

    @property
    def depth(self) -> int:
        return len(self.statements)

    def grown(self, step: Step, context: str, answer: Fraction) -> "Chain":
        texts = self.texts or ((step.context,) if isinstance(step, FirstStep) else ())
        return Chain(
            f"{step.statement} {context} {step.question}",
            step.question,
            (*self.answers, answer),
            (*self.reasonings, step.reasoning),
            (*texts, context),
            (*self.statements, step.statement),
            step.call,
        )

    def with_last(self, texts: Sequence[str]) -> "Chain":
        """The chain with its last contexts in other words."""
        statement = self.statements[-1]
        kept = (*self.texts[: -len(texts)], *texts)
        problem = f"{statement} {kept[-1]} {self.question}"
        return Chain(problem, self.question, self.answers, self.reasonings, kept, self.statements, self.call)

    def window(self) -> str:
        """The last three contexts as a problem of their own, which begins with the answer before them as a fact."""
        before = self.statements[-WINDOW] if len(self.texts) > WINDOW else ""
        return " ".join([*([before] if before else []), *self.texts[-WINDOW:], self.question])

    def whole(self) -> str:
        return " ".join([*self.texts, self.question])


def digits(number: Fraction) -> str:
    """A number as a verifier may write it: whole, or with up to six decimals."""
    return str(number.numerator) if number.denominator == 1 else f"{float(number):.6f}".rstrip("0")


def without_end(reasoning: str) -> str:
    """A solution without the line that names its answer: in a chain it is one step of several."""
    lines = reasoning.strip().splitlines()
    is_end = len(lines) > 1 and (lines[-1].startswith(("####", "The answer is")))
    return "\n".join(lines[:-1] if is_end else lines)
