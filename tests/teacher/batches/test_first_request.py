"""The first request to a model is asked live: what is wrong with all of them is said before thousands go."""

import pytest

from synth_dagster.errors import Pending, TeacherError
from tests.teacher.faulty import Say


def only_new_fields(body, seen):
    """An endpoint of today's models: it refuses a seed and the old name of the token limit."""
    for field in ("max_tokens", "seed"):
        if field in body:
            return Say(status=400, error=f"Unsupported parameter: '{field}'", param=field)
    return Say()


def of(server):
    return [set(line["body"]) for batch in server.batches for line in batch.lines]


def test_fields_that_the_endpoint_does_not_take_are_found_out_before_a_batch_is_made(ask, server):
    server.script = only_new_fields
    with pytest.raises(Pending, match="waits for 5 answers"):
        ask(new=True)
    assert server.calls == 3  # refused twice, then answered
    assert len(of(server)) == 5
    assert all("max_completion_tokens" in fields and not fields & {"max_tokens", "seed"} for fields in of(server))
    server.finish()
    assert len(set(ask(new=True))) == 6 and server.calls == 3


def test_what_was_found_out_is_remembered_by_the_next_run(ask, server):
    server.script = only_new_fields
    for things in (6, 12):
        with pytest.raises(Pending):
            ask(things, new=True)
        server.finish()
        ask(things, new=True)
    assert server.calls == 3 and len(of(server)) == 5 + 6
    assert all("max_tokens" not in fields for fields in of(server))


def test_a_setting_that_the_model_refuses_ends_the_run_with_a_sentence_and_no_batch(ask, server, role):
    server.script = lambda body, seen: Say(status=400, error="Unsupported value: 'temperature'", param="temperature")
    with pytest.raises(TeacherError, match=r"refuses the request to 'gpt-4o-mini' .*temperature"):
        ask(new=True, endpoint=role(temperature=0.3))
    assert server.batches == [] and server.calls == 1


def test_requests_that_were_refused_in_a_batch_are_tried_live_before_they_go_again(ask, server):
    with pytest.raises(Pending):
        ask()
    refused = Say(status=400, error="Unsupported value: 'temperature'", param="temperature")
    server.finish(fails=lambda place, line: refused)
    server.script = lambda body, seen: refused
    with pytest.raises(TeacherError, match="temperature"):
        ask()
    assert len(server.batches) == 1 and server.calls == 1


def test_one_request_alone_is_answered_at_once(ask, server):
    assert len(ask(1, new=True)) == 1
    assert server.calls == 1 and server.batches == []
