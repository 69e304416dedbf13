"""`synth status` says how much of each cap is used."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from synth_dagster.cli.budget import budget_line, standing
from synth_dagster.cli.plan import NEXT_RUN, caps_reached
from synth_dagster.lake.lake import Lake
from synth_dagster.spending import Cost, Report, Wish
from synth_dagster.teacher.budget import accounts_of, caps_of

CAPS = caps_of({"usd_per_recipe": 2, "tokens_per_run": 1_000, "tokens_per_month": 5_000})


@pytest.fixture
def lake(tmp_path):
    return Lake.open(tmp_path / "lake")


def spend(lake, session, **what):
    names = accounts_of(session, "d", lake.spending.month().name)
    lake.spending.close(Report("p", names, **what))


def test_each_cap_with_what_is_used_of_it(lake):
    spend(lake, "before", spent=Cost(Decimal("0.25"), 300, 3))
    spend(lake, "last", spent=Cost(Decimal("0.5"), 400, 4), unconfirmed=Cost(Decimal("0.125"), 100, 1))
    lake.spending.exchange(
        Report("q", accounts_of("last", "d", lake.spending.month().name)), Wish(Cost(tokens=50), Cost(tokens=50))
    )
    money, run, month = standing(lake, "d", "last", CAPS)
    assert money == {"cap": "usd_per_recipe", "unit": "usd", "over": "this recipe", "limit": 2.0} | {
        "spent": 0.75,
        "unconfirmed": 0.125,
        "reserved": 0.0,
        "left": 1.125,
    }
    assert (run["spent"], run["unconfirmed"], run["reserved"], run["left"]) == (400, 100, 50, 450)
    assert (month["spent"], month["left"]) == (700, 5_000 - 700 - 100 - 50)
    assert budget_line([money, run]) == (
        "budget: usd_per_recipe $0.8750 of $2.0000, $0.1250 of it for calls whose answer never came; "
        "tokens_per_run 500 of 1,000, 100 of it for calls whose answer never came"
    )


def test_an_unknown_price_makes_the_money_unknown_and_never_zero(lake):
    spend(lake, "last", spent=Cost(None, 300, 3), unpriced=3)
    (money, *_) = standing(lake, "d", "last", CAPS)
    assert (money["spent"], money["left"]) == (None, None)
    assert budget_line([money]) == "budget: usd_per_recipe unknown of $2.0000"


def test_a_plan_names_the_caps_that_have_too_little_left(lake):
    """Of 5,000 tokens of the month 700 are spent; of the 1,000 of a run none, for it has not begun."""
    spend(lake, "before", spent=Cost(Decimal("0.25"), 700, 3))
    room = standing(lake, "d", NEXT_RUN, CAPS)
    need = [
        {name: SimpleNamespace(value=value) for name, value in (("tokens_in", tokens), ("tokens_out", 0))}
        for tokens in (1_000, 1_001, 4_301)
    ]
    plans = [SimpleNamespace(amounts=amounts, usd=SimpleNamespace(value=1.75), calls=9) for amounts in need]
    assert [caps_reached(room, plan) for plan in plans] == [
        [],
        ["tokens_per_run"],
        ["tokens_per_run", "tokens_per_month"],
    ]


def test_without_caps_there_is_no_line(lake):
    assert standing(lake, "d", "last", []) == [] and budget_line([]) == ""
