"""Self-Instruct beside its released code: which tasks of the same completions are new, and which examples stay."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from synth_dagster.catalog import methods
from synth_dagster.methods.synthesize.self_instruct import SelfInstruct, by_input, by_label, sound
from synth_dagster.records import Instruction, digest
from synth_dagster.services import Answer, Call, Drop

methods()  # which gives each its name
RELEASED = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "self_instruct_released.json").read_text(encoding="utf-8")
)
BOOTSTRAP = RELEASED["bootstrap"]


class Writer:
    """Goes on with a list as it is written down, request by request; each task has one answer."""

    def __init__(self, completions):
        self.completions = iter(completions)

    async def tell(self, made, **values):
        text, reason = ("Output: It is done.", "stop") if "instruction" in values else next(self.completions)
        return Answer(text, reason, Call(digest("call", text, *values), "given"))


def grown(method, seeds, writer, rounds):
    pool = [Instruction.single(text, "It is done.", record_id=digest("seed", text)) for text in seeds]
    for number in range(rounds):
        made = asyncio.run(method.round(tuple(pool), number, writer=writer))
        new = [one for some in made if not isinstance(some, Drop) for one in some]
        pool += [
            replace(one, record_id=digest(number, place, one.content()), method=method.slug)
            for place, one in enumerate(new)
        ]
    return pool[len(seeds) :]


def test_of_the_same_completions_the_same_tasks_are_new_and_as_near_to_all_others():
    completions = BOOTSTRAP["completions"]
    made = grown(SelfInstruct(lower_rest=True), BOOTSTRAP["seeds"], Writer(completions), len(completions) // 5)
    new = [one for one in made if one.attributes.get("is_new") is not False]
    assert [
        [one.attributes["instruction"], one.attributes["avg_similarity"], one.attributes["most_similar"][0][1]]
        for one in new
    ] == [
        [text, pytest.approx(mean, abs=2e-6), pytest.approx(most, abs=2e-6)] for text, mean, most in BOOTSTRAP["made"]
    ]
    assert {one.reason for one in made} >= {"near_copy", "too_short", "odd_start", "needs_more_than_text", None}


def stays(examples, reason):
    return sorted([one.input, one.output] for one in sound(examples, cut=reason == "length")[0])


@pytest.mark.parametrize(
    ("text", "reason", "kept"),
    [pytest.param(*row, id=f"{name}, {row[1]}") for name, *row in RELEASED["by_input"]],
)
def test_the_same_examples_stay(text, reason, kept):
    if "Give an Example" in text:  # the word begins an example there wherever it stands
        kept = [["Give an Example of wood", "oak"]]
    assert stays(by_input(text), reason) == kept


@pytest.mark.parametrize(
    ("text", "reason", "kept"), [pytest.param(*row, id=name) for name, *row in RELEASED["by_label"]]
)
def test_the_same_labelled_examples_stay(text, reason, kept):
    # the released code leaves the word before an input there
    assert stays(by_label(text), reason) == sorted([given.removeprefix("Input: "), label] for given, label in kept)
