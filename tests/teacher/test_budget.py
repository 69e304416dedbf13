"""The cap is hard: reserved before, settled after, never passed."""

import asyncio
from decimal import Decimal

import pytest

from synth_dagster.errors import ExitCode, LakeError, OverBudget, TeacherError
from synth_dagster.spending import NOTHING, MemoryLedger, Month
from synth_dagster.teacher.budget import DEFAULT_TOKENS, Budget, shared_caps
from synth_dagster.teacher.prices import Price, Prices
from synth_dagster.teacher.roles import Endpoint
from tests.teacher.faulty import Say, words


@pytest.fixture
def priced():
    # 1,000,000 tokens in cost 1 dollar and out 10 dollars
    return Prices("2026-01-01", {"m": Price(Decimal(1), Decimal(10))})


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
        "The cap of this run is reached: tokens_per_run is 1,000 tokens, with 400 tokens spent, and the next call may "
        "need 601 tokens. Raise 'budget: tokens_per_run' and run again: what was paid is in the cache."
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


def test_what_the_last_call_gives_back_is_counted_before_the_cap_is_said_to_be_reached():
    """700 are reserved of 1,000 and 200 of them used. Neither the 500 given back nor the 300 left hold 700: both do."""

    async def story():
        budget = Budget(tokens_per_run=1_000, ledger=Slow(lambda: first.settle(100, 100)))
        first = await budget.reserve("m", 350, 350)
        (await budget.reserve("m", 350, 350)).release()
        return budget

    assert run(story()).spent.tokens == 200


class Slow(MemoryLedger):
    """Books whose second answer comes when something has happened meanwhile."""

    def __init__(self, meanwhile):
        super().__init__()
        self.meanwhile, self.asked = meanwhile, 0

    def exchange(self, report, wish=None):
        answer = super().exchange(report, wish)
        self.asked += 1
        if self.asked == 2:
            self.meanwhile()
        return answer


def test_an_unknown_fate_counts_as_spent_and_nobody_waits_for_it():
    async def story():
        budget = Budget(calls_per_run=2)
        (await budget.reserve("m", 1, 1)).hold()
        (await budget.reserve("m", 1, 1)).settle(1, 1)
        await budget.reserve("m", 1, 1)

    with pytest.raises(OverBudget, match="with 1 call spent, 1 call counted for calls whose answer never came,"):
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


def counted(budget):
    return (budget.spent + budget.unconfirmed + budget.reserved).tokens


def test_many_tasks_never_pass_the_cap_and_never_wait_for_ever():
    async def one(budget, number):
        reservation = await budget.reserve("m", 5, 5)
        assert counted(budget) <= 400
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
    assert 390 < counted(budget) <= 400


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
    assert [{cap.name: cap.limit for cap in budget.caps} for budget in (free, capped, embedded)] == [
        {"tokens_per_run": DEFAULT_TOKENS},
        {"calls_per_run": 3},
        {},
    ]


class TwoMonths(MemoryLedger):
    """Books whose November ends after a moment."""

    now = Month("2026-11", 0.05)

    def month(self):
        return self.now


def test_a_call_that_is_open_over_midnight_counts_in_the_month_in_which_it_was_sent():
    ledger = TwoMonths()

    async def story():
        with Budget(ledger=ledger, dataset="a", session="1", tokens_per_month=100) as budget:
            november = await budget.reserve("m", 80, 0)
            await asyncio.sleep(0.1)
            ledger.now = Month("2026-12", float("inf"))
            december = await budget.reserve("m", 70, 0)  # both would not fit into one month
            november.settle(75, 0)
            december.settle(70, 0)
            with pytest.raises(OverBudget, match="tokens_per_month"):
                await budget.reserve("m", 40, 0)

    run(story())
    spent = {name: account.spent.tokens for name, account in ledger.accounts.items() if name.endswith("/a")}
    assert {name: tokens for name, tokens in spent.items() if name.startswith("month/")} == {
        "month/2026-11/a": 75,
        "month/2026-12/a": 70,
    }
    assert ledger.read(["month/2026-11/a"])["month/2026-11/a"].held == NOTHING


def test_each_period_has_an_account_of_its_own_and_the_refusal_names_the_one_that_is_full():
    """Two recipes share a ledger: 60 + 60 tokens fit the 100 of a recipe each, and not the 150 of the month."""
    ledger = MemoryLedger()

    def budget(dataset, session, **caps):
        return Budget(ledger=ledger, dataset=dataset, session=session, shared=shared_caps(OPERATOR), **caps)

    async def spend(budget):
        with budget:
            (await budget.reserve("m", 60, 0)).settle(60, 0)

    run(spend(budget("a", "1", tokens_per_recipe=100, tokens_per_run=60)))
    with pytest.raises(OverBudget, match=r"cap of this recipe is reached: tokens_per_recipe .* with 60 tokens spent"):
        run(spend(budget("a", "2", tokens_per_recipe=100, tokens_per_run=60)))
    with pytest.raises(OverBudget, match="cap of this recipe and month is reached: tokens_per_month"):
        run(spend(budget("a", "3", tokens_per_month=100)))
    run(spend(budget("b", "4", tokens_per_recipe=100)))
    with pytest.raises(OverBudget, match=r"over all recipes is reached.*\. Raise SYNTH_TOKENS_PER_MONTH and"):
        run(spend(budget("c", "5")))


OPERATOR = {"SYNTH_TOKENS_PER_MONTH": "150"}


def test_runs_of_a_session_share_its_caps_and_what_a_closed_run_held_is_free_for_the_next():
    ledger = MemoryLedger()

    async def story():
        with Budget(ledger=ledger, calls_per_run=2) as first:
            await first.reserve("m", 1, 1)  # and nobody says what became of it
        with Budget(ledger=ledger, calls_per_run=2) as second:
            (await second.reserve("m", 1, 1)).settle(1, 1)
            await second.reserve("m", 1, 1)

    with pytest.raises(OverBudget, match="calls_per_run is 2 calls, with 1 call spent, 1 call counted for"):
        run(story())


def test_money_that_was_spent_at_an_unknown_price_cannot_be_capped_afterwards(priced):
    ledger = MemoryLedger()

    async def story():
        with Budget(ledger=ledger) as budget:
            (await budget.reserve("who knows", 1, 1)).settle(1, 1)

    run(story())
    capped = Budget(ledger=ledger, usd_per_month=5, prices=priced)
    with pytest.raises(
        TeacherError, match=r"usd_per_month counts money, and 1 call of this recipe and month had an unk"
    ):
        capped.admit([])
    Budget(ledger=ledger, tokens_per_month=5, prices=priced).admit([])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(
            {"SYNTH_USD_PER_MONTH": "-1"}, "SYNTH_USD_PER_MONTH is '-1', and must be a number of", id="negative"
        ),
        pytest.param({"SYNTH_USD_PER_MONTH": "nan"}, "must be a number of at least 0", id="not a number"),
        pytest.param({"SYNTH_USD_PER_MONTH": "inf"}, "must be a number of at least 0", id="without end"),
        pytest.param({"SYNTH_USD_PER_MONTH": "fifty"}, "must be a number of at least 0", id="a word"),
        pytest.param({"SYNTH_TOKENS_PER_MONTH": "1.5"}, "must be a whole number of at least 0", id="half a token"),
    ],
)
def test_a_cap_of_the_operator_is_a_number_of_at_least_zero(given, said):
    with pytest.raises(TeacherError, match=said):
        shared_caps(given)


def test_a_ledger_that_fails_fails_the_call_that_needed_it_and_the_next_one_tries_again():
    ledger = Failing()

    async def story():
        with Budget(ledger=ledger, tokens_per_run=10) as budget:
            first = await budget.reserve("m", 2, 2)
            ledger.fails = True
            first.settle(2, 2)
            with pytest.raises(LakeError, match="away"):
                await budget.reserve("m", 6, 0)
            ledger.fails = False
            (await budget.reserve("m", 6, 0)).settle(3, 0)

    run(story())
    assert ledger.read(["run/session"])["run/session"].spent.tokens == 4 + 3


class Failing(MemoryLedger):
    """Books on a server that is away for a while."""

    fails = False

    def exchange(self, report, wish=None):
        if self.fails:
            raise LakeError("The server is away.")
        return super().exchange(report, wish)


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


def test_what_the_provider_had_cached_is_paid_at_its_own_price(ask, server):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}}
    server.script = lambda body, seen: Say(usage=usage)
    budget = Budget(prices=Prices("2026-01-01", {"m": Price(Decimal(1), Decimal(10), cached=Decimal("0.5"))}))
    ask(words(["x"]), budget=budget)
    assert budget.spent.usd * 1_000_000 == 2 * 1 + 8 * Decimal("0.5") + 5 * 10


def test_an_endpoint_that_reports_no_tokens_is_charged_the_upper_estimate(ask, server):
    server.script = lambda body, seen: Say("ok", usage=None)
    budget = Budget()
    ask(words(["x"]), budget=budget)
    # two messages of 14 and 21 bytes with 16 each, 64 for the request, and 2 bytes of answer
    assert budget.spent.tokens == len("You are terse.") + len("Give one word for x.") + 2 * 16 + 64 + 2
