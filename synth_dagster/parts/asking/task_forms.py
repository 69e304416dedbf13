"""Tasks in a fixed form, as a model is asked for them and as they are checked: choices, recipes, summaries.

The forms and the checks are those of CRAFT (arXiv:2409.02098, and its code): a question has more than fifteen
characters, there are as many options as were asked for, and the answer is one of them; a summary has more than a
hundred characters and its text more than five hundred. What lacks words, repeats an option, or sums a text up in more
words than it has is ours.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import Field

from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Json
from synth_dagster.services import Reply

TaskName: TypeAlias = Literal["multiple_choice", "yes_no", "recipe", "summary"]
SHORTEST = 15  # characters: a question of no more is none
SHORTEST_SUMMARY, SHORTEST_TEXT = 100, 500  # likewise
LETTERS = "ABCD"
OPTIONS: Mapping[str, int] = {"multiple_choice": 4, "yes_no": 2}
_LETTER = re.compile(r"\A\W*([A-D])(?:[.):]|\W*\Z)")
_LABEL = re.compile(r"\A\s*\(?[A-D][.):]\s*")


class Choice(Reply):
    question: str = Field(description="One question that the text answers, and that can be read without the text.")
    options: list[str] = Field(description="The possible answers, in their order.")
    answer: str = Field(description="The letter of the right one: A for the first.")


class Recipe(Reply):
    instruction: str = Field(description="One short sentence that asks for the dish.")
    ingredients: list[str] = Field(description="Each ingredient with its amount.")
    steps: list[str] = Field(description="What is done, step by step.")


class Summary(Reply):
    instruction: str = Field(description="One sentence that asks for a summary of the text.")
    summary: str = Field(description="The summary.")
    text: str = Field(description="The text again without what is no part of it, and with almost all of its details.")


@dataclass(frozen=True, slots=True)
class Formed:
    """A task as people read it, or what is wrong with it."""

    question: str
    answer: str = ""
    facts: Mapping[str, Json] | None = None
    reason: str | None = None


def formed(said: Reply, task: TaskName) -> Formed:
    """The task that a reply holds."""
    if isinstance(said, Choice):
        return _choice(said, OPTIONS[task])
    if isinstance(said, Recipe):
        return _recipe(said)
    assert isinstance(said, Summary)
    return _summary(said)


def _choice(said: Choice, number: int) -> Formed:
    options = [_LABEL.sub("", option).strip() for option in said.options]
    place = _place(said.answer, options)
    checks = {
        "short_question": len(said.question.strip()) <= SHORTEST,
        "number_of_options": len(options) != number,
        "blank_option": any(is_blank(option) for option in options),
        "repeated_option": len({normalised(option) for option in options}) < len(options),
        "answer_is_no_option": place is None or place >= len(options),
    }
    listed = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False)]
    question = "\n".join([said.question.strip(), *listed])
    if (reason := _first(checks)) or place is None:
        return Formed(question, reason=reason)
    return Formed(question, listed[place], {"options": list(options), "final_answer": LETTERS[place]})


def _place(answer: str, options: Sequence[str]) -> int | None:
    """Which option an answer names: by its letter, or by its words."""
    if found := _LETTER.match(answer):
        return LETTERS.index(found[1])
    wanted = normalised(answer)
    return next((place for place, option in enumerate(options) if wanted and normalised(option) == wanted), None)


def _recipe(said: Recipe) -> Formed:
    ingredients, steps = ([one.strip() for one in part if not is_blank(one)] for part in (said.ingredients, said.steps))
    reason = _first(
        {
            "short_question": len(said.instruction.strip()) <= SHORTEST,
            "no_ingredients": not ingredients,
            "no_steps": not steps,
        }
    )
    answer = "\n".join(["Ingredients:", *(f"- {one}" for one in ingredients), "Steps:", *steps])
    return Formed(said.instruction.strip(), "" if reason else answer, reason=reason)


def _summary(said: Summary) -> Formed:
    reason = _first(
        {
            "short_question": len(said.instruction.strip()) <= SHORTEST,
            "no_text": is_blank(said.text),
            "no_summary": is_blank(said.summary),
            "short_text": len(said.text.strip()) <= SHORTEST_TEXT,
            "short_summary": len(said.summary.strip()) <= SHORTEST_SUMMARY,
            "summary_not_shorter": len(said.summary.strip()) >= len(said.text.strip()),
        }
    )
    question = f"{said.instruction.strip()}\n\n{said.text.strip()}"
    return Formed(question, "" if reason else said.summary.strip(), reason=reason)


def _first(checks: Mapping[str, bool]) -> str | None:
    return next((reason for reason, fails in checks.items() if fails), None)
