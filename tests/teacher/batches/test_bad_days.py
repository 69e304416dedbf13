"""Bad days of a provider: what it refuses, drops or loses is asked again, and nothing is asked twice."""

import time

import pytest

from synth_dagster.errors import LakeError, Pending
from synth_dagster.lake.leases import Lease
from tests.teacher.faulty import Say

BUSY = Say(status=429, error="slow down", headers={"Retry-After": "0.2"})
DOWN = Say(status=503, error="overloaded")
DROPPED = Say(drop=True)


def to_the_end(ask, server, most=6, **options):
    for _ in range(most):
        try:
            return ask(**options)
        except Pending:
            server.finish()
    raise AssertionError("it never ends")


def what(method, path):
    kind, *more = path.strip("/").split("/")
    return f"{method} {kind}" + ("/one" if more else "")


@pytest.mark.parametrize(
    ("place", "say"),
    [
        *[
            pytest.param(place, BUSY, id=f"{place} is busy")
            for place in ("GET batches", "POST files", "POST batches", "GET batches/one", "GET files/one")
        ],
        *[
            pytest.param(place, say, id=f"{place} is {name}")
            for place in ("POST files", "POST batches", "GET batches/one", "GET files/one")
            for name, say in (("down", DOWN), ("dropped", DROPPED))
        ],
    ],
)
def test_what_is_refused_for_a_while_is_tried_again_and_nothing_is_asked_twice(ask, server, impatient, place, say):
    met: list[float] = []

    def refuse(method, path, seen):
        if what(method, path) != place:
            return None
        met.append(time.monotonic())
        return say if len(met) <= 2 else None

    server.refuse = refuse
    answers = to_the_end(ask, server)
    assert len(set(answers)) == 6 and server.calls == 0
    assert sorted(server.submitted.values()) == [1] * 6
    assert len(met) > 2
    if say is BUSY:
        assert met[1] - met[0] >= 0.2 and met[2] - met[1] >= 0.2  # as long as it asked to wait


def test_a_batch_that_never_arrived_is_dropped_and_its_requests_go_into_a_new_one(ask, server, ledger, impatient):
    server.refuse = lambda method, path, seen: DROPPED if what(method, path) == "POST batches" and not seen else None
    with pytest.raises(Pending):
        ask()
    (lost,) = ledger.open()
    assert (lost.state, lost.provider_id, server.batches) == ("intended", None, [])
    with pytest.raises(Pending):
        ask()
    (new,) = ledger.open()
    assert new.key != lost.key and len(server.batches) == 1
    assert ledger.lake.spending.read(["recipe/d"])["recipe/d"].held.calls == 6  # reserved once, not twice


def test_a_provider_that_asks_to_wait_long_is_not_asked_before(ask, server, ledger):
    server.refuse = lambda method, path, seen: Say(status=429, headers={"Retry-After": "7200"})
    began = time.time()
    with pytest.raises(Pending, match="no room for a batch now"):
        ask()
    (pause,) = ledger.pauses()
    assert pause.not_before >= began + 7200 and not ledger.is_ready(pause)
    assert ledger.open() == [] and server.batches == []


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        pytest.param({"status": "expired", "fails": lambda *_: "batch_expired"}, "expired", id="expired whole"),
        pytest.param({"loses_output": True}, "answers_gone", id="its answers are gone"),
        pytest.param({"status": "failed", "errors": ("token_limit_exceeded",)}, "token_limit_exceeded", id="refused"),
    ],
)
def test_a_batch_that_gave_nothing_is_asked_again_and_costs_nothing(ask, server, ledger, end, reason):
    with pytest.raises(Pending):
        ask()
    server.finish(**end)
    with pytest.raises(Pending, match="waits for 6 answers from 1 provider batch"):
        ask()
    assert {(fate.tries, fate.reason) for fate in ledger.fates().values()} == {(1, reason)}
    assert ledger.lake.spending.read(["recipe/d"])["recipe/d"].spent.calls == 0
    server.finish()
    assert len(set(ask())) == 6 and set(server.submitted.values()) == {2}


def test_failed_lines_are_asked_live_where_the_recipe_says_so(ask, server, role):
    endpoint = role(batch_failures="live")
    with pytest.raises(Pending):
        ask(endpoint=endpoint)
    server.finish(fails=lambda place, line: [Say(status=500), "batch_expired"][place] if place < 2 else None)
    assert len(set(ask(endpoint=endpoint))) == 6
    assert server.calls == 2 and len(server.batches) == 1


def test_what_keeps_a_batch_from_being_looked_at_is_said(ask, server):
    with pytest.raises(Pending):
        ask()
    server.refuse = lambda method, path, seen: (
        Say(status=401, error="no") if what(method, path).endswith("one") else None
    )
    with pytest.raises(Pending, match=r"waits for 6 answers .* could not be looked at: .* does not accept the key"):
        ask()


def test_who_lost_the_lease_makes_no_batch(ask, server, ledger, monkeypatch):
    def lost(lease):
        raise LakeError("The lease was lost.")

    monkeypatch.setattr(Lease, "check", lost)
    with pytest.raises(LakeError, match="lease was lost"):
        ask()
    assert server.batches == [] and ledger.open() == []


def test_a_batch_that_another_took_for_lost_while_it_was_made_is_cancelled(ask, server, ledger):
    """A machine that slept while another found its intention and dropped it."""

    def watch(moment, method, path):
        if (moment, what(method, path)) == ("before", "POST batches"):
            ledger.database.write("update provider_batches set state = 'dropped'")

    server.watch = watch
    with pytest.raises(LakeError, match="submits the same"):
        ask()
    assert [batch.status for batch in server.batches] == ["cancelling"]
