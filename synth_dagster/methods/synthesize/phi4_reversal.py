"""phi-4's instruction reversal: from code to the task that it solves, kept where the task leads back to the same code.

Paper: arXiv:2412.08905, section 2.2, which gives the idea and no prompt; the wording is ours. A writer sees a piece of
Python and writes the task, with calls of its functions; a solver that sees the task alone writes the code anew. Both
run in the sandbox, and the pair stays if every call gives the same. Then the task stands before the original code.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, written_by
from synth_dagster.parts.mathematics.programs import bare_program, in_fence, result_of
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Instruction, Json, Span
from synth_dagster.services import Call, Drop, Limits, Reply, Sampling, Sandbox, Teacher, Unusable


class Reversed(Reply):
    task: str = Field(description="The task, complete in itself, with the name and the arguments of each function.")
    calls: list[str] = Field(description="Calls of the functions with plain values, such as: area(3, 4).")


class Code(Reply):
    program: str = Field(description="A complete Python program that defines what the task asks for.")


REVERSE = prompt(
    system="You write tasks for programmers.",
    user="""
{code}Write the task that this code solves, for somebody who will never see it: what goes in, what comes out, what
happens in odd cases, and the name and arguments of each function. Do not tell how it is done. Then write this many
calls that show ordinary and odd cases, with values written out: <count>{count}</count>
""",
    variables="code count",
)
SOLVE = prompt(
    system="You write Python with the standard library alone.",
    user="""
{task}Write the code that this task asks for, and nothing that runs by itself.
""",
    variables="task",
)
# How the calls are made: this runs in the sandbox, and no teacher sees it.
_TRIED = """

def _tried(call):
    try:
        return repr(call())
    except Exception as error:
        return "raises " + type(error).__name__

result = [{calls}]
"""


class Phi4Reversal(Synthesizer[Document, Instruction]):
    """Every pair stays: what leads back is current, the others eliminated with their reason."""

    paper: ClassVar[str] = "arXiv:2412.08905"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = ("code", "programs", "instruction reversal", "backtranslation")
    proof: ClassVar[Proof] = Proof(
        "planted signal", "Of 30 % planted pairs whose task is that of other code all are rejected, of others none."
    )

    calls: int = Field(5, ge=1, le=50, description="Calls that are asked for; the report gives no number.")
    min_calls: int = Field(3, ge=1, le=50, description="Calls that must be usable to compare by.")
    max_characters: int = Field(6_000, ge=20, description="Longer code is no snippet and is dropped.")
    temperature: float = Field(0.0, ge=0, le=2, description="Sampling temperature of writer and solver.")
    max_tokens: int = Field(2_048, ge=64, description="Longest answer, in tokens.")
    cpu_s: int = Field(5, ge=1, le=60, description="Seconds of processor time that the code may take.")

    async def synthesize(
        self, snippet: Document, /, *, writer: Teacher, solver: Teacher, sandbox: Sandbox
    ) -> Sequence[Instruction] | Drop:
        if is_blank(snippet.body):
            return Drop("blank_code")
        if len(snippet.body) > self.max_characters:
            return Drop("too_long", "'max_characters' says how long a snippet may be.")
        code = bare_program(snippet.body)
        names = functions_of(code)
        if not names:
            return Drop("no_function", "The text is no Python that defines a function.")
        said = await writer.ask(
            REVERSE, into=Reversed, sampling=self._sampling(), code=tagged("code", code), count=self.calls
        )
        pair = _Pair(said.task.strip(), code, usable_calls(said.calls, names)[: self.calls], said.call)
        return [_record(await self._judged(pair, solver, sandbox), snippet)]

    async def _judged(self, pair: "_Pair", solver: Teacher, sandbox: Sandbox) -> "_Pair":
        if is_blank(pair.task):
            return replace(pair, reason="blank_task")
        if len(pair.calls) < self.min_calls:
            return replace(pair, reason="too_few_calls")
        wanted, reason = await self._ran(pair.code, pair.calls, sandbox)
        if reason:
            return replace(pair, reason=f"original_{reason}")
        said = await attempted(solver.ask(SOLVE, into=Code, sampling=self._sampling(), task=tagged("task", pair.task)))
        if isinstance(said, Unusable):
            return replace(pair, reason=f"solution_{said.reason}", call=said.call or pair.call)
        found, reason = await self._ran(bare_program(said.program), pair.calls, sandbox)
        if reason:
            return replace(pair, reason=f"solution_{reason}")
        return replace(pair, exec_ok=found == wanted, reason=None if found == wanted else "mismatch")

    async def _ran(self, code: str, calls: Sequence[str], sandbox: Sandbox) -> tuple[str | None, str | None]:
        program = code + _TRIED.format(calls=", ".join(f"_tried(lambda: {call})" for call in calls))
        return await result_of(program, sandbox, Limits(cpu_s=self.cpu_s))

    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A task and the code that it was written for."""

    task: str
    code: str
    calls: Sequence[str]
    call: Call | None
    exec_ok: bool = False
    reason: str | None = None


def functions_of(code: str) -> frozenset[str]:
    """The functions that code defines at its top; none where it is no Python."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef))


def usable_calls(calls: Sequence[str], names: frozenset[str]) -> list[str]:
    """The calls of these functions with literal values, each once and on one line; nothing else is run as a call."""
    found: dict[str, None] = {}
    for text in calls:
        try:
            tree = ast.parse(text.strip(), mode="eval").body
            called = isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in names
            if isinstance(tree, ast.Call) and called and all(keyword.arg for keyword in tree.keywords):
                for value in (*tree.args, *(keyword.value for keyword in tree.keywords)):
                    ast.literal_eval(value)
                found.setdefault(ast.unparse(tree))
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            continue
    return list(found)


def _record(pair: _Pair, snippet: Document) -> Instruction:
    attributes: dict[str, Json] = {"technique": "instruction_reversal", "calls": list(pair.calls)}
    attributes |= {"exec_ok": pair.exec_ok}
    return Instruction.single(
        pair.task,
        in_fence(pair.code),
        parents=(snippet,),
        evidence=(Span(snippet.record_id, 0, len(snippet.body), snippet.body),),
        attributes=attributes,
        status="eliminated" if pair.reason else "current",
        reason=pair.reason,
        **written_by(pair.call),
    )
