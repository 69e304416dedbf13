"""Alpaca beside its released code: which tasks of the same completions are well formed and new."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from synth_dagster.catalog import methods
from synth_dagster.methods.synthesize.alpaca import Alpaca, blocks, refused
from synth_dagster.records import Instruction, digest
from synth_dagster.services import Answer, Call, Drop

methods()  # which gives each its name
RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "alpaca_released.json").read_text(encoding="utf-8"))


class Writer:
    """Goes on with the blocks as they are written down, request by request."""

    def __init__(self):
        self.completions = iter(RELEASED["completions"])

    async def tell(self, made, **_):
        text, reason = next(self.completions)
        return Answer(text, reason, Call(digest("call", text), "given"))


def test_of_the_same_completions_the_same_tasks_stay_and_are_as_near_to_all_others():
    method, writer = Alpaca(), Writer()
    seeds = [Instruction.single(text, "It is done.", record_id=digest("seed", text)) for text in RELEASED["seeds"]]
    pool = list(seeds)
    for number in range(len(RELEASED["completions"]) // method.requests_a_round):
        made = asyncio.run(method.round(tuple(pool), number, writer=writer))
        new = [one for some in made if not isinstance(some, Drop) for one in some]
        pool += [
            replace(one, record_id=digest(number, place, one.content()), method=method.slug)
            for place, one in enumerate(new)
        ]
    made = pool[len(seeds) :]
    kept = [one for one in made if one.status == "current"]
    assert [
        [
            *(one.attributes[field] for field in ("instruction", "input")),
            one.response,
            one.attributes["avg_similarity"],
            one.attributes["most_similar"][0][1],
        ]
        for one in kept
    ] == [
        [*task, pytest.approx(mean, abs=2e-6), pytest.approx(most, abs=2e-6)] for *task, mean, most in RELEASED["made"]
    ]
    assert {one.reason for one in made} >= {"near_copy", "malformed", "needs_more_than_text", None}


@pytest.mark.parametrize(("text", "taken"), [pytest.param(*row, id=what) for what, *row in RELEASED["odd"]])
def test_what_the_released_parser_takes_for_a_task_and_is_none(text, taken):
    (read,) = blocks(text, 4)
    assert taken == 1 and (isinstance(read, str) or refused(read))
