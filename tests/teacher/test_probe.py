"""What a model understands: found out with one tiny call, remembered, and found out again when it is no longer so."""

import asyncio
import json
import logging
from dataclasses import replace

import pytest
from pydantic import Field

from synth_dagster.errors import OverBudget
from synth_dagster.services import Reply, Unusable
from synth_dagster.teacher import probe
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache, Stored
from synth_dagster.teacher.probe import FORM, Seen, remembered, seen_in
from tests.teacher.faulty import PROMPT, FaultServer, Say, Word, question, words


class Score(Reply):
    score: int = Field(ge=1)


def mode(body):
    """How a request asks for its schema."""
    return body.get("response_format", {}).get("type", "plain")


def asked(*things):
    async def work(teachers):
        return await asyncio.gather(*(teachers["writer"].ask(PROMPT, into=Word, thing=thing) for thing in things))

    return work


def follows(body, seen):
    return Say(FORM)


def blind(body, seen):
    """A decoder that follows the schema, and a model that never sees it."""
    return Say('{"zq_word": "..."}' if mode(body) == "json_schema" else FORM)


def ignores(body, seen):
    """It takes any field and heeds none."""
    return Say("Which form do you mean?" if mode(body) == "json_schema" else FORM)


def refuses(*modes):
    def script(body, seen):
        return Say(status=400, error="Unknown response_format") if mode(body) in modes else Say(FORM)

    return script


@pytest.mark.parametrize(
    ("endpoint_is", "probes", "then", "in_words"),
    [
        pytest.param(follows, ["json_schema"], "json_schema", False, id="real schemas"),
        pytest.param(blind, ["json_schema"], "json_schema", True, id="a decoder whose model sees no schema"),
        pytest.param(ignores, ["json_schema"], "json_object", True, id="ignores schemas"),
        pytest.param(
            refuses("json_schema"), ["json_schema", "json_object"], "json_object", True, id="JSON mode, no schemas"
        ),
        pytest.param(
            refuses("json_schema", "json_object"),
            ["json_schema", "json_object", "plain"],
            "plain",
            True,
            id="neither",
        ),
    ],
)
def test_what_an_endpoint_really_has_is_found_out_once_and_remembered(
    ask, server, caplog, endpoint_is, probes, then, in_words
):
    """No real request is refused or wasted, in no run; a warning says once what is missing."""
    server.probe_script = endpoint_is
    server.script = lambda body, seen: endpoint_is(body, seen) if endpoint_is(body, seen).status != 200 else Say()
    with caplog.at_level(logging.WARNING):
        ask(asked(*range(20)))
        ask(asked(*range(20, 30)))
    assert [mode(body) for body in server.probes] == probes
    assert {mode(body) for body in server.requests} == {then} and server.calls == 30
    assert all(("follows this JSON schema" in question(body)) == in_words for body in server.requests)
    assert len(caplog.records) == (then != "json_schema")


def test_the_probe_is_paid_and_counted_like_any_call(ask, server):
    budget = Budget()
    used = ask(usage_after, budget=budget)
    # the probe and one answer, 10 tokens in and 5 out each
    assert (used.calls, used.tokens_in, used.tokens_out) == (2, 20, 10)
    assert (budget.spent.calls, budget.spent.tokens, budget.reserved.calls) == (2, 30, 0)


async def usage_after(teachers):
    await asked("x")(teachers)
    return teachers.usage.total


def test_a_budget_that_cannot_hold_the_probe_sends_nothing(ask, server):
    with pytest.raises(OverBudget):
        ask(asked("x"), budget=Budget(tokens_per_run=100))
    assert (server.calls, server.probes) == (0, [])


def test_answers_that_are_kept_and_texts_without_a_schema_need_no_probe(ask, server, cache_path):
    ask(words(["x"]))
    assert server.probes == []
    first = ask(asked("x"))
    forget_what_is_known(cache_path)
    assert ask(asked("x")) == first
    assert len(server.probes) == 1


def forget_what_is_known(cache_path):
    with AnswerCache.open(cache_path) as cache:
        cache._written._do([lambda connection: connection.execute("delete from abilities")])


def test_bytes_do_not_depend_on_what_is_remembered(ask, server, endpoint, cache_path):
    """The same answers, replayed under another dialect than they were asked in."""
    first = ask(asked(*range(5)))
    forget_what_is_known(cache_path)
    server.probe_script = refuses("json_schema", "json_object")
    assert ask(asked(*range(6)))[:5] == first
    assert mode(server.requests[-1]) == "plain" and server.calls == 6


def test_it_is_asked_again_when_what_was_found_out_is_refused(ask, server):
    ask(asked("before"))
    server.probe_script = refuses("json_schema")
    server.script = lambda body, seen: Say(status=400, error="no schemas") if mode(body) == "json_schema" else Say()
    ask(asked("after"))
    assert [mode(body) for body in server.requests] == ["json_schema", "json_schema", "json_object"]
    ask(asked("later"))  # now it is found out again, and the request is put as it is understood
    assert [mode(body) for body in server.probes] == ["json_schema", "json_schema", "json_object"]
    assert [mode(body) for body in server.requests[3:]] == ["json_object"]


def test_it_is_asked_again_after_a_week(ask, server, monkeypatch):
    ask(asked("x"))
    monkeypatch.setattr(probe, "REMEMBERED_S", 0.0)
    ask(asked("y"))
    assert len(server.probes) == 2


def test_fields_that_a_model_refuses_are_remembered_without_a_probe(ask, server):
    def script(body, seen):
        return Say(status=400, error="Use max_completion_tokens", param="max_tokens") if "max_tokens" in body else Say()

    server.script = script
    ask(words(["x"]))
    ask(words(["y"]))
    assert ["max_tokens" in body for body in server.requests] == [True, False, False]
    server.script = lambda body, seen: (
        Say(status=400, error="Unknown field", param="max_completion_tokens") if "max_tokens" not in body else Say()
    )
    ask(words(["z"]))  # the endpoint was changed: what was remembered is forgotten
    assert ["max_tokens" in body for body in server.requests[3:]] == [False, True]
    assert server.probes == []


def test_each_address_and_model_is_found_out_for_itself(ask, server, endpoint):
    with FaultServer() as other:
        other.probe_script = ignores
        roles = {
            "writer": replace(endpoint, models=("m", "m2")),
            "judge": replace(endpoint, role="judge", base_url=other.url),
            "critic": replace(endpoint, role="critic"),
        }

        async def work(teachers):
            for role in roles:
                for model in teachers[role].models:
                    await teachers[role].ask(PROMPT, into=Word, thing="x", model=model)
                    await teachers[role].ask(PROMPT, into=Word, thing=role, model=model)

        ask(work, endpoints=roles)
        assert [body["model"] for body in server.probes] == ["m", "m2"]
        assert [body["model"] for body in other.probes] == ["m"]


def test_a_schema_that_is_refused_for_a_keyword_falls_back_alone_with_one_warning(ask, server, caplog):
    """The endpoint has schemas and knows no `minimum`: one method's requests are put in other words, the rest not."""

    def script(body, seen):
        says = "minimum" in json.dumps(body.get("response_format", {}))
        return Say(status=400, error="Unsupported keyword: minimum") if says else Say()

    server.script = script

    async def work(teachers):
        await asyncio.gather(*(teachers["writer"].ask(PROMPT, into=Score, thing=n) for n in range(30)))
        await asked(*range(10))(teachers)

    with caplog.at_level(logging.WARNING), pytest.raises(Unusable):
        ask(work)  # the server's answers are words, no scores; what matters is how it was asked
    refused = [body for body in server.requests if mode(body) == "json_schema"]
    assert len(refused) <= 30 and len(caplog.records) == 1
    assert "refuses the schema of 'score' (HTTP 400: Unsupported keyword: minimum)" in caplog.text
    server.requests.clear()
    ask(asked(*range(10, 15)))
    assert [mode(body) for body in server.requests] == ["json_schema"] * 5


def test_one_request_that_is_refused_in_every_form_changes_nothing_for_the_others(ask, server):
    server.script = lambda body, seen: Say(status=400, error="bad text") if "poison" in question(body) else Say()

    async def work(teachers):
        with pytest.raises(Exception, match="bad text"):
            await asked("poison")(teachers)
        await asked("good")(teachers)

    ask(work)
    assert [mode(body) for body in server.requests] == ["json_schema", "json_object", "plain", "json_schema"]


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(Say("I think", finish="length"), id="cut"),
        pytest.param(Say(" "), id="empty"),
        pytest.param(Say(refusal="no"), id="refused"),
        pytest.param(Say(status=400, error="likes nothing"), id="refused in every form"),
    ],
)
def test_a_probe_that_shows_nothing_is_not_believed_nor_repeated_in_the_run(ask, server, say):
    server.probe_script = lambda body, seen: say
    ask(asked(*range(10)))
    assert {mode(body) for body in server.requests} == {"json_schema"}
    assert len(server.probes) == (3 if say.status == 400 else 1)
    ask(asked("later"))
    assert len(server.probes) == (6 if say.status == 400 else 2)


def test_settings_that_some_models_refuse_are_not_in_the_probe(ask, server):
    ask(asked("x"))
    assert server.probes[0].keys() == {"model", "messages", "max_tokens", "seed", "response_format"}


@pytest.mark.parametrize(
    ("text", "finish", "seen"),
    [
        pytest.param(FORM, "stop", Seen("json_schema", True), id="follows and reads"),
        pytest.param(f"<think>A form.</think>{FORM}", "stop", Seen("json_schema", True), id="after thoughts"),
        pytest.param('{"zq_word": ""}', "stop", Seen("json_schema", False), id="follows, unread"),
        pytest.param('{"form": "marzipan"}', "stop", Seen("json_object"), id="JSON of its own"),
        pytest.param("Which form?", "stop", Seen("json_object"), id="words"),
        pytest.param(FORM, "length", Seen(None), id="cut"),
    ],
)
def test_what_an_answer_to_the_probe_shows(text, finish, seen):
    assert seen_in(Stored(model="m", text=text, finish_reason=finish), "json_schema") == seen


def test_what_another_version_wrote_down_is_found_out_again(ask, server, endpoint, cache_path):
    with AnswerCache.open(cache_path) as cache:
        key = probe.dialect_id(endpoint, "m")
        asyncio.run(cache.note_ability(key, '{"dialect": {"mode": "telepathy"}, "probed": true}'))
        assert asyncio.run(remembered(cache, endpoint, "m")) is None
    ask(asked("x"))
    assert len(server.probes) == 1
