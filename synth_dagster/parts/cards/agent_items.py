"""What AgentInstruct (arXiv:2407.03502) carries through its flows: material, drafts of items, and what teachers reply.

A draft names the item that it was edited from and all suggestions so far, so that an item leads back to its seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

from synth_dagster.parts.asking.calls import tagged
from synth_dagster.parts.asking.tool_interfaces import Function, FunctionCall, unfit_interface, written_interface
from synth_dagster.parts.cards.agent_skills import ABSTAINS, TOOL_USE
from synth_dagster.parts.text.words import normalised
from synth_dagster.records import Instruction, Message
from synth_dagster.services import Call, Reply, Unusable

Aim: TypeAlias = Literal["harder", "trickier", "unanswerable"]


class Functions(Reply):
    functions: list[Function] = Field(description="The functions, three to eight.")


class Item(Reply):
    skip: bool = Field(description="Whether the material gives nothing for a task of this kind.")
    task: str = Field(description="The task, complete with its options if it has any; empty if skipped.")


class Suggestion(BaseModel):
    aim: Aim = Field(description="What the change does to the task.")
    change: str = Field(
        description="What to change in the text, the task or its options, so exactly that it can be done."
    )


class Suggestions(Reply):
    suggestions: list[Suggestion] = Field(description="The changes, the best first.")


class Edited(Reply):
    text: str = Field(description="The text after the change, whole; the same text if only the task changes.")
    task: str = Field(description="The task after the change, whole.")


class Answered(Reply):
    answer: str = Field(description="The answer, with the steps that lead to it; or what is missing.")
    can_be_done: bool = Field(description="Whether all that the task needs is there.")


class Called(Reply):
    answer: str = Field(description="What the assistant says; where it cannot call a function, what is missing.")
    calls: list[FunctionCall] = Field(description="The calls, in their order; none where one cannot be made.")


@dataclass(frozen=True, slots=True)
class Cell:
    skill: str
    form: str
    kind: str
    is_free: bool = False  # whether the task is done without the text


@dataclass(frozen=True, slots=True)
class Material:
    """A seed in one of its forms: a text, or the interfaces of functions; or why there is none."""

    text: str
    functions: tuple[Function, ...] = ()
    reason: str | None = None
    call: Call | None = None

    @property
    def shown(self) -> str:
        return tagged("functions" if self.functions else "passage", self.text)


@dataclass(frozen=True, slots=True)
class Draft:
    """An item before it is answered."""

    cell: Cell
    material: Material
    task: str
    call: Call | None
    trace: tuple[Suggestion, ...] = ()
    origin: Instruction | None = None  # the item that it was edited from
    reason: str | None = None

    @property
    def shown(self) -> str:
        """The material as whoever has to do with the task sees it."""
        return "" if self.cell.is_free else self.material.shown

    @property
    def abstains(self) -> bool:
        """Whether the right answer says that there is none."""
        is_missing = self.cell.skill == TOOL_USE and self.cell.kind in ABSTAINS
        return is_missing or any(one.aim == "unanswerable" for one in self.trace)


def functions_of(listed: Functions | Unusable) -> Material:
    if isinstance(listed, Unusable):
        return Material(listed.raw, reason=listed.reason, call=listed.call)
    names = [one.name for one in listed.functions]
    faults = [fault for one in listed.functions if (fault := unfit_interface(one))]
    reason = "no_function" if not names else "bad_name" if faults or len(set(names)) < len(names) else None
    return Material(written_interface(listed.functions), tuple(listed.functions), reason, listed.call)


def turns_of(draft: Draft) -> tuple[Message, ...]:
    """The turns before the answer: the functions as a system turn, or the text and the task as one question."""
    if draft.reason:
        return (Message("user", draft.task),)
    if draft.material.functions:
        return (Message("system", draft.material.text), Message("user", draft.task))
    if draft.cell.is_free:
        return (Message("user", draft.task),)
    return (Message("user", f"{draft.material.text}\n\n{draft.task}"),)


def unlike(draft: Draft, *, done: bool) -> str | None:
    """Why an answer is not of the sort that the item is meant to have, or None."""
    if draft.abstains == done:
        return "answered_though_it_cannot_be" if done else "not_answered"
    return None


def without_repeats(records: Sequence[Instruction]) -> list[Instruction]:
    """The records of a seed; what was asked before is eliminated. Who names a parent names the one that is returned."""
    seen: set[str] = set()
    now: dict[int, Instruction] = {}
    for one in records:
        parents = tuple(now.get(id(parent), parent) for parent in one.parents)
        made = one if parents == tuple(one.parents) else replace(one, parents=parents)
        known = normalised(one.text() if one.attributes["skill"] == TOOL_USE else one.instruction)
        if one.status == "current" and known in seen:
            made = replace(made, status="eliminated", reason="repeated")
        seen |= {known} if one.status == "current" else set()
        now[id(one)] = made
    return list(now.values())
