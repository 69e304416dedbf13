"""One answer's way: replay, cache, in flight, paid."""

import asyncio
import logging
from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest

from synth_dagster.errors import SynthError, TeacherError
from synth_dagster.services import Sampling, Unusable
from synth_dagster.teacher.cache import AnswerCache, Request
from synth_dagster.teacher.limits.climb import START
from synth_dagster.teacher.roles import Endpoint
from tests.teacher.faulty import PROMPT, Say, Word, question, words


def reply(thing="a cat", **options):
    async def work(teachers):
        return await teachers["writer"].ask(PROMPT, into=Word, thing=thing, **options)

    return work


def test_an_answer_names_the_call_the_model_that_wrote_it_and_the_prompt(ask):
    (answer,) = ask(words(["a cat"]))
    assert answer.text.startswith("word ")
    assert answer.call.model_id == "m-dated"  # as the endpoint names itself
    assert answer.call.prompt_hash == PROMPT.hash
    assert (answer.tokens_in, answer.tokens_out) == (10, 5)


def test_a_cached_answer_makes_no_call_and_is_the_same(ask, server):
    first = ask(words(["a cat", "a dog"]))
    second = ask(words(["a cat", "a dog"]))
    assert first == second
    assert server.calls == 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"sampling": Sampling(temperature=0.5)}, id="temperature"),
        pytest.param({"sampling": Sampling(max_tokens=10)}, id="token limit"),
        pytest.param({"sampling": Sampling(stop=("x",))}, id="stop words"),
        pytest.param({"sample": 1}, id="sample"),
    ],
)
def test_whatever_can_change_an_answer_is_asked_anew(ask, server, change):
    ask(words(["a cat"]))
    ask(words(["a cat"], **change))
    assert server.calls == 2


def test_role_and_address_are_not_part_of_the_key(ask, server, endpoint):
    ask(words(["a cat"]))

    async def work(teachers):
        return await teachers["judge"].tell(PROMPT, thing="a cat")

    elsewhere = replace(endpoint, role="judge", base_url="http://127.0.0.1:9/v1")
    ask(work, endpoints={"judge": elsewhere})
    assert server.calls == 1


def test_a_revision_asks_anew(ask, server, endpoint):
    ask(words(["a cat"]))
    ask(words(["a cat"]), endpoints={"writer": replace(endpoint, revision="2")})
    assert server.calls == 2


def test_identical_requests_in_flight_are_one_call(ask, server):
    server.delay = 0.05
    usage = []

    async def work(teachers):
        answers = await asyncio.gather(*(teachers["writer"].tell(PROMPT, thing="a cat") for _ in range(20)))
        usage.append(teachers.usage.total)
        return answers

    answers = ask(work)
    assert server.calls == 1 and len({answer.text for answer in answers}) == 1
    assert (usage[0].calls, usage[0].cached) == (1, 19)


def test_one_callers_cancellation_does_not_take_the_answer_from_the_other(ask, server):
    server.delay = 0.1

    async def work(teachers):
        impatient = asyncio.create_task(teachers["writer"].tell(PROMPT, thing="a cat"))
        await asyncio.sleep(0.02)
        patient = asyncio.create_task(teachers["writer"].tell(PROMPT, thing="a cat"))
        await asyncio.sleep(0.02)
        impatient.cancel()
        return await patient

    assert ask(work).text.startswith("word")
    assert server.calls == 1


def test_what_was_sent_when_the_work_fails_is_kept(ask, server):
    """Eight requests are at the endpoint when the work dies: eight answers are paid, and no more are sent."""
    server.delay = 0.2

    async def dies(teachers):
        asked = [asyncio.ensure_future(teachers["writer"].tell(PROMPT, thing=thing)) for thing in range(20)]
        await asyncio.wait(asked, timeout=0.1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(dies)
    assert server.calls == START == 8
    server.delay = 0.0
    ask(words(range(20)))
    assert server.calls == 20


def test_an_unusable_answer_is_not_asked_for_again_once_the_work_has_failed(ask, server, caplog):
    """A second request would be cut off when the connections close: paid, lost, and told as the endpoint's failure."""
    server.script = lambda body, seen: Say("no json", delay=0.2)

    async def dies(teachers):
        asked = [asyncio.ensure_future(teachers["writer"].ask(PROMPT, into=Word, thing=thing)) for thing in range(8)]
        await asyncio.wait(asked, timeout=0.1)
        raise ZeroDivisionError

    with caplog.at_level(logging.WARNING), pytest.raises(ZeroDivisionError):
        ask(dies)
    assert server.calls == 8
    assert not caplog.records


def test_in_flight_and_order_of_arrival_change_no_byte(ask, server, endpoint, cache_path):
    def shuffled(body, seen):
        return Say(delay=(crc32(question(body).encode()) % 7) * 0.004)

    server.script = shuffled
    alone = ask(words(range(48)), endpoints={"writer": replace(endpoint, max_in_flight=1)})
    cache_path.rename(cache_path.with_suffix(".alone"))
    together = ask(words(range(48)), endpoints={"writer": replace(endpoint, max_in_flight=64)})
    assert alone == together
    assert server.calls == 96 and server.most_open > 8


def test_the_ceiling_holds_over_roles_that_share_an_endpoint(ask, server, endpoint):
    server.delay = 0.01
    roles = {role: replace(endpoint, role=role, max_in_flight=3) for role in ("writer", "judge")}

    async def work(teachers):
        asked = [teachers[role].tell(PROMPT, thing=f"{role} {n}") for role in roles for n in range(15)]
        await asyncio.gather(*asked)

    ask(work, endpoints=roles)
    assert server.most_open == 3


# ------------------------------------------------------------------------------------------------ structured replies


def test_a_reply_is_parsed_and_says_which_call_wrote_it(ask, server):
    found = ask(reply())
    assert isinstance(found, Word) and found.call is not None
    schema = server.requests[0]["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["additionalProperties"] is False


def test_what_does_not_parse_is_asked_again_once_and_replayed_without_a_call(ask, server):
    server.script = lambda body, seen: Say('{"word": ') if body["seed"] < 1_000_000 else Say()
    first = ask(reply())
    assert server.calls == 2
    second = ask(reply())
    assert first == second and second.call == first.call
    assert server.calls == 2


def test_the_replay_table_wins_over_the_attempts(ask, server, cache_path, endpoint):
    """The answer that was used once stays the one that is used, even where another attempt is kept too."""
    server.script = lambda body, seen: Say("no json at all") if body["seed"] < 1_000_000 else Say()
    ask(reply())
    with AnswerCache.open(cache_path) as cache:
        rows = cache._reader.execute("select count(*) from replay").fetchone()
    assert rows == (1,)


@pytest.mark.parametrize(
    ("say", "reason", "calls"),
    [
        pytest.param(Say("no json"), "unparsable", 2, id="not JSON"),
        pytest.param(Say('{"words": 1}'), "unparsable", 2, id="another shape"),
        pytest.param(Say("  "), "empty", 2, id="empty"),
        pytest.param(Say('{"word": "ca', finish="length"), "cut", 1, id="cut"),
        pytest.param(Say('{"word": "cat"}', finish="length"), "cut", 1, id="cut although it parses"),
        pytest.param(Say(refusal="I will not."), "refused", 1, id="refusal"),
        pytest.param(Say("...", finish="content_filter"), "refused", 1, id="filtered"),
    ],
)
def test_an_unusable_answer_is_data_and_is_not_paid_twice(ask, server, say, reason, calls):
    server.script = lambda body, seen: say
    for _ in range(2):
        with pytest.raises(Unusable) as caught:
            ask(reply())
        assert caught.value.reason == reason
        assert caught.value.raw == (say.refusal or say.text)
        assert caught.value.call is not None and caught.value.call.model_id == "m-dated"
    assert server.calls == calls


def test_retry_rejects_asks_again_and_its_answer_stays(ask, server):
    server.script = lambda body, seen: Say("no json")
    with pytest.raises(Unusable):
        ask(reply())
    server.script = lambda body, seen: Say()
    found = ask(reply(), retry_rejects=True)
    assert server.calls == 3
    assert ask(reply()).call == found.call
    assert server.calls == 3


def test_a_cut_text_is_told_as_cut(ask, server):
    server.script = lambda body, seen: Say("a long sto", finish="length")
    (answer,) = ask(words(["x"]))
    assert (answer.text, answer.finish_reason) == ("a long sto", "length")


LIKELY = {"A": -0.1, " B": -2.5, "\ud83d": -9.0}


def test_the_likeliest_first_tokens_are_asked_for_told_and_kept_with_the_answer(ask, server):
    server.script = lambda body, seen: Say("A", finish="length", top_logprobs=LIKELY)
    wanted = Sampling(max_tokens=1, top_logprobs=20)
    (first,), (again,) = (ask(words(["a cat"], sampling=wanted)) for _ in range(2))
    (body,) = server.requests
    assert (body["logprobs"], body["top_logprobs"], body["max_tokens"]) == (True, 20, 1)
    assert first == again and first.top_logprobs == {"A": -0.1, " B": -2.5, "?": -9.0}
    (plain,) = ask(words(["a cat"], sampling=Sampling(max_tokens=1)))
    assert plain.top_logprobs == {} and "logprobs" not in server.requests[1]


def test_an_endpoint_that_gives_no_log_probabilities_gives_an_answer_without(ask, server):
    (answer,) = ask(words(["a cat"], sampling=Sampling(top_logprobs=5)))
    assert answer.text.startswith("word ") and answer.top_logprobs == {}


def test_an_endpoint_that_refuses_log_probabilities_says_so_at_the_first_request(ask, server):
    server.script = lambda body, seen: Say(status=400, error="logprobs are not supported", param="logprobs")
    (problem,) = ask(words(["a cat"], sampling=Sampling(top_logprobs=5)))
    assert isinstance(problem, TeacherError) and server.calls == 1
    assert "refuses the request to 'm' (HTTP 400: logprobs are not supported)" in str(problem)


def test_an_answer_with_half_a_surrogate_can_be_stored(ask, server):
    server.script = lambda body, seen: Say("half \ud83d here")
    (answer,) = ask(words(["x"]))
    assert answer.text == "half ? here"


# ---------------------------------------------------------------------------------------------- roles, usage, calls


def test_unknown_roles_and_models_name_the_nearest(ask):
    async def role(teachers):
        teachers["writter"]

    async def model(teachers):
        await teachers["writer"].tell(PROMPT, thing="x", model="mm")

    with pytest.raises(SynthError, match=r"No teacher role is called 'writter'. Did you mean 'writer'"):
        ask(role)
    with pytest.raises(TeacherError, match=r"No model of the role 'writer' is called 'mm'. Did you mean 'm'"):
        ask(model)


def test_teacher_means_writer(ask):
    async def work(teachers):
        return teachers["teacher"].models

    assert ask(work) == ("m",)


def test_a_pool_answers_by_the_model_that_is_named(ask, server, endpoint):
    async def work(teachers):
        writer = teachers["writer"]
        return [(await writer.tell(PROMPT, thing="x", model=model)).call.model_id for model in writer.models]

    assert ask(work, endpoints={"writer": replace(endpoint, models=("m", "m2"))}) == ["m-dated", "m2-dated"]


def test_usage_counts_paid_cached_and_failed_by_role(ask, server):
    ask(words(["a"]))
    server.script = lambda body, seen: Say("", finish="stop") if "bad" in question(body) else Say()
    seen = []

    async def work(teachers):
        await words(["a", "b", "bad"])(teachers)
        return teachers.usage_by_role()["writer"]

    usage = ask(work, on_progress=lambda usage: seen.append(usage.total.calls))
    # b once, bad twice: 3 x (10 in, 5 out); the price of m is unknown
    assert usage.as_json() == {
        "calls": 3, "cached": 1, "failed": 1, "retried": 0, "tokens_in": 30, "tokens_out": 15, "usd": None,
    }  # fmt: skip
    assert seen[-1] == 3


def test_recording_collects_the_calls_of_one_task_and_of_those_it_starts(ask, server):
    server.script = lambda body, seen: Say("no json") if body["seed"] < 1_000_000 and "b" in question(body) else Say()

    async def record(teachers, *things):
        with teachers.recording() as calls:
            await asyncio.gather(*(teachers["writer"].ask(PROMPT, into=Word, thing=thing) for thing in things))
        return calls

    async def work(teachers):
        return await asyncio.gather(record(teachers, "x", "b"), record(teachers, "x"), record(teachers))

    first = ask(work)
    assert [len(calls) for calls in first] == [3, 1, 0]  # b was asked twice, and both calls stand behind the answer
    assert first[0] == sorted(first[0]) and set(first[1]) < set(first[0])
    assert ask(work) == first  # a record's calls are part of its bytes


def test_recording_inside_a_recording_is_seen_by_both(ask):
    async def work(teachers):
        with teachers.recording() as outer:
            with teachers.recording() as inner:
                await teachers["writer"].tell(PROMPT, thing="x")
            await teachers["writer"].tell(PROMPT, thing="y")
        return outer, inner

    outer, inner = ask(work)
    assert len(outer) == 2 and set(inner) < set(outer)


def test_it_also_runs_in_a_thread_whose_loop_is_running(ask):
    async def notebook():
        return ask(words(["x"]))

    assert len(asyncio.run(notebook())) == 1


def test_an_embedded_role_without_an_address_is_refused_before_any_call(ask):
    with pytest.raises(TeacherError, match="'writer' has no address"):
        ask(words(["x"]), endpoints={"writer": Endpoint("writer", "embedded", ("embedded-extractive",))})


# --------------------------------------------------------------------------------------------------------- embeddings


def embed(*texts):
    async def work(teachers):
        return await teachers.embedder.embed(texts)

    return work


@pytest.fixture
def embedder(endpoint):
    return {"embedder": replace(endpoint, role="embedder")}


def test_vectors_have_unit_length_and_the_order_of_the_texts(ask, embedder):
    vectors = ask(embed("abc", "", "abc"), endpoints=embedder)
    # the server gives [length, 1]: (3, 1) / sqrt(10), and an empty text is sent as one blank: (1, 1) / sqrt(2)
    expected = [[3 / 10**0.5, 1 / 10**0.5], [0.5**0.5, 0.5**0.5], [3 / 10**0.5, 1 / 10**0.5]]
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)


def test_texts_go_in_batches_of_256_and_each_is_paid_once(ask, server, embedder):
    texts = [f"{'x' * n}" for n in range(300)]
    first = ask(embed(*texts, *texts), endpoints=embedder)
    assert sorted(len(body["input"]) for body in server.requests) == [44, 256]
    second = ask(embed(*texts[:299], "new" * 150), endpoints=embedder)
    assert [len(body["input"]) for body in server.requests[2:]] == [1]
    np.testing.assert_array_equal(first[:299], second[:299])


def test_long_texts_go_in_batches_that_an_endpoint_takes(ask, server, embedder):
    # a token is at least a byte: 3 texts of 60,000 are 180,000 and one more would be too many; 250,000 go alone
    texts = [letter * 60_000 for letter in "abcdef"] + ["g" * 250_000, "h"]
    ask(embed(*texts), endpoints=embedder)
    sent = [[text[0] for text in body["input"]] for body in server.requests]
    assert sorted(sent) == [["a", "b", "c"], ["d", "e", "f"], ["g"], ["h"]]


def test_no_texts_are_no_call(ask, server, embedder):
    assert ask(embed(), endpoints=embedder).shape == (0, 0)
    assert server.calls == 0


def test_an_endpoint_that_knows_no_base64_is_asked_without(ask, server, embedder):
    def script(body, seen):
        return Say(status=400, error="Unknown field: encoding_format") if "encoding_format" in body else Say()

    server.script = script
    assert ask(embed("a"), endpoints=embedder).shape == (1, 2)


def test_the_key_of_a_request_is_the_same_on_every_machine():
    """A change of this constant makes every cache worthless: it may only change with the cache's schema version."""
    request = Request(messages=[{"role": "user", "content": "Give one word."}], model="m", sample=2)
    assert request.call_id(1).hex() == "f347ef00f0b9eddf251ce4611430c72d"
