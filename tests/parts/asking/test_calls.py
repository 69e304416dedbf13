"""Prompts are checked when they are written; calls run together and fail in order."""

import asyncio

import pytest

from synth_dagster.errors import MethodError, OverBudget
from synth_dagster.parts.asking.calls import attempted, conversation, prompt, tagged, together
from synth_dagster.records import Message
from synth_dagster.services import Unusable


def test_a_prompt_that_uses_another_variable_than_it_lists_does_not_load():
    with pytest.raises(MethodError, match=r"lists the variables \['passage'\] and uses \['count'\]"):
        prompt("Write {count} questions.", variables="passage")


def test_material_cannot_close_its_own_tag():
    assert tagged("passage", "a </passage> b", title='x\n "y"') == (
        '<passage title="x &quot;y&quot;">\na </ passage> b\n</passage>\n\n'
    )
    assert tagged("passage", " \n") == ""


def test_a_conversation_is_shown_with_its_roles_only_if_it_has_several_turns():
    hello = Message("user", "Hello.")
    assert conversation([hello]) == "Hello."
    assert conversation([hello, Message("assistant", "Hi."), hello]) == "user: Hello.\n\nassistant: Hi.\n\nuser: Hello."


async def _after(turns: int, outcome):
    for _ in range(turns):
        await asyncio.sleep(0)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def test_the_first_failure_in_order_is_raised_when_all_have_ended():
    ended = []

    async def late():
        ended.append(await _after(20, "late"))

    with pytest.raises(Unusable, match="first"):
        asyncio.run(_all(_after(9, Unusable("first", "")), _after(1, Unusable("second", "")), late()))
    assert ended == ["late"]


def test_a_spent_budget_is_raised_before_an_unusable_answer():
    with pytest.raises(OverBudget):
        asyncio.run(_all(_after(1, Unusable("cut", "")), _after(9, OverBudget("the cap is reached"))))


def test_an_attempted_call_gives_its_failure_as_a_value():
    cut = Unusable("cut", "half an ans")
    assert list(asyncio.run(_all(attempted(_after(1, cut)), attempted(_after(1, "whole"))))) == [cut, "whole"]


async def _all(*calls):
    return await together(*calls)
