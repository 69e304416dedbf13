"""An answer that does not parse: overlooked slips cost nothing, then one turn to repair it, then a reject."""

import asyncio
from dataclasses import replace

import pytest

from synth_dagster.services import Unusable
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.probe import FORM
from tests.teacher.faulty import PROMPT, Say, Word, question

WRONG = '{"words": "a cat"}'


def is_repair(body):
    return [turn["role"] for turn in body["messages"]] == ["system", "user", "assistant", "user"]


def wrong_at_first(body, seen):
    return Say() if is_repair(body) else Say(WRONG)


def reply(thing="a cat"):
    async def work(teachers):
        return await teachers["writer"].ask(PROMPT, into=Word, thing=thing)

    return work


def test_a_slip_costs_no_call(ask, server):
    server.script = lambda body, seen: Say("Sure:\n```json\n{'word': 'cat',}\n```")
    assert ask(reply()).word == "cat" and server.calls == 1


def test_the_teacher_sees_its_answer_and_what_is_wrong_with_it(ask, server):
    server.script = wrong_at_first
    first = ask(reply())
    asked, repair = server.requests
    assert repair["messages"][:-2] == asked["messages"]
    assert repair["messages"][-2] == {"role": "assistant", "content": WRONG}
    assert "word: Field required" in question(repair)
    assert repair["response_format"] == asked["response_format"]
    assert ask(reply()) == first and ask(reply()).call == first.call and server.calls == 2


def test_where_the_schema_is_told_in_words_it_is_told_again(ask, server):
    server.probe_script = lambda body, seen: Say("Which form?" if "json_schema" in str(body) else FORM)
    server.script = wrong_at_first
    ask(reply())
    assert all("follows this JSON schema" in question(body) for body in server.requests) and server.calls == 2


def test_thoughts_are_not_repeated_to_the_teacher(ask, server):
    server.script = lambda body, seen: Say() if is_repair(body) else Say("<think>Hm. {}</think>a cat")
    ask(reply())
    assert server.requests[1]["messages"][-2]["content"] == "a cat"
    assert "no complete JSON object" in question(server.requests[1])


def test_what_stays_wrong_is_a_reject_with_the_last_text(ask, server):
    server.script = lambda body, seen: Say("a dog" if is_repair(body) else WRONG)
    for _ in range(2):
        with pytest.raises(Unusable) as caught:
            ask(reply())
        assert (caught.value.reason, caught.value.raw) == ("unparsable", "a dog")
    assert server.calls == 2


def test_fifty_identical_records_pay_for_one_question_and_one_repair(ask, server):
    server.script, server.delay = wrong_at_first, 0.02

    async def work(teachers):
        return await asyncio.gather(*(reply()(teachers) for _ in range(50)))

    budget = Budget()
    answers = ask(work, budget=budget)
    assert server.calls == 2 and len({answer.call for answer in answers}) == 1
    assert (budget.spent.calls, budget.reserved.calls) == (3, 0)  # with the probe


@pytest.mark.parametrize("tries", [1, 2, 3, 5])
def test_a_role_says_how_often_it_is_tried_in_turn_with_a_repair_and_anew(ask, server, endpoint, tries):
    server.script = lambda body, seen: Say(WRONG)
    with pytest.raises(Unusable):
        ask(reply(), endpoints={"writer": replace(endpoint, tries=tries)})
    assert [is_repair(body) for body in server.requests] == [False, True, False, True, False][:tries]


def test_an_empty_answer_is_asked_for_anew(ask, server):
    server.script = lambda body, seen: Say(" ") if body["seed"] < 1_000_000 else Say()
    ask(reply())
    assert [is_repair(body) for body in server.requests] == [False, False]


def test_a_repair_that_was_cut_off_is_asked_in_the_same_words(ask, server, endpoint):
    """The wrong answer is kept; the run dies before the repair is. The next run asks for what is missing alone."""
    server.script = lambda body, seen: Say(status=401, error="no") if is_repair(body) else Say(WRONG)
    with pytest.raises(Exception, match="does not accept the key"):
        ask(reply())
    server.script = wrong_at_first
    ask(reply())
    assert [is_repair(body) for body in server.requests] == [False, True, True]
    assert server.requests[1] == server.requests[2]


def test_a_repair_that_the_endpoint_refuses_leaves_the_wrong_answer(ask, server):
    too_long = Say(status=400, error="too many", code="context_length_exceeded")
    server.script = lambda body, seen: too_long if is_repair(body) else Say(WRONG)
    with pytest.raises(Unusable) as caught:
        ask(reply())
    assert (caught.value.reason, caught.value.raw) == ("unparsable", WRONG) and caught.value.call is not None


def test_retry_rejects_asks_anew_and_repairs_that(ask, server):
    server.script = lambda body, seen: Say(WRONG)
    with pytest.raises(Unusable):
        ask(reply())
    server.script = lambda body, seen: Say() if is_repair(body) and body["seed"] > 2_000_000 else Say(WRONG)
    found = ask(reply(), retry_rejects=True)
    assert [is_repair(body) for body in server.requests] == [False, True, False, True]
    assert ask(reply()) == found and server.calls == 4
