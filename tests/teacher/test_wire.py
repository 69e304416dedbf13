"""Faults: nothing is lost where trying again helps, and one clear sentence where it does not."""

import asyncio
import logging
import time
from dataclasses import replace
from zlib import crc32

import pytest

from synth_dagster.errors import TeacherError
from synth_dagster.services import Unusable
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.faults import retry_after_s, shown, status_fault
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.wire import LONGEST_PAUSE_S, pause_s
from tests.teacher.faulty import PROMPT, Say, Word, question, words

KEY = "sk-planted-secret-key-4711"


def texts(answers):
    """The texts of answers that must all be answers."""
    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    return [answer.text for answer in answers]


# ------------------------------------------------------------------------------------------------------ what passes


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(Say(status=429, error="slow down"), id="429"),
        pytest.param(Say(status=429, error="slow down", headers={"retry-after": "0.05"}), id="429 with Retry-After"),
        pytest.param(Say(status=500, error="oops"), id="500"),
        pytest.param(Say(status=503, error="loading"), id="503"),
        pytest.param(Say(drop=True), id="dropped connection"),
        pytest.param(Say(raw=b'{"choices": [{"mess'), id="broken off"),
        pytest.param(Say(raw=b'{"choices": []}'), id="no choices"),
        pytest.param(Say(raw=b"[1, 2]"), id="another shape"),
        pytest.param(Say(raw=b'{"error": {"code": 502, "message": "upstream"}}'), id="an error with status 200"),
    ],
)
def test_no_answer_is_lost_to_what_passes(ask, server, say):
    server.script = lambda body, seen: say if seen == 0 and crc32(question(body).encode()) % 2 else Say()
    answers = texts(ask(words(range(30))))
    assert len(set(answers)) == 30
    assert texts(ask(words(range(30)))) == answers


def test_a_storm_of_429_loses_nothing(ask, server, endpoint):
    """The server has room for four; everybody else is refused."""
    server.delay = 0.005
    server.script = lambda body, seen: Say(status=429, error="busy") if server.open >= 4 else Say()
    assert len(set(texts(ask(words(range(60)), endpoints={"writer": replace(endpoint, max_in_flight=32)})))) == 60


def test_retry_after_holds_back_the_whole_endpoint(ask, server, endpoint):
    refused = []

    def script(body, seen):
        if not refused:
            refused.append(time.monotonic())
            return Say(status=429, error="wait", headers={"retry-after": "0.4"})
        return Say()

    server.script = script
    texts(ask(words(range(5)), endpoints={"writer": replace(endpoint, max_in_flight=1)}))
    # an order, not a duration: nothing came to the server before the time that it asked for
    assert all(at >= refused[0] + 0.39 for at in server.times[1:])


def test_a_slow_answer_is_given_up_and_asked_again(ask, server, endpoint):
    server.script = lambda body, seen: Say(delay=30 if seen == 0 else 0)
    quick = replace(endpoint, timeout_s=0.2)
    assert len(texts(ask(words(["x"]), endpoints={"writer": quick}))) == 1
    assert server.calls == 2


def test_one_request_that_always_fails_does_not_take_the_others_with_it(ask, server, endpoint):
    server.script = lambda body, seen: Say(status=500, error="oops") if "poison" in question(body) else Say()
    *good, bad = ask(words([1, 2, 3, "poison"]), endpoints={"writer": replace(endpoint, max_retries=2)})
    texts(good)
    assert isinstance(bad, TeacherError)
    assert "HTTP 500: oops; 3 times" in str(bad)
    assert server.calls == 3 + 3


# ----------------------------------------------------------------------------------------------- what does not pass


@pytest.mark.parametrize(
    ("say", "sentence"),
    [
        pytest.param(Say(status=401, error=f"Incorrect API key provided: {KEY}"), "does not accept the key", id="key"),
        pytest.param(Say(status=403, error="no access"), "does not accept the key", id="forbidden"),
        pytest.param(Say(status=404, error="no such model", code="model_not_found"), "knows no model 'm'", id="model"),
        pytest.param(Say(status=400, error="n must be 1"), "refuses the request to 'm'", id="request"),
        pytest.param(Say(status=429, error="pay", code="insufficient_quota"), "has no credit left", id="quota"),
        pytest.param(Say(raw=b"<!DOCTYPE html><p>hi", content_type="text/html"), "a web page came", id="HTML"),
        pytest.param(Say(raw=b"<html>", status=404), "is no OpenAI-compatible endpoint", id="HTML 404"),
        pytest.param(Say(status=302, headers={"location": "/x"}), "is no OpenAI-compatible endpoint", id="redirect"),
        pytest.param(
            Say(status=429, error="tomorrow", headers={"retry-after": "86400"}), "asks to wait 86400 s", id="too long"
        ),
    ],
)
def test_what_cannot_pass_stops_at_once_with_one_sentence(ask, server, say, sentence):
    server.script = lambda body, seen: say
    answers = ask(words(range(20)))
    assert all(isinstance(answer, TeacherError) for answer in answers)
    assert sentence in str(answers[0]) and f"'writer' at {server.url}" in str(answers[0])
    assert KEY not in str(answers) and "\n" not in str(answers[0])
    # those in flight have asked once each; where the endpoint itself is unusable, nobody asked after them
    assert server.calls <= (20 if say.status == 400 else 8)


def test_a_teacher_that_is_down_is_waited_for_within_its_patience(ask, server, endpoint):
    down = replace(endpoint, base_url="http://127.0.0.1:9/v1", patience_s=0.3)
    (error,) = ask(words(["x"]), endpoints={"writer": down})
    assert isinstance(error, TeacherError)
    assert str(error) == (
        "The teacher role 'writer' at http://127.0.0.1:9/v1 does not answer (no connection could be made; for 0.3 s). "
        "See that it runs and is reachable; 'synth teacher check' tells more."
    )


def test_a_teacher_that_comes_back_within_the_patience_is_used(ask, server):
    server.script = lambda body, seen: Say(drop=True) if server.calls < 4 else Say()
    assert len(texts(ask(words(["x"])))) == 1


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        pytest.param(
            Say(status=400, error="too many", code="context_length_exceeded"), "too_long", id="context too long"
        ),
        pytest.param(Say(status=400, error="no", code="content_filter"), "refused", id="content policy"),
    ],
)
def test_a_request_that_only_this_record_caused_is_data(ask, server, say, reason):
    server.script = lambda body, seen: say if "bad" in question(body) else Say()
    good, bad = ask(words(["good", "bad"]))
    assert good.text
    assert isinstance(bad, Unusable) and bad.reason == reason


# -------------------------------------------------------------------------------------------- what endpoints can do


def modes(bodies):
    """In which mode each request asked for its schema."""
    return [body.get("response_format", {}).get("type", "plain") for body in bodies]


def asked(*things):
    async def work(teachers):
        return await asyncio.gather(*(teachers["writer"].ask(PROMPT, into=Word, thing=thing) for thing in things))

    return work


def test_an_endpoint_without_schemas_gets_json_mode_and_then_plain_words(ask, server):
    def script(body, seen):
        return Say(status=400, error="response_format is not supported") if "response_format" in body else Say()

    server.script = server.probe_script = script
    assert len(ask(asked(*range(20)))) == 20
    assert modes(server.probes) == ["json_schema", "json_object", "plain"]  # one probe, refused twice
    assert modes(server.requests) == ["plain"] * 20
    assert "follows this JSON schema" in question(server.requests[-1])


def test_the_way_a_schema_was_asked_for_is_not_part_of_the_key(ask, server):
    server.script = lambda body, seen: Say(status=422, error="no") if "response_format" in body else Say()
    first = ask(asked("x"))
    server.script = lambda body, seen: Say()
    assert ask(asked("x")) == first
    assert server.calls == 3


def test_a_request_that_is_refused_in_every_form_is_an_error(ask, server):
    server.script = lambda body, seen: Say(status=400, error="this endpoint likes nothing")
    with pytest.raises(TeacherError, match="this endpoint likes nothing"):
        ask(asked("x"))
    assert server.calls == 3


@pytest.mark.parametrize(
    ("refuses", "say", "sends"),
    [
        pytest.param(
            "max_tokens",
            Say(status=400, error="Use 'max_completion_tokens' instead.", param="max_tokens"),
            "max_completion_tokens",
            id="token field",
        ),
        pytest.param("seed", Say(status=422, error="Extra inputs are not permitted: seed"), "max_tokens", id="seed"),
    ],
)
def test_fields_that_a_model_refuses_are_left_out(ask, server, refuses, say, sends):
    server.script = lambda body, seen: say if refuses in body else Say()
    texts(ask(words(range(3))))
    assert refuses not in server.requests[-1] and sends in server.requests[-1]


def test_every_request_limits_its_answer(ask, server):
    ask(words(["x"]))
    assert server.requests[0]["max_tokens"] == 2_048


def test_a_dialect_is_only_changed_by_a_refusal_that_it_may_have_caused():
    refused = status_fault(400, '{"error": {"message": "temperature must be 1", "param": "temperature"}}')
    assert Dialect().after(refused, has_schema=True) == Dialect()
    assert Dialect().after(status_fault(500, "{}"), has_schema=True) == Dialect()


def test_an_address_elsewhere_is_asked_through_the_proxy_and_one_here_is_not(ask, server, endpoint, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    far = replace(endpoint, base_url="http://teacher.invalid/v1")
    assert len(texts(ask(words(range(3)), endpoints={"writer": far}))) == 3
    assert {headers["Host"] for headers in server.headers} == {"teacher.invalid"}
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert len(texts(ask(words(range(4, 7))))) == 3


# ------------------------------------------------------------------------------------------------------ what is said


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(Say(status=401, error=f"Incorrect API key provided: {KEY}"), id="key quoted"),
        pytest.param(
            Say(status=400, error="Bad request: Give one word for a private matter of Alice."), id="text quoted"
        ),
        pytest.param(Say(status=500, error=f"Authorization: Bearer {KEY}"), id="header quoted"),
        pytest.param(Say(drop=True), id="dropped"),
        pytest.param(Say(), id="well"),
    ],
)
def test_neither_key_nor_text_reaches_errors_logs_or_the_cache(ask, server, endpoint, cache_path, caplog, say):
    server.script = lambda body, seen: say
    logging.getLogger("openai").setLevel(logging.NOTSET)
    with caplog.at_level(logging.DEBUG):
        found = ask(
            words(["a private matter of Alice"]),
            endpoints={"writer": replace(endpoint, patience_s=0.05, max_retries=1)},
        )
    said = f"{found if isinstance(found[0], Exception) else ''}{caplog.text}{endpoint!r}"
    assert KEY not in said and "Alice" not in said
    kept = b"".join(path.read_bytes() for path in cache_path.parent.glob("cache.sqlite*"))
    assert KEY.encode() not in kept
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("words_said", "expected"),
    [
        pytest.param(f"wrong key {KEY}.", "wrong key ***.", id="the key"),
        pytest.param("wrong key sk-abcd******wxyz", "wrong key ***", id="part of a key"),
        pytest.param("two\n lines", "two lines", id="one line"),
        pytest.param("x" * 500, "x" * 300, id="cut"),
    ],
)
def test_an_endpoints_words_are_shown_without_secrets(words_said, expected):
    assert shown(words_said, KEY, "the prompt") == expected


def test_only_words_that_would_be_shown_are_looked_up_in_the_request():
    """A message of megabytes is looked through no further than it is shown, which held up all other requests."""
    asked = "Tell me of the letter that Alice wrote to nobody."
    assert (
        shown(f"bad: {'y' * 290}{asked}", KEY, asked) == "bad: its message quotes the request and is not shown"
    )  # five characters of it would be shown
    assert shown(f"bad: {'y' * 295}{asked}", KEY, asked) == f"bad: {'y' * 295}"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("1.5", 1.5, id="seconds"),
        pytest.param("-3", 0.0, id="negative"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", 0.0, id="a date that is past"),
        pytest.param("soon", None, id="words"),
        pytest.param("nan", None, id="not a number"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert retry_after_s(header) == seconds


def test_pauses_double_up_to_a_limit_and_are_jittered():
    patient = Endpoint("writer", "endpoint", ("m",), first_pause_s=1.0, patience_s=1_000)
    pauses = [pause_s(patient, failures) for failures in range(1, 12)]
    # the n-th pause lies between half of 2^(n-1) and 2^(n-1) seconds, and never above the limit
    for failures, pause in enumerate(pauses, start=1):
        longest = min(2.0 ** (failures - 1), LONGEST_PAUSE_S)
        assert longest / 2 <= pause <= longest


def test_a_timeout_counts_at_its_upper_estimate_and_a_refusal_does_not(ask, server, endpoint):
    """The first try may have been paid: its upper estimate counts to the end, beside the 15 of the answer."""
    server.script = lambda body, seen: Say(delay=30) if seen == 0 else Say()
    budget = Budget()
    ask(words(["x"]), endpoints={"writer": replace(endpoint, timeout_s=0.2)}, budget=budget)
    assert (budget.spent.calls, budget.spent.tokens) == (1, 15)
    assert budget.unconfirmed.calls == 1 and budget.unconfirmed.tokens > 2_048
    server.script = lambda body, seen: Say(status=500, error="no") if seen == 0 else Say()
    refused = Budget()
    ask(words(["y"]), budget=refused)
    assert (refused.spent.calls, refused.reserved.calls) == (1, 0)


# --------------------------------------------------------------------------------------------------------- fallback


def test_a_fallback_answers_while_the_endpoint_is_down_and_a_rerun_replays_it(ask, server, endpoint):
    """The judge's model is at the server; the writer's address answers nothing."""
    down = replace(endpoint, base_url="http://127.0.0.1:9/v1", fallback="judge")
    roles = {"writer": down, "judge": replace(endpoint, role="judge", models=("m2",))}
    used = []

    async def work(teachers):
        used.append(teachers.usage.roles["writer"])
        return await asyncio.gather(*(teachers["writer"].tell(PROMPT, thing=thing) for thing in range(20)))

    first = ask(work, endpoints=roles)
    assert {answer.call.model_id for answer in first} == {"m2-dated"}
    assert server.calls == 20
    assert used[0].failed == 0 and used[0].retries["handed over to judge"] == 20
    assert [answer.call for answer in ask(work, endpoints=roles)] == [answer.call for answer in first]
    assert server.calls == 20


def test_a_wrong_key_is_not_hidden_by_a_fallback(ask, server, endpoint):
    server.script = lambda body, seen: Say(status=401, error="no") if body["model"] == "m" else Say()
    roles = {"writer": replace(endpoint, fallback="judge"), "judge": replace(endpoint, role="judge", models=("m2",))}
    (error,) = ask(words(["x"]), endpoints=roles)
    assert isinstance(error, TeacherError) and "does not accept the key" in str(error)
