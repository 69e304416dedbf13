"""A judge by log-probabilities over HTTP: what it asks for, what it is told, and what a plan says that it will cost."""

import asyncio
import math

import pytest

from synth_dagster.errors import TeacherError
from synth_dagster.methods.refine.judge_pairwise import JudgePairwise
from synth_dagster.records import Message, Preference
from synth_dagster.teacher.prices import Prices
from synth_dagster.teacher.rehearsal import Rehearsal
from synth_dagster.teacher.roles import EMBEDDED_MODELS, Endpoint
from tests.teacher.faulty import Say

PAIR = Preference(
    prompt=(Message("user", "What is 2 and 2?"),),
    chosen=(Message("assistant", "It is five."),),
    rejected=(Message("assistant", "It is four."),),
    record_id=b"pair",
)


def judged(teachers):
    return JudgePairwise(mode="logprobs").refine(PAIR, judge=teachers["writer"])


def test_a_judge_at_an_endpoint_turns_a_pair_by_its_log_probabilities(ask, server):
    def script(body, seen):
        """Three to one for the right answer, wherever it stands, and nine to one for the place A."""
        asked = body["messages"][-1]["content"]
        odds = math.log(9) + (1 if asked.index("four") < asked.index("five") else -1) * math.log(3)
        told = {letter: -math.log1p(math.exp(-sign * odds)) for letter, sign in (("A", 1), ("B", -1))}
        return Say(max(told, key=told.__getitem__), finish="length", top_logprobs=told)

    server.script = script
    made = ask(judged)
    about = made.attributes["judge_pairwise"]
    # always A, as a verdict would have said; but with 27 to 1 for the right answer, and with 3 to 1 for the wrong one
    assert about["judgments"] == ["A", "A"] and about["games"] == ["first", "second"]
    assert (about["log_odds"], about["swap_gap"]) == (round(-math.log(3), 6), round(2 * math.log(9), 6))
    assert made.chosen[0].content == "It is four." and about["turned"]
    assert ask(judged) == made and server.calls == 2  # answers and their odds are kept


def test_a_plan_counts_the_calls_of_an_endpoint_that_it_does_not_ask(server, endpoint):
    plan = Rehearsal({"writer": endpoint}, kept=None, prices=Prices.load())
    asyncio.run(judged(plan))
    assert plan.sent_by_role()["writer"]["calls"] == 2 and server.calls == 0


def test_a_plan_says_what_a_run_stops_with_where_the_embedded_teacher_tells_no_odds():
    embedded = Endpoint("writer", "embedded", EMBEDDED_MODELS)
    plan = Rehearsal({"writer": embedded}, kept=None, prices=Prices.load())
    with pytest.raises(TeacherError, match=r"'writer' is the embedded teacher, which refuses .*'logprobs' is not supp"):
        asyncio.run(judged(plan))
