"""Asking teachers: prompts that are checked when they are written, material in tags, calls that run together."""

import asyncio
import html
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, overload

from synth_dagster.errors import MethodError
from synth_dagster.parts.text.words import is_blank, one_line
from synth_dagster.prompt import Prompt
from synth_dagster.records import Message, Record
from synth_dagster.services import Answer, Call, Drop, Reply, Unusable, recording

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
R = TypeVar("R", bound=Reply)
Made = TypeVar("Made", bound=Record)


def prompt(user: str, *, system: str = "", variables: str = "") -> Prompt:
    """A prompt whose variables are exactly those listed. Raises MethodError at import, before any teacher is asked."""
    made = Prompt(user=user.strip(), system=system.strip())
    if made.variables != set(variables.split()):
        raise MethodError(
            f"A prompt lists the variables {sorted(set(variables.split()))} and uses {sorted(made.variables)}. "
            "Make the list and the text agree; a brace that is no variable is written twice."
        )
    return made


def tagged(tag: str, text: str, **attributes: str | None) -> str:
    """Material between tags, or nothing for an empty text. The material cannot close its own tag."""
    if not text.strip():
        return ""
    inside = text.replace(f"</{tag}>", f"</ {tag}>")
    named = "".join(f' {name}="{html.escape(one_line(value))}"' for name, value in attributes.items() if value)
    return f"<{tag}{named}>\n{inside}\n</{tag}>\n\n"


def conversation(messages: Iterable[Message]) -> str:
    """What the teacher is shown of a conversation: a single user turn as it is, several turns with their roles."""
    turns = [message for message in messages if message.content.strip()]
    if len(turns) == 1 and turns[0].role == "user":
        return turns[0].content
    return "\n\n".join(f"{turn.role}: {turn.content}" for turn in turns)


def written_by(call: Call | None) -> Mapping[str, Any]:
    """The fields of a record that say which call wrote it."""
    return {"prompt_hash": call.prompt_hash, "model_id": call.model_id, "call_id": call.call_id} if call else {}


async def attempted(call: Awaitable[T]) -> T | Unusable:
    """The answer, or the Unusable that it raised, as a value."""
    try:
        return await call
    except Unusable as problem:
        return problem


def why_unusable(said: Answer | Unusable) -> str | None:
    """Why an answer cannot be taken: what the gateway says, `cut` or `blank`; None for one that can."""
    if isinstance(said, Unusable):
        return said.reason
    if said.finish_reason == "length":
        return "cut"
    return "blank" if is_blank(said.text) else None


async def recorded(work: Awaitable[T]) -> tuple[T, tuple[bytes, ...]]:
    """What the work gave, and all calls that were made for it, also those whose answers were of no use."""
    with recording() as calls:
        found = await work
    return found, tuple(calls)


async def with_its_calls(work: Awaitable[Sequence[Made] | Drop]) -> Sequence[Made] | Drop:
    """What the work gave, each record and drop naming the calls that were made for it besides those that it names."""
    return naming(*await recorded(work))


def naming(made: Sequence[Made] | Drop, calls: Sequence[bytes]) -> Sequence[Made] | Drop:
    """The same records, or drop, which name these calls besides those that they named."""
    if isinstance(made, Drop):
        return replace(made, calls=(*made.calls, *calls))
    return [replace(one, calls=(*one.calls, *calls)) for one in made]


@overload
async def together(first: Awaitable[A], second: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def together(*calls: Awaitable[T]) -> Sequence[T]: ...
async def together(*calls: Awaitable[Any]) -> Sequence[Any]:
    """All calls at once, all needed. Raises when all have ended: a failure of the service first, then Unusable.

    Waiting for all keeps what was already paid for, and what is raised is the first in order, not the first in time.
    """
    outcomes = await asyncio.gather(*map(_outcome, calls))
    failures = [failure for _, failure in outcomes if failure]
    for failure in sorted(failures, key=lambda failure: isinstance(failure, Unusable)):
        raise failure
    return [result for result, _ in outcomes]


async def _outcome(call: Awaitable[T]) -> tuple[T | None, Exception | None]:
    try:
        return await call, None
    except Exception as failure:  # noqa: BLE001  # raised by together(), when all calls have ended
        return None, failure


async def insist(ask: Callable[[int], Awaitable[R]], *, tries: int, fits: Callable[[R], bool]) -> R:
    """The first answer that fits, of up to so many independent samples. Raises the last Unusable."""
    problem = Unusable("not_asked", "")
    for sample in range(tries):
        try:
            answer = await ask(sample)
        except Unusable as unusable:
            problem = unusable
            continue
        if fits(answer):
            return answer
        problem = Unusable("does_not_fit", answer.model_dump_json(), answer.call)
    raise problem
