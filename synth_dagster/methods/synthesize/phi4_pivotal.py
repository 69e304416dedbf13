"""phi-4's pivotal tokens: pairs that differ in the one word on which it hangs whether a solution ends well.

Paper: arXiv:2412.08905, section 4.3. The chance of success after the beginning of a solution is the share of
continuations that end at the known answer; a search by halves finds the words that change it. The pair is the beginning
with the better word, and with the worse: for DPO the shared beginning cancels out. A chat endpoint shows neither tokens
nor their probabilities, so words stand for tokens, each as probable, and a prompt asks for the continuation; wording,
gap and numbers of samples are ours, the report gives none. It takes hundreds of calls for a pair.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.cards.pivotal_tokens import Pivot, pivots
from synth_dagster.parts.mathematics.answers import final_answer, known_answer, same_answer
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction, Json, Message, Preference
from synth_dagster.services import Answer, Call, Drop, Sampling, Teacher, Unusable

_WORD = re.compile(r"\s*\S+")

SOLVE = prompt(
    system="You solve problems step by step.",
    user="""
{problem}Solve the problem. The last line is "The answer is: " with the answer alone.
""",
    variables="problem",
)
CONTINUE = prompt(
    system="You solve problems step by step.",
    user="""
{problem}{solution}This solution stops in the middle. Go on with the very next word, without repeating anything of it
and without changing your mind about what stands there. The last line is "The answer is: " with the answer alone.
""",
    variables="problem solution",
)


class Phi4Pivotal(Synthesizer[Instruction, Preference]):
    """Every question that was tried leaves a record: pairs, or what stands against one."""

    paper: ClassVar[str] = "arXiv:2412.08905"
    family: ClassVar[Family] = "self-improvement"
    topics: ClassVar[tuple[str, ...]] = ("DPO", "preferences", "reasoning", "mathematics", "tokens")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Where one word decides success it is found in every run, and no other word is named. In chains of sums of a "
        "small student, cut by its own probabilities, all of 90 planted wrong steps are found and nothing else, with 4 "
        "places asked about out of 13 (`python -m benchmarks.students phi4_pivotal`).",
    )

    rollouts: int = Field(16, ge=2, le=256, description="Continuations by which a chance is measured; not given.")
    gap: float = Field(0.4, gt=0, le=1, description="p_gap: least change by a word that is pivotal; not given.")
    lowest: float = Field(0.2, ge=0, le=1, description="Questions that succeed less often are too hard.")
    highest: float = Field(0.8, ge=0, le=1, description="Questions that succeed more often are too easy.")
    responses: int = Field(2, ge=1, le=10, description="Solutions of a question that are searched, right ones first.")
    symbolic: bool = Field(True, description="Compare answers that are formulas by what they are worth.")
    temperature: float = Field(1.0, ge=0, le=2, description="The policy's own chances are those at temperature 1.")
    max_tokens: int = Field(1_024, ge=64, description="Longest solution, in tokens.")

    async def synthesize(self, question: Instruction, /, *, writer: Teacher) -> Sequence[Preference] | Drop:
        if is_blank(question.instruction):
            return Drop("blank_instruction")
        known = known_answer(question)
        if known is None:
            return Drop("no_final_answer", "Success is an answer that is known to be right.")
        policy = _Policy(self, question, known, writer)
        tried = await policy.continued("")
        problems = [one for one in tried if isinstance(one, Unusable)]
        if len(problems) == len(tried):
            raise problems[0]  # nothing came back: the record is a reject, to be tried again
        chance = policy.share(tried)
        if not self.lowest <= chance <= self.highest:
            return [_nothing(question, "too_easy" if chance > self.highest else "too_hard", chance, tried)]
        solved = sorted(policy.whole(tried), key=lambda one: not policy.succeeds(one.text))
        chosen = [*solved[: self.responses - 1], *solved[-1:]] if self.responses > 1 else solved[:1]
        pairs: dict[str, Preference] = {}
        for solution in chosen:  # one after the other: what was measured for one need not be asked for the next
            pairs |= {pair.text(): pair for pair in await policy.pairs(solution) if pair.text() not in pairs}
        return list(pairs.values()) or [_nothing(question, "no_pivot", chance, tried)]


@dataclass(frozen=True, slots=True)
class _Policy:
    """A model whose chances are measured by letting it go on."""

    method: Phi4Pivotal
    question: Instruction
    known: str
    writer: Teacher
    measured: dict[str, list[Answer | Unusable]] = field(default_factory=dict)

    async def continued(self, beginning: str) -> list[Answer | Unusable]:
        """The continuations of a beginning, asked for once."""
        if beginning not in self.measured:
            found = await together(*(attempted(self._go_on(beginning, n)) for n in range(self.method.rollouts)))
            self.measured[beginning] = list(found)
        return self.measured[beginning]

    async def _go_on(self, beginning: str, sample: int) -> Answer:
        sampling = Sampling(temperature=self.method.temperature, max_tokens=self.method.max_tokens)
        problem = tagged("problem", self.question.instruction)
        if not beginning:
            return await self.writer.tell(SOLVE, sampling=sampling, sample=sample, problem=problem)
        solution = tagged("solution", beginning)
        return await self.writer.tell(CONTINUE, sampling=sampling, sample=sample, problem=problem, solution=solution)

    def share(self, said: Sequence[Answer | Unusable], beginning: str = "") -> float:
        """The part of the continuations that end at the known answer; one that cannot be used has failed."""
        ends = [one for one in self.whole(said) if self.succeeds(f"{beginning} {one.text}")]
        return len(ends) / len(said)

    @staticmethod
    def whole(said: Sequence[Answer | Unusable]) -> list[Answer]:
        return [one for one in said if isinstance(one, Answer) and one.finish_reason != "length"]

    def succeeds(self, text: str) -> bool:
        answer = final_answer(text)
        return answer is not None and same_answer(answer, self.known, symbolic=self.method.symbolic)

    # ----------------------------------------------------------------------------------------------------- the search

    async def pairs(self, solution: Answer) -> list[Preference]:
        """The pairs of one solution: each of its pivotal words, with another word in its place."""
        words = _WORD.findall(solution.text.strip())

        async def success(place: int) -> float:
            if place == len(words):
                return float(self.succeeds(solution.text))
            beginning = "".join(words[:place])
            return self.share(await self.continued(beginning), beginning)

        found = await pivots([1.0] * len(words), success, gap=self.method.gap)
        return [pair for pivot in found if (pair := await self._pair(words, pivot, solution.call))]

    async def _pair(self, words: Sequence[str], pivot: Pivot, call: Call | None) -> Preference | None:
        """The word and the other one that the model would most often write there, better one first; None without."""
        beginning, word = "".join(words[: pivot.place]), words[pivot.place]
        others = Counter(
            found[0].strip()
            for one in self.whole(await self.continued(beginning))
            if (found := _WORD.match(one.text)) and found[0].strip() != word.strip()
        )
        wanted = pivot.after < pivot.before
        start = beginning + word[: len(word) - len(word.lstrip())]
        for other, _ in others.most_common(2):
            text = start + other
            chance = self.share(await self.continued(text), text)
            if (chance > pivot.after) == wanted and abs(chance - pivot.after) >= self.method.gap:
                return self._made(start, word.strip(), other, pivot, chance, call)
        return None

    def _made(self, start: str, word: str, other: str, pivot: Pivot, chance: float, call: Call | None) -> Preference:
        better, worse = (word, other) if pivot.after > chance else (other, word)
        facts: dict[str, Json] = {
            "technique": "pivotal_token",
            "prefix": start,
            "chosen_token": better,
            "rejected_token": worse,
            "p_before": pivot.before,
            "p_after": pivot.after,
        }
        return Preference(
            prompt=(Message("user", self.question.instruction),),
            chosen=(Message("assistant", start + better),),
            rejected=(Message("assistant", start + worse),),
            chosen_score=max(pivot.after, chance),
            rejected_score=min(pivot.after, chance),
            parents=(self.question,),
            attributes=facts,
            **written_by(call),
        )


def _nothing(question: Instruction, reason: str, chance: float, tried: Sequence[Answer | Unusable]) -> Preference:
    """A question that was paid for and gives no pair."""
    return Preference(
        prompt=(Message("user", question.instruction),),
        parents=(question,),
        attributes={"technique": "pivotal_token", "p_before": chance},
        status="eliminated",
        reason=reason,
        **written_by(next((one.call for one in tried if one.call), None)),
    )
