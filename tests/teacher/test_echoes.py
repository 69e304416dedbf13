"""An answer that says its prompt again is a reject, whichever method asked."""

import json
from typing import Literal

import pytest
from pydantic import Field

from synth_dagster.prompt import Prompt
from synth_dagster.services import Reply, Unusable
from synth_dagster.teacher.echoes import REASON, refuse_echo, said_by
from tests.teacher.faulty import Say

ORDER = "Summarise this text in one paragraph. Then list every person, place and thing that matters in it."
PROMPT = Prompt(
    system="You read closely.", user=f'{{text}}\n{ORDER} Where there is none, say "No such thing is in it".'
)
SHOWN = {"text": "The bell of Tarn was cast in 1650 by Peder Holm, who used the tin spoons of the whole village."}


class Listed(Reply):
    kind: Literal["people and places and things", "none of them"]
    summary: str = Field(description="What the text says, so that nobody needs to read the text itself.")
    names: list[str]


def echoes(*texts, prompt=PROMPT, shown=SHOWN, into=None):
    try:
        refuse_echo(texts, prompt, shown, into)
    except Unusable as problem:
        return (problem.reason, problem.raw in texts) == (REASON, True)
    return False


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        pytest.param("Then list every person, place and thing that matters in it.", True, id="a sentence of the order"),
        pytest.param("THEN LIST EVERY PERSON -- place, and thing!", True, id="in other letters and marks"),
        # 12 words in a row, among others
        pytest.param(f"A bell was cast. {ORDER[22:95]} It rang.", True, id="a long run within a text"),
        pytest.param("Peder Holm cast the bell, and it lists every person, place and thing.", False, id="a short run"),
        pytest.param("The bell of Tarn was cast in 1650 by Peder Holm.", False, id="the material"),
        pytest.param("No such thing is in it.", False, id="words to be said, in quotes"),
        pytest.param("In this text.", False, id="too short to tell"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_long_runs_of_the_instructions_are_an_echo(text, is_one):
    assert echoes(text) is is_one


def test_what_the_material_says_too_is_no_echo():
    assert not echoes(ORDER, shown={"text": f"A prompt: {ORDER}"})
    assert echoes(ORDER, prompt=Prompt(user="{text}{order}").filled(order=ORDER), shown=SHOWN)


def test_signs_without_spaces_between_weigh_half_a_word():
    chinese = Prompt(user="{text}\n请用一段话概括这篇文章然后列出其中所有重要的人物地点和事物")
    # 10 signs alone are an answer of five words, all of the prompt; 10 among 20 others are no long run
    assert echoes("列出其中所有重要的人", prompt=chinese, shown={"text": ""})
    assert not echoes(
        "钟由霍尔姆铸造列出其中所有重要的人它挂在路边的树上每天中午敲响", prompt=chinese, shown={"text": ""}
    )


def test_of_a_reply_every_text_counts_but_the_labels_that_it_chooses_from():
    reply = Listed(kind="people and places and things", summary="A bell was cast.", names=["Peder Holm"])
    told = Prompt(user="{text}\nSay whether it names people and places and things.")
    assert not echoes(*said_by(reply, Listed), prompt=told, into=Listed)
    described = "What the text says, so that nobody needs to read the text itself."
    assert echoes(*said_by(reply.model_copy(update={"summary": described}), Listed), prompt=told, into=Listed)
    assert echoes(*said_by(reply.model_copy(update={"names": ["Tarn", ORDER]}), Listed), into=Listed)


def test_the_gateway_rejects_an_echo_and_asks_anew_only_when_told_to(ask, server):
    async def work(teachers):
        return await teachers["writer"].tell(PROMPT, text="")

    server.script = lambda body, seen: Say(ORDER)
    for _ in range(2):
        with pytest.raises(Unusable) as caught:
            ask(work)
        assert caught.value.reason == REASON and caught.value.call.model_id == "m-dated"
    assert server.calls == 1  # the second time it was kept
    server.script = lambda body, seen: Say("The bell hangs in a larch.")
    assert ask(work, retry_rejects=True).text == "The bell hangs in a larch."


def test_so_it_is_with_a_reply_that_parses(ask, server):
    async def work(teachers):
        return await teachers["writer"].ask(PROMPT, into=Listed, text="")

    listed = {"kind": "none of them", "summary": ORDER, "names": []}
    server.script = lambda body, seen: Say(json.dumps(listed))
    with pytest.raises(Unusable, match=REASON):
        ask(work)
