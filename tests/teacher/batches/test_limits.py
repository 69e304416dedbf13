"""Caps and a provider's limits: what fits goes, what does not is said, and nothing goes twice."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import OverBudget, Pending
from synth_dagster.teacher.batches.lines import in_parts


@given(
    st.lists(st.integers(1, 30), max_size=50),
    st.integers(1, 10),
    st.integers(1, 60),
)
def test_parts_hold_all_in_order_within_both_limits_and_none_could_hold_the_next(sizes, most, most_bytes):
    parts = list(in_parts(iter(sizes), lambda size: size, most=most, most_bytes=most_bytes))
    assert [size for part in parts for size in part] == sizes
    for part in parts:
        assert 0 < len(part) <= most and (sum(part) <= most_bytes or len(part) == 1)
    for part, after in pairwise(parts):
        assert len(part) == most or sum(part) + after[0] > most_bytes


def account(lake):
    return lake.spending.read(["run/s"])["run/s"]


def test_under_a_cap_as_many_go_as_it_holds_and_the_rest_is_said_and_goes_when_it_is_raised(ask, server, lake):
    with pytest.raises(Pending) as pending:
        ask(calls_per_run=4)
    said = str(pending.value)
    assert "waits for 4 answers from 1 provider batch. " in said
    assert "2 more could not be submitted yet: The cap of this run is reached: calls_per_run is 4 calls" in said
    assert "Raise 'budget: calls_per_run' and run again" in said
    assert "These 2 requests need at most" in said and "at the batch price." in said
    assert len(server.submitted) == 4 and account(lake).parked.calls == 4

    server.finish()
    with pytest.raises(OverBudget, match=r"with 4 calls spent, and the next 2 calls may need .* These 2 requests need"):
        ask(calls_per_run=4)
    assert len(server.submitted) == 4 and account(lake).held.calls == 0

    with pytest.raises(Pending, match="waits for 2 answers"):
        ask(calls_per_run=6)
    server.finish()
    assert len(set(ask(calls_per_run=6))) == 6
    assert set(server.submitted.values()) == {1} and account(lake).spent.calls == 6


def test_a_money_cap_is_held_at_the_batch_price(ask, server):
    """What six requests need at most costs half in a batch, so a cap that holds three live ones holds all."""
    with pytest.raises(OverBudget) as refused:
        ask(usd_per_run=0.0)
    most = float(str(refused.value).rsplit("$", 1)[1].split(" ", 1)[0])
    with pytest.raises(Pending, match="waits for 6 answers"):
        ask(usd_per_run=most + 0.0001)
    assert len(server.batches) == 1


def test_what_one_run_has_submitted_another_waits_for_and_both_are_answered(ask, server):
    for stage in ("one", "other"):
        with pytest.raises(Pending, match="waits for 6 answers from 1 provider batch"):
            ask(stage=stage)
    server.finish()
    assert ask(stage="one") == ask(stage="other")
    assert set(server.submitted.values()) == {1}


def test_limits_of_count_and_of_bytes_split_and_every_request_goes_once(ask, server, role):
    endpoint = role(batch_requests=10, batch_bytes=2_000)
    with pytest.raises(Pending, match="waits for 40 answers"):
        ask(40, endpoint=endpoint)
    assert all(len(batch.lines) <= 10 and len(server.files[batch.file]) <= 2_000 for batch in server.batches)
    assert set(server.submitted.values()) == {1} and len(server.submitted) == 40
    server.finish()
    assert len(set(ask(40, endpoint=endpoint))) == 40
