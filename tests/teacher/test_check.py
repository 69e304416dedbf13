"""`synth teacher check`: each role in one line."""

import asyncio
from dataclasses import replace

import pytest

from synth_dagster.teacher.check import check
from tests.teacher.faulty import Say


def checked(**endpoints):
    return {finding.role: finding for finding in asyncio.run(check(endpoints))}


def test_a_role_that_works_says_what_it_supports(server, endpoint):
    found = checked(writer=endpoint, embedder=replace(endpoint, role="embedder"))
    writer, embedder = found["writer"], found["embedder"]
    assert (writer.reached, writer.schema, writer.n, writer.seed, writer.problem) == (True, True, True, True, "")
    assert writer.listed == ("m", "m2")
    assert (embedder.reached, embedder.embeddings, embedder.schema) == (True, True, None)
    assert "schema yes, n yes, seed yes" in writer.line() and "\n" not in writer.line()


def test_how_many_calls_go_through_is_measured_and_missing_abilities_are_said(server, endpoint):
    writer = checked(writer=endpoint)["writer"]
    assert writer.calls_a_minute and writer.calls_a_minute > 0 and " a minute; " in writer.line()
    assert (writer.logprobs, writer.batch) == (False, False)  # the server gives neither
    assert "logprobs no, batch no" in writer.line()


def test_what_an_endpoint_does_not_support_is_said(server, endpoint):
    def script(body, seen):
        if "response_format" in body:
            return Say(status=400, error="no response_format here")
        if body.get("n"):
            return Say(status=400, error="n is not supported")
        return Say(status=400, error="unknown field seed") if "seed" in body else Say()

    server.script = server.probe_script = script
    writer = checked(writer=endpoint)["writer"]
    assert (writer.reached, writer.schema, writer.n, writer.seed) == (True, False, False, False)


def test_a_rate_is_what_went_through_within_what_headers_and_recipe_allow(server, endpoint):
    told = {"limit-requests": "500", "remaining-requests": "499", "reset-requests": "120ms"}
    told |= {"limit-tokens": "200000", "remaining-tokens": "199990", "reset-tokens": "6m0s"}
    headers = {f"x-ratelimit-{name}": value for name, value in told.items()}
    server.script = lambda body, seen: Say(headers=headers)
    writer = checked(writer=endpoint)["writer"]
    assert writer.requests_allowed == 500 and writer.calls_a_minute <= 500
    assert writer.tokens_allowed == pytest.approx(200_000 / 6)  # whole again in six minutes, so not of one minute
    assert "it allows 500 requests and 33,333 tokens a minute" in writer.line()
    stated = checked(writer=replace(endpoint, requests_per_minute=100_000, max_in_flight=9))["writer"]
    assert stated.calls_a_minute <= 500


def test_of_several_addresses_the_rates_add_up_and_a_dead_one_is_named(server, endpoint):
    told = {"limit-requests": "500", "remaining-requests": "499", "reset-requests": "120ms"}
    server.script = lambda body, seen: Say(headers={f"x-ratelimit-{name}": value for name, value in told.items()})
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    both = replace(endpoint, base_urls=(server.url, elsewhere), patience_s=0.1)
    two = checked(writer=both)["writer"]
    assert two.requests_allowed == 1_000 and two.problem == "" and "and 1 more" in two.line()
    (one,) = checked(writer=replace(both, base_urls=(server.url, "http://127.0.0.1:9/v1"))).values()
    assert one.reached and one.requests_allowed == 500
    assert one.problem.startswith("1 of 2 addresses: http://127.0.0.1:9/v1 does not answer (no connection")
    (none,) = checked(writer=replace(both, base_urls=("http://127.0.0.1:9/v1", "http://127.0.0.1:10/v1"))).values()
    assert not none.reached and none.problem.startswith("2 of 2 addresses") and "\n" not in none.line()


@pytest.mark.parametrize(
    ("say", "line"),
    [
        pytest.param(
            Say(status=401, error="Incorrect API key provided", code="invalid_api_key"),
            "does not accept the key (HTTP 401: Incorrect API key provided). Correct the variable that holds it",
            id="a wrong key",
        ),
        pytest.param(
            Say(status=404, error="The model `m` does not exist", code="model_not_found"),
            "knows no model 'm' (HTTP 404: The model `m` does not exist). Correct SYNTH_MODEL or 'model' in the recipe",
            id="a model that is not there",
        ),
        pytest.param(
            Say(status=404, raw=b'{"detail": "Not Found"}'),
            "is no OpenAI-compatible endpoint: HTTP 404: Not Found. Correct OPENAI_BASE_URL or 'base_url'",
            id="a path that is not there",
        ),
        pytest.param(
            Say(raw=b"<!DOCTYPE html><html>Welcome</html>", content_type="text/html"),
            "is no OpenAI-compatible endpoint: a web page came instead of JSON. Correct OPENAI_BASE_URL or 'base_url'",
            id="a web page",
        ),
        pytest.param(
            Say(status=404, raw=b"<html>no such page</html>", content_type="text/html"),
            "is no OpenAI-compatible endpoint: HTTP 404 with a web page. Correct OPENAI_BASE_URL or 'base_url'",
            id="a web page with a status",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_what_to_correct(server, endpoint, say, line):
    server.script = lambda body, seen: say
    found = checked(writer=endpoint)["writer"]
    assert not found.reached and found.line() == f"writer: m at {server.url} {line}"


def test_a_model_that_the_endpoint_does_not_list_is_named(server, endpoint):
    assert checked(writer=replace(endpoint, models=("m", "m9")))["writer"].problem == "it does not list m9"


def test_why_something_fails_is_one_line_without_the_key(server, endpoint):
    server.script = lambda body, seen: Say(status=401, error=f"bad key {endpoint.api_key}")
    down = replace(endpoint, role="judge", base_url="http://127.0.0.1:9/v1", patience_s=0.1)
    found = checked(writer=endpoint, judge=down)
    assert not found["writer"].reached and "does not accept the key" in found["writer"].line()
    assert not found["judge"].reached and "no connection could be made" in found["judge"].line()
    assert endpoint.api_key not in found["writer"].line() + repr(found)
    assert "\n" not in found["writer"].line() + found["judge"].line()
