"""Evol-Instruct: make an instruction harder, or its neighbour rarer, round after round, and drop what did not evolve.

Paper: arXiv:2304.12244 (WizardLM). Operations, sampling and elimination rules are the paper's and its code's, the
prompts are ours. Evidence is kept: where an instruction rests on a passage, the evolved answer must rest on it too.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, field_validator

from synth_dagster.method import Augmenter, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.asking.evolution import is_apology, leaks_template, says_nothing
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.grounding import narrowed, support
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.prompt import Prompt
from synth_dagster.records import Instruction, Message, Span
from synth_dagster.services import Call, Drop, Reply, Sampling, Teacher, Unusable

Operation: TypeAlias = Literal["constraint", "deepen", "concretise", "reason", "breadth", "complicate_input"]

# The same settings evolve and answer, as in the released code; the judge must be repeatable.
WRITING = Sampling(temperature=1.0, top_p=0.95, max_tokens=2_048)
JUDGING = Sampling(temperature=0.0, max_tokens=512)

_DEPTH = (
    "Rewrite the instruction so that a strong assistant finds it harder, while a person can still understand it and "
    "answer it. "
    "Keep everything that it contains, tables, code and input data included, and add 10 to 20 words. "
)
HOW: dict[Operation, str] = {
    "constraint": _DEPTH + "Add one more condition or requirement that the answer has to meet.",
    "deepen": _DEPTH + "Ask further into the matter: raise how deep and how wide the answer has to go.",
    "concretise": _DEPTH + "Put specific concepts in the place of general ones.",
    "reason": _DEPTH + "If a few simple thoughts would solve it, ask explicitly for reasoning in several steps.",
    "complicate_input": _DEPTH
    + "Add input data in a structured form, such as code, XML or SQL, that the answer must use.",
    "breadth": (
        "Write a different instruction in the same field, about something met less often. "
        "Its length and difficulty are those of the one above, and a person can understand and answer it."
    ),
}


class Evolved(Reply):
    instruction: str = Field(description="The new instruction alone, ready to be given to an assistant.")


class Answered(Reply):
    answer: str = Field(description="The answer to the instruction.")
    evidence: str = Field(
        description="With a passage: the unbroken piece of it that the answer rests on, unchanged. Without: empty."
    )


class Compared(Reply):
    equal: bool = Field(description="True if both have the same constraints and the same depth and breadth of inquiry.")
    reason: str = Field(description="What differs, in one sentence.")


EVOLVE: dict[Operation, Prompt] = {
    operation: prompt(
        system="You turn instructions for assistants into better exercises. You return the new one and nothing else.",
        user="""
{passage}{instruction}Operation: <operation>{operation}</operation>

{how}

If a passage is given, the new instruction must be answerable from the passage alone, and must not point at a passage.
The new instruction stands by itself: it does not speak of a prompt that was given, created or rewritten.
""",
        variables="passage instruction operation how",
    ).filled(operation=operation, how=how)
    for operation, how in HOW.items()
}
ANSWER = prompt(
    system="You answer instructions correctly and completely. You never claim what you cannot support.",
    user="""
{passage}{instruction}Answer the instruction. If a passage is given, use only what it says, and quote as evidence the
piece of it that your answer rests on, copied letter by letter.
""",
    variables="passage instruction",
)
EQUAL = prompt(
    system="You compare two instructions and decide whether the second really differs from the first.",
    user="""
{first}{second}Are the two equal? They are equal if they set the same constraints and ask with the same depth and
breadth, however they are worded.
""",
    variables="first second",
)


class EvolInstruct(Augmenter[Instruction, Instruction]):
    paper: ClassVar[str] = "arXiv:2304.12244"
    topics: ClassVar[tuple[str, ...]] = ("difficulty", "complexity", "reasoning")
    proof: ClassVar[Proof] = Proof(
        "planted signal", "30 % planted failures: elimination has precision and recall 1.0 for each of the rules a to d"
    )

    rounds: int = Field(4, ge=1, le=10, description="Rounds of evolution; the paper runs 4.")
    operations: Annotated[tuple[Operation, ...], Field(min_length=1)] = Field(
        ("constraint", "deepen", "concretise", "reason", "breadth"),
        description="Drawn from uniformly in each round. complicate_input is in the paper, not in the released code.",
    )
    apology_words: int = Field(80, ge=0, description="An answer that says sorry in fewer words than this is a refusal.")
    min_support: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of the content words that a grounded answer adds which its evidence must hold.",
    )
    seed: int = Field(0, ge=0, description="Seed of the draws of operations.")

    @field_validator("operations")
    @classmethod
    def _each_once(cls, operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
        if len(set(operations)) < len(operations):
            raise ValueError("an operation is named twice; the draw is uniform, name each once")
        return operations

    async def augment(self, record: Instruction, /, *, writer: Teacher, judge: Teacher) -> Sequence[Instruction] | Drop:
        if reason := unfit(record):
            return Drop(reason)
        made: list[Instruction] = []
        problems: list[Unusable] = []
        current = record
        for number in range(1, self.rounds + 1):
            attempt = _Round(self, number, current, record.evidence, self._operation(record, number))
            variant, problem = await attempt.run(writer, judge)
            made.append(variant)
            problems += [problem] if problem else []
            # An eliminated round leaves the instruction unchanged for the next one.
            current = variant if variant.status == "current" else current
        if len(problems) == len(made):
            raise problems[0]  # no round gave anything: the record is a reject, to be tried again
        return made

    def _operation(self, record: Instruction, number: int) -> Operation:
        return stream(self.seed, record.record_id, "operation", number).choice(self.operations)


class _Round:
    """One operation on one instruction: evolve, then answer and compare, then the rules."""

    def __init__(
        self,
        method: EvolInstruct,
        number: int,
        parent: Instruction,
        grounds: Sequence[Span],
        operation: Operation,
    ) -> None:
        self.operation: Operation = operation
        self.method, self.number, self.parent, self.grounds = method, number, parent, grounds
        self.passage = tagged("passage", "\n\n".join(span.text for span in grounds))

    async def run(self, writer: Teacher, judge: Teacher) -> tuple[Instruction, Unusable | None]:
        """The variant, current or eliminated, and the unusable answer behind it if there is one."""
        evolved = await attempted(self._evolve(writer))
        if isinstance(evolved, Unusable):
            return self._eliminated(evolved.reason, evolved.raw, call=evolved.call), evolved
        text = evolved.instruction.strip()
        if reason := spoiled(text, self.parent.instruction):
            return self._eliminated(reason, text, call=evolved.call), None  # no answer is bought for it
        answered, compared = await together(
            attempted(self._answer(writer, text)), attempted(self._compare(judge, text))
        )
        if isinstance(answered, Unusable):
            return self._eliminated(answered.reason, text, answered.raw, call=answered.call), answered
        span = narrowed(answered.evidence, self.grounds)
        if isinstance(compared, Unusable):
            return self._eliminated("unjudged", text, answered.answer, call=answered.call), compared
        reason = "equal" if compared.equal else self._why_not(text, answered, span)
        if reason:
            return self._eliminated(reason, text, answered.answer, call=answered.call), None
        return self._variant(text, answered.answer.strip(), call=answered.call, evidence=(span,) if span else ()), None

    async def _evolve(self, writer: Teacher) -> Evolved:
        # The sample is the round: after an eliminated round the same request must not bring the same failure back.
        return await writer.ask(
            EVOLVE[self.operation],
            into=Evolved,
            sampling=WRITING,
            sample=self.number,
            passage=self.passage,
            instruction=tagged("instruction", self.parent.instruction),
        )

    async def _answer(self, writer: Teacher, text: str) -> Answered:
        return await writer.ask(
            ANSWER,
            into=Answered,
            sampling=WRITING,
            sample=self.number,
            passage=self.passage,
            instruction=tagged("instruction", text),
        )

    async def _compare(self, judge: Teacher, text: str) -> Compared:
        first, second = tagged("first", self.parent.instruction), tagged("second", text)
        return await judge.ask(EQUAL, into=Compared, sampling=JUDGING, first=first, second=second)

    def _why_not(self, text: str, answered: Answered, span: Span | None) -> str | None:
        if is_apology(answered.answer, self.method.apology_words):
            return "apology"
        if says_nothing(answered.answer):
            return "says_nothing"
        if self.grounds and not self._rests_on(text, answered.answer, span):
            return "unsupported"
        return None

    def _rests_on(self, text: str, answer: str, span: Span | None) -> bool:
        supported = support(answer, span.text, text) if span else 0.0
        return supported > 0 and supported >= self.method.min_support

    def _eliminated(self, reason: str, *turns: str, call: Call | None) -> Instruction:
        return self._variant(*turns, call=call, status="eliminated", reason=reason)

    def _variant(self, *turns: str, call: Call | None, **more: Any) -> Instruction:
        return Instruction(
            messages=tuple(map(Message, ("user", "assistant"), turns)),
            parents=(self.parent,),
            attributes={"operation": self.operation, "round": self.number},
            **written_by(call),
            **more,
        )


def unfit(record: Instruction) -> str | None:
    """Why an instruction cannot be evolved: it is blank, or a conversation that one new turn would break."""
    if is_blank(record.instruction):
        return "blank_instruction"
    roles = [message.role for message in record.messages]
    return None if roles in (["user"], ["user", "assistant"]) else "conversation"


def spoiled(evolved: str, instruction: str) -> str | None:
    """Why an evolved text is eliminated before anyone answers it."""
    if is_blank(evolved):
        return "blank"
    if leaks_template(evolved):
        return "meta_words"
    return "equal" if normalised(evolved) == normalised(instruction) else None
