"""CHASE for mathematics: problems made hard step by step, each step about the answer before, which nobody states.

Paper: arXiv:2502.14678. A writer adds one operation to a problem: a context that does not say the answer before, a new
question and its answer. Numbers that leak and phrases said twice are taken out, grammar is mended, and verifiers solve
the last three steps: all must find the writer's answer, or the step is tried again. The rules are those of the released
code, the prompts are ours. Four of its slips are not repeated: a number taken out eats its spaces and cuts longer
numbers, phrases go after the check and not before it, grammar may change a number, and nobody solves the whole chain
where it is longer than three steps. Here that is solved too, and a chain nobody confirms falls back to a shorter one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Lifecycle, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.cards.problem_chains import WINDOW, Chain, FirstStep, Step, digits, without_end
from synth_dagster.parts.mathematics.answers import final_answer, known_answer, number_of
from synth_dagster.parts.mathematics.kept_numbers import numbers_in
from synth_dagster.parts.mathematics.leaked_numbers import says_number, without_number
from synth_dagster.parts.similarity.repeated_phrases import FEWEST, without_repeated
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction, Json
from synth_dagster.services import Drop, Reply, Sampling, Teacher, Unusable

CLOSE = Fraction(1, 100_000)  # answers nearer than this are the same, as there


class Mended(Reply):
    contexts: list[str] = Field(description="The contexts in their order, as many as were given.")


EXTEND = prompt(
    system="You make problems of mathematics harder. Every step is exact, and the whole stays one story.",
    user="""
{problem}{answer}Add one operation on the answer of this problem, so that whoever wants the new answer has to solve the
problem first.

- The new context goes on with the story and adds numbers of its own. It never says the answer of the problem, neither
  in digits nor in words, and it repeats nothing of the problem.
- Its operation cannot be done without the answer of the problem.
- Nothing is rounded, and what is counted stays whole.
""",
    variables="problem answer",
)
MEND = prompt(
    system="You correct grammar. Numbers, facts and their order stay.",
    user="""
{contexts}Correct the grammar of these contexts, which follow each other in one story. Change nothing else.
""",
    variables="contexts",
)
SOLVE = prompt(
    system="You solve problems of mathematics step by step.",
    user="""
Q: A baker has 18 rolls and bakes 14 more. How many rolls are there?
A: There are 18 rolls and 14 more, 18 + 14 = 32. The answer is: 32
Q: Ann had 45 beads. She lost some and has 28 left. How many did she lose?
A: She lost 45 - 28 = 17 beads. The answer is: 17
Q: A hall has 6 rows of 14 chairs. Nine chairs are broken. How many can be used?
A: There are 6 * 14 = 84 chairs, and 84 - 9 = 75 can be used. The answer is: 75
Q: Four friends share 50 dollars evenly. How many dollars does each get?
A: Each gets 50 / 4 = 12.5 dollars. The answer is: 12.5
Q: A tank holds 240 litres and is 75% full. How many litres are in it?
A: It holds 240 * 75 / 100 = 180 litres. The answer is: 180
Q: Ben reads 12 pages a day from Monday to Friday. His book has 100 pages. How many are left?
A: In 5 days he reads 5 * 12 = 60 pages, so 100 - 60 = 40 are left. The answer is: 40
Q: A coat costs 80 dollars. Its price falls by a quarter, then by 5 dollars. What does it cost?
A: A quarter of 80 is 20, so it costs 80 - 20 = 60, then 60 - 5 = 55 dollars. The answer is: 55
Q: Half of 36 pupils walk to school, a third of the others cycle. How many cycle?
A: 36 / 2 = 18 do not walk, and 18 / 3 = 6 of them cycle. The answer is: 6

{problem}Solve this problem in the same way. Never round. End with "The answer is: " and the number alone.
""",
    variables="problem",
)


class ChaseMath(Synthesizer[Instruction, Instruction]):
    """A seed gives one record: its chain where that is deep enough, else what came last, eliminated with the reason."""

    paper: ClassVar[str] = "arXiv:2502.14678"
    family: ClassVar[Family] = "domain distillation"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("instruct", "eval")
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "reasoning", "word problems", "benchmark", "hard problems")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Every kept chain is what an exact solver finds; of wrong steps no more pass two verifiers of error v than v "
        "squared, three than v cubed; no leaked number stays; a solver's accuracy falls with every step.",
    )

    depth: int = Field(5, ge=1, le=20, description="Steps after which a chain ends.")
    min_depth: int = Field(2, ge=1, le=20, description="A shorter chain is dropped.")
    attempts: int = Field(10, ge=1, le=100, description="How often a step is tried for a seed, in all.")
    verifiers: int = Field(
        2, ge=2, le=3, description="How many solve each step: the models of the role in turn, all must agree."
    )
    whole_chain: bool = Field(True, description="Have long chains solved from their beginning; the code does not.")
    max_words: int = Field(400, ge=10, description="A seed of more words is dropped; our own bound.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the writer.")
    check_temperature: float = Field(0.5, ge=0, le=2, description="Sampling temperature of solving and of mending.")
    max_tokens: int = Field(2_048, ge=128, description="Longest answer, in tokens.")

    async def synthesize(
        self, seed: Instruction, /, *, writer: Teacher, verifier: Teacher
    ) -> Sequence[Instruction] | Drop:
        known = known_answer(seed)
        answer = number_of(known) if known is not None else None
        if is_blank(seed.instruction):
            return Drop("blank_instruction")
        if answer is None:
            return Drop("no_number_to_go_on_with", "A chain grows from a problem whose answer is one number.")
        if len(seed.instruction.split()) > self.max_words:
            return Drop("too_long", f"A seed has at most {self.max_words} words.")
        return [await _Growing(self, seed, writer, verifier).record(Chain.of(seed, answer))]


@dataclass
class _Growing:
    """One seed on its way to a record."""

    method: ChaseMath
    seed: Instruction
    writer: Teacher
    verifier: Teacher
    failures: list[str] = field(default_factory=list)
    problem: Unusable | None = None  # the first answer that could not be used
    answered: bool = False
    last: Chain | None = None  # the last step that was refused

    async def record(self, chain: Chain) -> Instruction:
        grown = [chain]
        for attempt in range(self.method.attempts):
            if grown[-1].depth == self.method.depth:
                break
            if longer := await self._longer(grown[-1], attempt):
                grown.append(longer)
        if not self.answered and self.problem:
            raise self.problem  # nothing came back: the record is a reject, to be tried again
        deep = [one for one in reversed(grown) if one.depth >= self.method.min_depth]
        for one in deep:
            if await self._stands(one):
                return self._made(one, None)
        reason = "chain_not_confirmed" if deep else self._why_short(grown[-1])
        return self._made(deep[0] if deep else grown[-1] if grown[-1].depth else self.last or chain, reason)

    def _why_short(self, chain: Chain) -> str:
        """The reason of most attempts that failed: it is what keeps chains short."""
        return max(self.failures, key=self.failures.count) if self.failures else "too_short"

    async def _longer(self, chain: Chain, attempt: int) -> Chain | None:
        step = await self._step(chain, attempt)
        if step is None:
            return None
        answer = number_of(step.answer)
        if reason := self._why_refused(chain, step, answer):
            return self._refused(reason, chain, step)
        assert answer is not None  # a step without a number was refused
        context = self._cleaned(chain, step.new_context)
        if is_blank(context):
            return self._refused("nothing_new", chain, step)
        longer = chain.grown(step, context, answer)
        longer = await self._mended(longer, attempt) if chain.depth else self._without_leak(longer)
        if not await self._solved(longer.window(), answer, attempt):
            return self._refused("not_confirmed", chain, step)
        return longer

    async def _step(self, chain: Chain, attempt: int) -> Step | None:
        said = await attempted(
            self.writer.ask(
                EXTEND,
                into=Step if chain.depth else FirstStep,
                sampling=Sampling(temperature=self.method.temperature, max_tokens=self.method.max_tokens),
                sample=attempt,
                problem=tagged("problem", chain.problem),
                answer=tagged("answer", digits(chain.answers[-1])),
            )
        )
        if isinstance(said, Unusable):
            self.problem = self.problem or said
            self.failures.append(said.reason)
            return None
        self.answered = True
        return said

    def _refused(self, reason: str, chain: Chain, step: Step) -> None:
        self.failures.append(reason)
        self.last = chain.grown(step, step.new_context, number_of(step.answer) or Fraction(0))

    def _why_refused(self, chain: Chain, step: Step, answer: Fraction | None) -> str | None:
        before = chain.answers[-1]
        if answer is None:
            return "answer_is_no_number"
        if is_blank(step.question) or (isinstance(step, FirstStep) and is_blank(step.context)):
            return "incomplete"
        if not says_number(step.statement, before):
            return "answer_before_not_stated"
        if not says_number(step.reasoning, before):
            return "answer_before_not_used"
        foreign = in_another_language([f"{step.new_context} {step.question}"], self.seed.instruction)
        return "other_language" if any(foreign) else None

    def _cleaned(self, chain: Chain, context: str) -> str:
        """The new context without answers that it must not say, and without what was said just before."""
        for answer in chain.answers:
            context = without_number(context, answer)
        before = chain.texts[-1] if chain.texts else self.seed.instruction
        return without_repeated(before, context, FEWEST)

    def _without_leak(self, chain: Chain) -> Chain:
        """A first step whose account of the seed does not say the seed's answer, unless the seed says that number."""
        if says_number(self.seed.instruction, chain.answers[0]):
            return chain
        return chain.with_last([without_number(chain.texts[0], chain.answers[0]), chain.texts[1]])

    async def _mended(self, chain: Chain, attempt: int) -> Chain:
        texts = chain.texts[-WINDOW:]
        said = await attempted(
            self.writer.ask(
                MEND,
                into=Mended,
                sampling=self._checking(),
                sample=attempt,
                contexts="".join(tagged("context", text) for text in texts),
            )
        )
        if isinstance(said, Unusable) or len(said.contexts) != len(texts):
            return chain
        kept = zip(texts, said.contexts, strict=True)
        return chain.with_last([new.strip() if numbers_in(new) == numbers_in(old) else old for old, new in kept])

    # -------------------------------------------------------------------------------------------------------- solving

    async def _stands(self, chain: Chain) -> bool:
        """Whether the problem was solved from its beginning to its end; up to three contexts it was already."""
        if len(chain.texts) <= WINDOW or not self.method.whole_chain:
            return True
        return await self._solved(chain.whole(), chain.answers[-1], self.method.attempts)

    async def _solved(self, problem: str, answer: Fraction, attempt: int) -> bool:
        """Whether all verifiers find the answer; who comes after a disagreement is not asked."""
        models = self.verifier.models
        for number in range(self.method.verifiers):
            said = await attempted(
                self.verifier.tell(
                    SOLVE,
                    sampling=self._checking(),
                    sample=attempt * self.method.verifiers + number // len(models),
                    model=models[number % len(models)],
                    problem=tagged("problem", problem),
                )
            )
            found = None if isinstance(said, Unusable) else number_of(final_answer(said.text) or "")
            if found is None or abs(found - answer) >= CLOSE:
                return False
        return True

    def _checking(self) -> Sampling:
        return Sampling(temperature=self.method.check_temperature, max_tokens=self.method.max_tokens)

    # --------------------------------------------------------------------------------------------------------- record

    def _made(self, chain: Chain, reason: str | None) -> Instruction:
        answer = digits(chain.answers[-1])
        attributes: dict[str, Json] = {
            "depth": chain.depth,
            "final_answer": answer,
            "contexts": list(chain.texts),
            "reasonings": list(chain.reasonings),
            "intermediate_answers": [digits(one) for one in chain.answers[:-1]],
            "failed_attempts": list(self.failures),
        }
        return Instruction.single(
            chain.whole(),
            "\n".join([*(without_end(text) for text in chain.reasonings), f"The answer is: {answer}"]),
            parents=(self.seed,),
            attributes=attributes,
            status="eliminated" if reason else "current",
            reason=reason,
            **written_by(chain.call),
        )
