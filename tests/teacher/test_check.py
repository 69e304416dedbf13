"""`synth teacher check`: each role in one line."""

import asyncio
from dataclasses import replace

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
