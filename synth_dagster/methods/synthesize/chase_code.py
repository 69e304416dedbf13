"""CHASE for code: problems that take several functions of a repository, each with a solution and a test that was run.

Paper: arXiv:2502.14678. Inputs are helper functions, a document each, yours or those of `chase_helpers`; what is like
an earlier one or does not run is left out. A writer sees ten and writes a problem whose solution calls at least four,
and calls that once with values of its own; then a test that works the result out again without the helpers, which must
pass twice; then a verifier solves the problem from its statement alone, and where it fails the statement is rewritten.
The context is each helper that is needed, and ten others for each. Order and numbers are those of the released code,
prompts are ours. There, a test may call helpers as long as it does not import them, and a model's code runs in the
working folder; here it may not, and everything runs in the sandbox.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Lifecycle, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, with_its_calls, written_by
from synth_dagster.parts.cards.helpers import (
    Function,
    Helper,
    as_shown,
    asserts_of,
    calls_of,
    defined_in,
    helpers_of,
)
from synth_dagster.parts.cards.trials import TRIAL, Trial, why_it_fails_its_trial
from synth_dagster.parts.mathematics.programs import bare_program, in_fence, result_of
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Instruction, Json
from synth_dagster.services import Call, Drop, Limits, Reply, Sampling, Sandbox, Teacher, Unusable

SAYS = (TRIAL, Trial)
"""What a trial says: it stands in this module so that it is part of what its records are made by."""


class Problem(Reply):
    statement: str = Field(description="What the function does, its arguments and what it returns; no helper's name.")
    name: str = Field(description="The name of the function.")
    program: str = Field(description="The function, which calls the helpers; Python without imports of them.")


class Tested(Reply):
    test: str = Field(description="Python with assert statements that call the function.")


class Solved(Reply):
    program: str = Field(description="The function, complete.")


class Rewritten(Reply):
    statement: str = Field(description="The whole statement, clearer.")


PROBLEM = prompt(
    system="You write hard problems for programmers who know a code base.",
    user="""
{helpers}Write a problem whose solution is one function that calls at least this many of these helpers:
<count>{count}</count>

The statement says exactly what comes out for what goes in, without naming a helper and without code.
""",
    variables="helpers count",
)
TEST = prompt(
    system="You write tests.",
    user="""
{helpers}{statement}{solution}Write a test of the solution. It works the expected results out by code of its own,
neither calls nor defines any of the helpers, and asserts that the function gives the same for several inputs.
""",
    variables="helpers statement solution",
)
SOLVE = prompt(
    system="You write Python with the functions of a code base.",
    user="""
{helpers}{statement}{name}Write the function of this name. The helpers are there; do not import them.
""",
    variables="helpers statement name",
)
REWRITE = prompt(
    system="You make the statements of problems exact.",
    user="""
{statement}{solution}{attempt}Somebody who saw the statement alone wrote the attempt, which does something else than the
solution. Rewrite the statement so that it says what the solution does, without code and without names of helpers.
""",
    variables="statement solution attempt",
)
# What a record asks: the problem, and the functions that are there.
TASK = prompt(
    "Write the function `{name}`. {statement}\n\nThese functions are there:\n\n{context}",
    variables="name statement context",
)


class ChaseCode(PoolSynthesizer[Document, Instruction]):
    """A problem without a sound solution, a sound test or an exact statement is eliminated with the reason."""

    paper: ClassVar[str] = "arXiv:2502.14678"
    family: ClassVar[Family] = "domain distillation"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("instruct", "eval")
    topics: ClassVar[tuple[str, ...]] = ("code", "programs", "repository", "long context", "benchmark", "tests")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Planted solutions that fail, tests that call helpers, assert nothing or fail, and statements that nobody can "
        "follow are all refused with their reason, sound problems never.",
    )

    problems: int = Field(100, ge=1, le=100_000, description="Problems after which the method ends.")
    shown: int = Field(10, ge=1, le=50, description="Helpers that a request shows.")
    min_helpers: int = Field(4, ge=1, le=50, description="Helpers that a solution calls at least.")
    requests_a_round: int = Field(4, ge=1, le=64, description="Problems asked for at once.")
    patience: int = Field(3, ge=1, description="Rounds without a sound problem after which the method ends.")
    test_attempts: int = Field(10, ge=1, le=50, description="How often a test is asked for.")
    trial: bool = Field(True, description="Have the writer call a solution once, which must come to its end.")
    rewrites: int = Field(2, ge=0, le=20, description="How often a statement is rewritten.")
    others: int = Field(10, ge=0, le=100, description="Other helpers in the context for each that is needed.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(4_096, ge=256, description="Longest answer, in tokens.")
    cpu_s: int = Field(5, ge=1, le=60, description="Seconds of processor time that a test may take.")
    seed: int = Field(0, ge=0, description="Another seed shows other helpers.")

    async def round(
        self,
        pool: Sequence[Document | Instruction],
        number: int,
        /,
        *,
        writer: Teacher,
        verifier: Teacher,
        sandbox: Sandbox,
    ) -> Sequence[Sequence[Instruction] | Drop]:
        made = [one for one in pool if isinstance(one, Instruction) and one.status == "current"]
        last = max((int(str(one.attributes["round"])) for one in made), default=-1)
        if len(made) >= self.problems or number - 1 - last >= self.patience:
            return []
        documents = [one for one in pool if isinstance(one, Document)]
        helpers, refused = await helpers_of(documents, sandbox, Limits(cpu_s=self.cpu_s))
        drops: list[Sequence[Instruction] | Drop] = [*refused] if number == 0 else []
        if len(helpers) < self.min_helpers:
            return drops
        work = _Work(self, helpers, number, writer, verifier, sandbox)
        return [
            *drops,
            *await together(*(with_its_calls(work.problem(place)) for place in range(self.requests_a_round))),
        ]


@dataclass(frozen=True, slots=True)
class _Draft:
    statement: str
    name: str
    program: str
    call: Call | None
    needs: tuple[Helper, ...] = ()
    test: str = ""
    reason: str | None = None


@dataclass(frozen=True)
class _Work:
    """One round: its helpers, and who works."""

    method: ChaseCode
    helpers: Sequence[Helper]
    number: int
    writer: Teacher
    verifier: Teacher
    sandbox: Sandbox

    async def problem(self, place: int) -> Sequence[Instruction] | Drop:
        draws = stream(self.method.seed, self.helpers[0].document.record_id, "shown", self.number, place)
        shown = draws.sample(self.helpers, min(self.method.shown, len(self.helpers)))
        said = await attempted(
            self.writer.ask(
                PROBLEM,
                into=Problem,
                sampling=self._writing(),
                sample=self.number,
                helpers=as_shown(one.code for one in shown),
                count=self.method.min_helpers,
            )
        )
        if isinstance(said, Unusable):
            return Drop(said.reason, raw=said.raw, call=said.call)
        draft = await self._judged(_draft(said, shown))
        return [self._made(draft, shown, place)]

    async def _judged(self, draft: _Draft) -> _Draft:
        reason = await self._why_unsound(draft)
        if reason:
            return replace(draft, reason=reason)
        if self.method.trial and (reason := await self._why_untried(draft)):
            return replace(draft, reason=reason)
        draft = await self._tested(draft)
        return draft if draft.reason else await self._followed(draft)

    async def _why_untried(self, draft: _Draft) -> str | None:
        return await why_it_fails_its_trial(
            Function(draft.name, "", draft.program),
            [one.code for one in draft.needs],
            writer=self.writer,
            sandbox=self.sandbox,
            limits=self._limits,
        )

    async def _why_unsound(self, draft: _Draft) -> str | None:
        if is_blank(draft.statement) or draft.name not in defined_in(draft.program):
            return "no_function"
        if len(draft.needs) < self.method.min_helpers:
            return "too_few_helpers"
        if defined_in(draft.program) & {one.name for one in self.helpers}:
            return "defines_helpers"
        reason = await self._run(draft, draft.program, "")
        return f"solution_{reason}" if reason else None

    async def _tested(self, draft: _Draft) -> _Draft:
        """The problem with the first test that is sound and passes twice; else the reason of the last one."""
        reason = "no_test"
        for attempt in range(self.method.test_attempts):
            said = await attempted(
                self.writer.ask(
                    TEST,
                    into=Tested,
                    sampling=self._writing(),
                    sample=attempt,
                    helpers=as_shown(one.code for one in draft.needs),
                    statement=tagged("statement", draft.statement),
                    solution=tagged("solution", draft.program),
                )
            )
            if isinstance(said, Unusable):
                reason = f"test_{said.reason}"
                continue
            test = bare_program(said.test)
            reason = self._why_no_test(draft, test)
            if reason is None:
                runs = await together(self._run(draft, draft.program, test), self._run(draft, draft.program, test))
                reason = runs[0] or runs[1]
            if reason is None:
                return replace(draft, test=test)
            reason = f"test_{reason}"
        return replace(draft, reason=reason)

    def _why_no_test(self, draft: _Draft, test: str) -> str | None:
        try:
            tree = ast.parse(test)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return "syntax_error"
        names = {one.name for one in self.helpers}
        if calls_of(test) & names or (defined_in(test) & (names | {draft.name})):
            return "calls_helpers"
        if not any(isinstance(one, ast.Assert) for one in ast.walk(tree)):
            return "asserts_nothing"
        if draft.name not in calls_of(test):
            return "calls_no_solution"
        return None if asserts_of(test, draft.name) else "asserts_nothing_of_it"

    async def _followed(self, draft: _Draft) -> _Draft:
        """The problem with a statement from which a verifier solved it."""
        for attempt in range(self.method.rewrites + 1):
            said = await attempted(
                self.verifier.ask(
                    SOLVE,
                    into=Solved,
                    sampling=Sampling(max_tokens=self.method.max_tokens),
                    helpers=as_shown(one.code for one in draft.needs),
                    statement=tagged("statement", draft.statement),
                    name=tagged("name", draft.name),
                )
            )
            program = "" if isinstance(said, Unusable) else bare_program(said.program)
            if program and await self._run(draft, program, draft.test) is None:
                return draft
            if attempt < self.method.rewrites:
                draft = await self._rewritten(draft, program, attempt)
        return replace(draft, reason="not_solved")

    async def _rewritten(self, draft: _Draft, program: str, attempt: int) -> _Draft:
        said = await attempted(
            self.writer.ask(
                REWRITE,
                into=Rewritten,
                sampling=self._writing(),
                sample=attempt,
                statement=tagged("statement", draft.statement),
                solution=tagged("solution", draft.program),
                attempt=tagged("attempt", program),
            )
        )
        if isinstance(said, Unusable) or is_blank(said.statement):
            return draft
        return replace(draft, statement=_unnamed(said.statement, draft.needs))

    async def _run(self, draft: _Draft, program: str, test: str) -> str | None:
        """Why a program with its helpers and a test does not come to its end, or None."""
        pieces = [*(one.code for one in draft.needs), program, test, "result = 'passed'"]
        _, reason = await result_of("\n\n".join(pieces), self.sandbox, self._limits)
        return reason

    @property
    def _limits(self) -> Limits:
        return Limits(cpu_s=self.method.cpu_s)

    def _writing(self) -> Sampling:
        return Sampling(temperature=self.method.temperature, max_tokens=self.method.max_tokens)

    def _made(self, draft: _Draft, shown: Sequence[Helper], place: int) -> Instruction:
        context = self._context(draft, place)
        given = {"context": context, "statement": draft.statement, "name": draft.name}
        attributes: dict[str, Json] = {
            "round": self.number,
            "problem": draft.statement,
            "helpers": [one.name for one in draft.needs],
            "answer_code": draft.program,
            "test_code": draft.test,
            "repo_context": context,
        }
        return Instruction.single(
            TASK.messages(given)[0]["content"],
            in_fence(draft.program),
            parents=tuple(one.document for one in draft.needs or shown),
            attributes=attributes,
            status="eliminated" if draft.reason else "current",
            reason=draft.reason,
            **written_by(draft.call),
        )

    def _context(self, draft: _Draft, place: int) -> str:
        """The helpers that are needed among others, in a drawn order."""
        draws = stream(self.method.seed, self.helpers[0].document.record_id, "context", self.number, place)
        rest = [one for one in self.helpers if one not in draft.needs]
        others = draws.sample(rest, min(self.method.others * len(draft.needs), len(rest)))
        mixed = [*draft.needs, *others]
        draws.shuffle(mixed)
        return in_fence("\n\n\n".join(one.code for one in mixed))


def _draft(said: Problem, shown: Sequence[Helper]) -> _Draft:
    program = bare_program(said.program)
    called = calls_of(program)
    needs = tuple(one for one in shown if one.name in called)
    return _Draft(_unnamed(said.statement, shown), said.name.strip(), program, said.call, needs)


def _unnamed(statement: str, helpers: Sequence[Helper]) -> str:
    """The statement with the names of helpers as plain words: whoever reads it has to find them."""
    for one in helpers:
        statement = statement.replace(f"{one.name}()", one.name).replace(one.name, one.name.replace("_", " "))
    return statement.strip()
