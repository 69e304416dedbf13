"""Pairs that train a small model to write programs of edits: what it will be shown, and the program that is right."""

from collections.abc import Mapping

from synth_dagster.parts.asking.calls import written_by
from synth_dagster.parts.pages.edit_programs import Program, written
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Instruction, Json, Message
from synth_dagster.services import Call


def pair(
    document: Document,
    asked: Prompt,
    shown: Mapping[str, str],
    right: str,
    call: Call | None,
    about: Mapping[str, Json],
) -> Instruction:
    """A conversation whose first turns are those by which the trained model is asked."""
    turns = [Message(turn["role"], turn["content"]) for turn in asked.messages(shown)]
    attributes = {"edit_pair": dict(about)}
    answer = Message("assistant", right)
    return Instruction(messages=(*turns, answer), parents=(document,), attributes=attributes, **written_by(call))


def calls_of(program: Program, otherwise: str) -> str:
    """The program's calls, one a line; `otherwise` where there are none."""
    return written(program) or otherwise
