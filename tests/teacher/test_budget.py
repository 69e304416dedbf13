"""The cap is hard: reserved before, settled after, never passed."""

import asyncio
from decimal import Decimal

import pytest

from synth_dagster.errors import ExitCode, OverBudget, TeacherError
from synth_dagster.teacher.budget import DEFAULT_TOKENS, Budget
from synth_dagster.teacher.prices import Prices
from synth_dagster.teacher.roles import Endpoint
from tests.teacher.faulty import Say, words


def prices(tmp_path, text):
    path = tmp_path / "prices.json"
    path.write_text(text, encoding="utf-8")
    return Prices.load(path)


@pytest.fixture
def priced(tmp_path):
    # 1,000,000 tokens in cost 1 dollar and out 10 dollars
    return prices(tmp_path, '{"date": "2026-01-01", "models": {"m": {"in": 1, "out": 10}}}')


def run(story):
    return asyncio.run(asyncio.wait_for(story, 20))


def test_a_call_that_does_not_fit_is_refused_with_what_was_spent_and_what_to_raise():
    async def story():
        budget = Budget(tokens_per_run=1_000)
        (await budget.reserve("m", 300, 300)).settle(200, 200)
        await budget.reserve("m", 300, 301)

    with pytest.raises(OverBudget) as caught:
        run(story())
    assert str(caught.value) == (
        "The cap of this run is reached: tokens_per_run is 1,000 tokens, 400 tokens is spent, 0 tokens is reserved "
        "and the next call may need 601 tokens. Raise 'budget: tokens_per_run' and run again: what was paid is in the "
        "cache."
    )
    assert caught.value.exit_code == ExitCode.OVER_BUDGET


def test_a_call_that_may_fit_waits_for_those_under_way():
    """700 are reserved and 200 of them used: the next 700 fit only after that is known."""

    async def story():
        budget = Budget(tokens_per_run=1_000)
        first = await budget.reserve("m", 350, 350)
        second = asyncio.create_task(budget.reserve("m", 350, 350))
        await asyncio.sleep(0.01)
        assert not second.done()
        first.settle(100, 100)
        (await second).release()
        return budget

    budget = run(story())
    assert (budget.spent.tokens, budget.reserved.tokens) == (200, 0)


def test_an_unknown_fate_stays_reserved_and_nobody_waits_for_it():
    async def story():
        budget = Budget(calls_per_run=2)
        (await budget.reserve("m", 1, 1)).hold()
        (await budget.reserve("m", 1, 1)).settle(1, 1)
        await budget.reserve("m", 1, 1)

    with pytest.raises(OverBudget, match=r"calls_per_run is 2 calls, 1 calls is spent, 1 calls is reserved"):
        run(story())


def test_a_released_call_costs_nothing_and_a_second_word_changes_nothing():
    async def story():
        budget = Budget(calls_per_run=1)
        first = await budget.reserve("m", 1, 1)
        first.release()
        first.settle(9, 9)
        (await budget.reserve("m", 1, 1)).settle(2, 3)
        return budget

    assert run(story()).spent.tokens == 5


def test_money_is_exact(priced):
    async def story():
        budget = Budget(usd_per_run=0.3, prices=priced)
        for _ in range(3):  # 0.1 three times is 0.3, which it is not in binary floats
            (await budget.reserve("m", 100_000, 0)).settle(100_000, 0)
        return budget

    assert run(story()).spent.usd == Decimal("0.3")


def test_many_tasks_never_pass_the_cap_and_never_wait_for_ever():
    async def one(budget, number):
        reservation = await budget.reserve("m", 5, 5)
        assert budget.spent.tokens + budget.reserved.tokens <= 400
        await asyncio.sleep(0)
        ends = (lambda: reservation.settle(3, 4), reservation.release, reservation.hold)
        ends[number % 3]()

    async def story():
        budget = Budget(tokens_per_run=400)
        ended = await asyncio.gather(*(one(budget, number) for number in range(300)), return_exceptions=True)
        return budget, ended

    budget, ended = run(story())
    assert any(isinstance(end, OverBudget) for end in ended)
    assert {type(end) for end in ended} <= {OverBudget, type(None)}
    assert 390 < budget.spent.tokens + budget.reserved.tokens <= 400


def test_a_caller_that_is_cancelled_while_it_waits_leaves_nothing_behind():
    async def story():
        budget = Budget(calls_per_run=1)
        first = await budget.reserve("m", 1, 1)
        waiting = asyncio.create_task(budget.reserve("m", 1, 1))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        first.release()
        return budget

    budget = run(story())
    assert (budget.reserved.calls, budget._waiting) == (0, [])


def test_an_unknown_price_under_a_money_cap_is_refused_before_the_first_call(ask, server):
    with pytest.raises(TeacherError, match=r"the price of m is unknown. Cap tokens instead \(tokens_per_run"):
        ask(words(["x"]), budget=Budget(usd_per_run=5))
    assert server.calls == 0


def test_a_real_endpoint_without_any_cap_gets_the_default_one():
    real = Endpoint("writer", "endpoint", ("m",))
    free, capped = Budget(), Budget(calls_per_run=3)
    embedded = Budget()
    free.admit([real])
    capped.admit([real])
    embedded.admit([Endpoint("writer", "embedded", ("embedded-extractive",))])
    assert [b.tokens_per_run for b in (free, capped, embedded)] == [DEFAULT_TOKENS, None, None]


@pytest.mark.parametrize("caps", [{"usd_per_run": -1}, {"tokens_per_run": -5}, {"usd_per_run": float("nan")}])
def test_a_cap_is_a_number_of_at_least_zero(caps):
    with pytest.raises(TeacherError, match="must be at least 0"):
        Budget(**caps)


def test_at_the_cap_the_run_stops_and_a_higher_cap_resumes_it(ask, server, endpoint):
    budget = Budget(calls_per_run=5)
    first = ask(words(range(20)), budget=budget)
    assert server.calls == budget.spent.calls == 5
    assert sum(isinstance(answer, OverBudget) for answer in first) == 15
    ask(words(range(20)), budget=Budget(calls_per_run=15))
    assert server.calls == 20


def test_cached_answers_cost_nothing(ask, server):
    ask(words(range(5)))
    nothing = Budget(calls_per_run=0, tokens_per_run=0, usd_per_run=None)
    assert len(ask(words(range(5)), budget=nothing)) == 5
    assert (nothing.spent.calls, server.calls) == (0, 5)


def test_the_money_of_a_call_is_what_the_endpoint_reports(ask, server, priced):
    budget = Budget(usd_per_run=1, prices=priced)

    async def work(teachers):
        await words(["x"])(teachers)
        return teachers.usage.total.usd

    # 10 tokens in and 5 out: 10 x $1 + 5 x $10 for a million each
    assert ask(work, budget=budget) == pytest.approx(60e-6)
    assert budget.spent.usd == Decimal("0.00006")


def test_an_endpoint_that_reports_no_tokens_is_charged_the_upper_estimate(ask, server):
    server.script = lambda body, seen: Say("ok", usage=None)
    budget = Budget()
    ask(words(["x"]), budget=budget)
    # two messages of 14 and 21 bytes with 16 each, 64 for the request, and 2 bytes of answer
    assert budget.spent.tokens == len("You are terse.") + len("Give one word for x.") + 2 * 16 + 64 + 2


# ------------------------------------------------------------------------------------------------------------ prices


@pytest.mark.parametrize(
    ("model", "known"),
    [
        pytest.param("gpt-4o", True, id="known"),
        pytest.param("gpt-4o-2024-08-06", True, id="a dated name"),
        pytest.param("embedded-brief", True, id="embedded is free"),
        pytest.param("gpt-4o-my-finetune", False, id="a name that only begins alike"),
        pytest.param("llama", False, id="unknown"),
    ],
)
def test_a_price_is_known_or_unknown_never_guessed(model, known):
    assert (Prices.load().of(model) is not None) == known


def test_a_file_of_ones_own_wins(tmp_path):
    own = prices(tmp_path, '{"models": {"gpt-4o": {"in": 7, "out": 8}, "llama": {"in": 0, "out": 0}}}')
    assert own.of("gpt-4o").of(1_000_000, 1_000_000) == 15
    assert own.of("llama").of(5, 5) == 0
    assert own.of("gpt-4o-mini") is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('{"models": {"a": {"in": 1, "out": 1}, "a": {"in": 2, "out": 1}}}', "'a' twice", id="two prices"),
        pytest.param('{"models": {"a": {"in": 1, "uot": 1}}}', "exactly 'in' and 'out'", id="typo"),
        pytest.param('{"modells": {}}', "its fields are", id="typo above"),
        pytest.param('{"models": {"a": {"in": -1, "out": 1}}}', "number of at least 0", id="negative"),
        pytest.param('{"models": {"a": {"in": "1", "out": 1}}}', "number of at least 0", id="text"),
        pytest.param('{"models": {"a": {"in": NaN, "out": 1}}}', "number of at least 0", id="not a number"),
        pytest.param("{", "cannot be used", id="not JSON"),
    ],
)
def test_a_price_file_that_cannot_be_used_says_why(tmp_path, text, said):
    with pytest.raises(TeacherError, match=said):
        prices(tmp_path, text)


def test_a_price_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TeacherError, match=r"none\.json cannot be read"):
        Prices.load(tmp_path / "none.json")
