"""Texts of many callers in few calls, each once; one that is refused takes no other with it."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from synth_dagster.errors import OverBudget
from synth_dagster.services import Unusable
from synth_dagster.teacher.forms import TEXTS_PER_CALL
from synth_dagster.teacher.gathering import Gathering
from synth_dagster.teacher.roles import EMBEDDER, Endpoint
from tests.teacher.faulty import Say

ENDPOINT = Endpoint(EMBEDDER, "endpoint", ("m",))


@pytest.fixture
def embedder(endpoint):
    return {"embedder": replace(endpoint, role="embedder")}


def each_alone(texts):
    """Every text is asked for by a caller of its own, at once; what each got, or why it got nothing."""

    async def work(teachers):
        return await asyncio.gather(*(teachers.embedder.embed([text]) for text in texts), return_exceptions=True)

    return work


def test_callers_of_one_moment_share_calls_and_each_text_is_paid_once(ask, server, embedder):
    texts = [f"text {number % 300}" for number in range(600)]
    found = ask(each_alone(texts), endpoints=embedder)
    # 300 different texts in calls of 256 at most
    assert sorted(len(body["input"]) for body in server.requests) == [300 - TEXTS_PER_CALL, TEXTS_PER_CALL]
    unit = {text: np.array([len(text), 1.0]) / np.hypot(len(text), 1.0) for text in texts}
    assert all(np.allclose(vector[0], unit[text], atol=1e-6) for text, vector in zip(texts, found, strict=True))


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(Say(status=400, error="too long", code="context_length_exceeded"), id="as OpenAI says it"),
        pytest.param(Say(status=413, error="`inputs` must have less than 512 tokens. Given: 600"), id="as others do"),
    ],
)
def test_a_text_that_is_too_long_takes_no_other_with_it(ask, server, embedder, refused):
    server.script = lambda body, seen: refused if "long" in body["input"] else Say()
    found = ask(each_alone(["a", "bb", "long", "ccc"]), endpoints=embedder)
    assert [isinstance(one, Unusable) for one in found] == [False, False, True, False]
    assert [len(body["input"]) for body in server.requests] == [4, 1, 1, 1, 1]


def test_what_stops_a_call_stops_all_who_wait_for_it_and_a_later_one_is_made_anew():
    calls = []

    async def embed(endpoint, model, texts):
        calls.append(list(texts))
        if len(calls) == 1:
            raise OverBudget("the cap is reached")
        return {key: text.encode() for key, text in texts.items()}

    async def story():
        tasks = set()
        gathering = Gathering(embed, lambda begin: tasks.add(asyncio.create_task(begin())))
        asked = (gathering.of(ENDPOINT, "m", {key: key.decode()}) for key in (b"a", b"b", b"a"))
        stopped = await asyncio.gather(*asked, return_exceptions=True)
        return stopped, await gathering.of(ENDPOINT, "m", {b"a": "a", b"c": "c"})

    stopped, later = asyncio.run(story())
    assert all(isinstance(one, OverBudget) for one in stopped) and len(stopped) == 3
    assert later == {b"a": b"a", b"c": b"c"} and calls == [[b"a", b"b"], [b"a", b"c"]]


def test_whoever_gives_up_waiting_leaves_the_others_their_vectors():
    async def embed(endpoint, model, texts):
        await asyncio.sleep(0.01)
        return dict.fromkeys(texts, b"v")

    async def story():
        tasks = set()
        gathering = Gathering(embed, lambda begin: tasks.add(asyncio.create_task(begin())))
        gone = asyncio.create_task(gathering.of(ENDPOINT, "m", {b"a": "a"}))
        stays = asyncio.create_task(gathering.of(ENDPOINT, "m", {b"a": "a", b"b": "b"}))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert asyncio.run(story()) == {b"a": b"v", b"b": b"v"}
