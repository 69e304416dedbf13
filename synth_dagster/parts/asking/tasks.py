"""Tasks as Self-Instruct and Alpaca have them: an instruction, an input that may be empty, and an output.

A record keeps both in one user turn; `task_of` takes them apart again. The rules for a new instruction are those of
the released code of both projects, with the words of ours where they name a reason.
"""

import re
import string
from dataclasses import dataclass

from synth_dagster.parts.text.words import one_line
from synth_dagster.records import Instruction

UNFIT = ["image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot"]
MEDIA = ["video", "audio", "music", "flowchart", "diagram"]  # what Alpaca adds
SHORTEST, LONGEST = 3, 150  # words: no more than three are too few


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked, about what, and the answer."""

    instruction: str
    input: str = ""
    output: str = ""


def task_of(record: Instruction) -> Task:
    """The task of a record: what its maker says, else the first paragraph of the question and what follows it."""
    told = record.attributes.get("instruction"), record.attributes.get("input")
    if all(isinstance(text, str) for text in told):
        return Task(str(told[0]), str(told[1]), record.response)
    instruction, _, given = record.instruction.partition("\n\n")
    return Task(instruction.strip(), given.strip(), record.response)


def listed(instruction: str) -> str:
    """An instruction as it stands in a numbered list: one line, without a colon at its end."""
    return one_line(instruction).rstrip(":")


def capitalised(text: str, *, lower_rest: bool = False) -> str:
    """One line that begins with a capital. The released code lower-cases everything else, by mistake."""
    line = one_line(text)
    return line.capitalize() if lower_rest else line[:1].upper() + line[1:]


def unfit(instruction: str, *, media: bool = False) -> str | None:
    """Why an instruction is not for a model of text, or None."""
    words = instruction.split()
    checks = {
        "too_short": len(words) <= SHORTEST,
        "too_long": len(words) > LONGEST,
        "needs_more_than_text": bool((_UNFIT_OR_MEDIA if media else _UNFIT).search(instruction)),
        "asks_for_a_program": instruction.startswith("Write a program"),
        "odd_start": instruction[:1] in string.punctuation or not instruction[:1].isascii(),
    }
    return next((reason for reason, fails in checks.items() if fails), None)


def _any_of(words: list[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words)}|go to)\b", re.IGNORECASE)


_UNFIT, _UNFIT_OR_MEDIA = _any_of(UNFIT), _any_of([*UNFIT, *MEDIA])
