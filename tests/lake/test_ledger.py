"""The books that all processes of a lake share: exact, in either database, whoever dies."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.lake.leases import Holder
from synth_dagster.lake.ledger import LakeLedger, month_at
from synth_dagster.spending import NOTHING, Cap, Cost, MemoryLedger, Refusal, Report, Wish
from tests.lake.conftest import DATABASES, either

NAMES = {"run": "run/s", "recipe": "recipe/d"}
CAP = Cap("tokens_per_recipe", "recipe", "tokens", 100)


@pytest.fixture(params=DATABASES)
def metadata(request):
    return either(request)


@pytest.fixture
def ledger(metadata):
    return LakeLedger.open(metadata)


def tokens(number):
    return Cost(Decimal(number) / 1000, number, 1)


def wish(number, *, most=None, caps=(CAP,)):
    return Wish(tokens(most or number), tokens(number), caps)


def report(token="p", **what):
    return Report(token, NAMES, **{name: tokens(value) for name, value in what.items()})


def recipe(ledger):
    return ledger.read(["recipe/d"])["recipe/d"]


def test_what_is_granted_is_held_until_it_is_spent_or_given_back(ledger):
    assert ledger.exchange(report(), wish(40)) == tokens(40)
    assert recipe(ledger).held == tokens(40)
    ledger.exchange(report(spent=10, kept=20))
    after = recipe(ledger)
    assert (after.spent, after.held) == (tokens(10), tokens(20))
    ledger.close(report(spent=5))
    after = recipe(ledger)
    assert (after.spent.tokens, after.spent.usd, after.held) == (15, Decimal("0.015"), NOTHING)


def test_more_than_the_least_is_given_only_where_much_is_left(ledger):
    assert ledger.exchange(report("a"), wish(5, most=25)).tokens == 25  # a quarter of 100
    assert ledger.exchange(report("b"), wish(5, most=25)).tokens == 5  # a third of the 75 that are left
    refused = ledger.exchange(report("c"), wish(71))
    assert isinstance(refused, Refusal) and refused.waits  # 30 of the 100 may come back
    assert "30 tokens reserved by calls under way" in str(refused)


def test_nobody_waits_for_what_is_spent(ledger):
    ledger.exchange(report(spent=60, unconfirmed=30))
    refused = ledger.exchange(report("b"), wish(11))
    assert isinstance(refused, Refusal) and not refused.waits
    assert str(refused).startswith(
        "The cap of this recipe is reached: tokens_per_recipe is 100 tokens, with 60 tokens spent, 30 tokens counted "
        "for calls whose answer never came, and the next call may need 11 tokens."
    )
    assert ledger.exchange(report("b"), wish(10)).tokens == 10


def test_what_a_killed_process_held_counts_as_spent_and_is_shown_apart(ledger, monkeypatch):
    ledger.exchange(report("killed"), wish(40))
    assert recipe(ledger).held.tokens == 40
    monkeypatch.setattr(Holder, "is_gone", lambda holder: True)
    after = recipe(ledger)
    assert (after.spent.tokens, after.unconfirmed.tokens, after.held.tokens) == (0, 40, 0)
    assert ledger.database.rows("select * from allowances") == []


def test_a_process_that_was_only_asleep_says_what_became_of_what_was_written_off(metadata):
    sleepy = LakeLedger(LakeLedger.open(metadata).database, expires_s=-1)  # nothing lasts
    sleepy.exchange(report("asleep"), wish(40))
    other = LakeLedger.open(metadata)
    assert (recipe(other).unconfirmed.tokens, recipe(other).held.tokens) == (40, 0)
    assert isinstance(other.exchange(report("b"), wish(61)), Refusal)  # it may still spend its 40
    awake = LakeLedger.open(metadata)
    awake.exchange(report("asleep", spent=15, kept=20))
    after = recipe(other)
    assert (after.spent.tokens, after.unconfirmed.tokens, after.held.tokens) == (15, 0, 20)
    awake.close(report("asleep", spent=3))
    after = recipe(other)
    assert (after.spent.tokens, after.unconfirmed.tokens, after.held.tokens) == (18, 0, 0)


def test_what_is_parked_outlives_its_process_and_is_settled_once(ledger, monkeypatch):
    ledger.exchange(report("p"), wish(40))
    ledger.park(report("p", kept=10), "batch/1", tokens(30))
    monkeypatch.setattr(Holder, "is_gone", lambda holder: bool(holder.host))
    after = recipe(ledger)
    assert (after.held.tokens, after.parked.tokens, after.unconfirmed.tokens) == (30, 30, 10)
    refused = ledger.exchange(report("q"), wish(70))
    assert isinstance(refused, Refusal) and not refused.waits  # a provider's batch may take a day
    assert "30 tokens reserved by provider batches" in str(refused)
    for _ in range(2):
        with ledger.database.transaction() as transaction:
            LakeLedger.settle_parked(transaction, "batch/1", tokens(25))
    after = recipe(ledger)
    assert (after.held, after.parked, after.spent.tokens) == (NOTHING, NOTHING, 25)


def test_calls_of_unknown_price_make_the_money_of_an_account_unknown(ledger):
    ledger.close(Report("p", NAMES, Cost(None, 7, 1), unpriced=1))
    assert (recipe(ledger).usd, recipe(ledger).spent.tokens) == (None, 7)


def test_money_is_exact_over_many_reports(ledger):
    for _ in range(3):
        ledger.close(Report("p", NAMES, Cost(Decimal("0.1"), 0, 1)))
    assert recipe(ledger).usd == Decimal("0.3")  # which it is not in binary floats


@pytest.mark.parametrize(
    ("moment", "name", "left"),
    [
        pytest.param(0.0, "1970-01", 31 * 86_400, id="the first second of a month"),
        pytest.param(31 * 86_400 - 1.0, "1970-01", 1, id="its last one"),
        pytest.param(1_798_761_600.0 - 60, "2026-12", 60, id="the end of a year"),
        pytest.param(1_709_164_800.0, "2024-02", 86_400, id="the 29th of February"),
    ],
)
def test_a_month_is_one_of_utc(moment, name, left):
    assert (month_at(moment).name, month_at(moment).seconds_left) == (name, left)


def test_what_a_recipe_spent_before_there_was_a_ledger_is_known(metadata):
    """A lake of schema version 2, with two recorded batches of a recipe, one at an unknown price of another."""
    from synth_dagster.lake.database import open_database
    from synth_dagster.lake.meta_schema import MIGRATIONS

    old = open_database(metadata, MIGRATIONS[:2])
    add = """insert into usage
        (session_id, run_id, stage, batch, role, calls, cached, tokens_in, tokens_out, dataset, usd)
        values ('s', 'r', 't', 'b', 'writer', 2, 0, 10, 5, ?, ?)"""
    for dataset, usd in (("d", 0.25), ("d", 0.5), ("e", None)):
        old.write(add, (dataset, usd))
    old.close()
    found = LakeLedger.open(metadata).read(["recipe/d", "recipe/e"])
    assert found["recipe/d"].spent == Cost(Decimal("0.75"), 30, 4)
    assert (found["recipe/e"].usd, found["recipe/e"].spent.tokens) == (None, 15)


# What any number of processes may do, as they please: (process, what it does, how much)
STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["want", "spend", "lose", "close", "die"]), st.integers(1, 60)),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_processes_do_no_cap_is_passed_and_both_books_agree(tmp_path_factory, steps):
    """Each process spends at most what it holds. The lake's ledger and that of memory say the same at every step."""
    books = LakeLedger.open(tmp_path_factory.mktemp("books") / "meta.sqlite"), MemoryLedger()
    held = dict.fromkeys("abc", 0)
    dead = set()
    for process, what, number in steps:
        if process in dead:
            continue
        if what == "want":
            given_back = Report(process, NAMES, kept=Cost(tokens=held[process]))
            answers = [
                book.exchange(given_back, Wish(Cost(tokens=2 * number), Cost(tokens=number), [CAP])) for book in books
            ]
            assert answers[0] == answers[1]
            held[process] += answers[0].tokens if isinstance(answers[0], Cost) else 0
        elif what == "die":
            dead.add(process)  # nobody says a word of it again, and it holds what it holds
        else:
            used = min(held[process], number)
            held[process] = 0 if what == "close" else held[process] - used
            changed = "unconfirmed" if what == "lose" else "spent"
            said = Report(process, NAMES, kept=Cost(tokens=held[process]), **{changed: Cost(tokens=used)})
            for book in books:
                (book.close if what == "close" else book.exchange)(said)
        accounts = [recipe(book) for book in books]
        assert accounts[0] == accounts[1]
        assert accounts[0].counted.tokens <= 100
        assert accounts[0].held.tokens == sum(held.values())
