"""What a call costs is known exactly, or it is unknown; a price file with a slip says where."""

import datetime as dt
from decimal import Decimal

import pytest

from synth_dagster.errors import TeacherError
from synth_dagster.teacher.prices import Prices


def prices(tmp_path, text):
    path = tmp_path / "prices.json"
    path.write_text(text, encoding="utf-8")
    return Prices.load(path)


def own(tmp_path, models, date="2026-01-01"):
    return prices(tmp_path, f'{{"date": "{date}", "models": {models}}}')


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
    assert Prices.load().unknown([model]) == ([] if known else [model])


def test_a_file_of_ones_own_wins(tmp_path):
    found = own(tmp_path, '{"gpt-4o": {"in": 7, "out": 8}, "llama": {"in": 0, "out": 0}}')
    assert found.of("gpt-4o").of(1_000_000, 1_000_000) == 15
    assert found.of("llama").of(5, 5) == 0
    assert found.of("gpt-4o-mini") is not None


def test_what_the_provider_had_cached_and_what_waits_in_a_batch_has_its_own_price(tmp_path):
    model = own(tmp_path, '{"m": {"in": 2, "out": 10, "cached_in": 0.5, "batch_discount": 0.5}}').of("m")
    million = 1_000_000
    assert model.of(million, million) == 2 + 10
    assert model.of(million, 0, cached_in=400_000) == Decimal("0.6") * 2 + Decimal("0.4") * Decimal("0.5")
    assert model.of(million, million, batch=True) == 1 + 5
    assert model.most(million, million) == 12 and model.most(million, million, batch=True) == 6


def test_the_most_of_a_call_counts_with_the_dearer_of_cached_and_fresh(tmp_path):
    model = own(tmp_path, '{"m": {"in": 2, "out": 0, "cached_in": 3}}').of("m")
    assert model.most(1_000_000, 0) == 3


def test_batches_cost_what_is_named_for_them_and_else_the_usual_price(tmp_path):
    found = own(tmp_path, '{"m": {"in": 2, "out": 10, "batch_in": 1.5, "batch_out": 4}, "n": {"in": 2, "out": 3}}')
    assert found.of("m").of(1_000_000, 1_000_000, batch=True) == Decimal("5.5")
    assert found.of("n").of(1_000_000, 1_000_000, batch=True) == 5


def test_the_shipped_prices_know_both_and_an_old_date_is_said():
    found = Prices.load()
    assert found.of("gpt-4o").of(1_000_000, 0, batch=True) == Decimal("1.25")
    assert found.aged(["gpt-4o"], dt.date(2025, 9, 1)) == ""
    assert found.aged(["gpt-4o"], dt.date(2026, 8, 15)).startswith("The prices are those of 2025-08-15, 365 days old.")
    assert found.aged(["embedded-brief", "llama"], dt.date(2030, 1, 1)) == ""


def test_the_age_is_that_of_the_file_that_names_the_price(tmp_path):
    found = own(tmp_path, '{"llama": {"in": 1, "out": 1}}')
    today = dt.date(2026, 3, 1)
    assert found.aged(["llama"], today) == "" and "2025-08-15" in found.aged(["llama", "gpt-4o"], today)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        pytest.param('{"a": {"in": 1, "out": 1}, "a": {"in": 2, "out": 1}}', "names 'a' twice", id="two prices"),
        pytest.param('{"a": {"in": 1, "out": 1, "in": 2}}', "names 'in' twice", id="two prices in one model"),
        pytest.param('{"a": {"in": 1, "uot": 1}}', "'uot'. Did you mean 'out'?", id="a typo in what must be"),
        pytest.param('{"a": {"in": 1, "out": 1, "cache_in": 1}}', "'cache_in'. Did you mean 'cached_in'?", id="a typo"),
        pytest.param('{"a": {"in": 1}}', "'a' must have 'in' and 'out'", id="one is missing"),
        pytest.param('{"a": 3}', "'a' must have 'in' and 'out'", id="a number"),
        pytest.param('{"a": {"in": -1, "out": 1}}', "not a number from 0 to 1,000,000", id="negative"),
        pytest.param('{"a": {"in": "1", "out": 1}}', "not a number from 0", id="text"),
        pytest.param('{"a": {"in": NaN, "out": 1}}', "not a number from 0", id="not a number"),
        pytest.param('{"a": {"in": 1e9, "out": 1}}', "not a number from 0", id="dollars for a token"),
        pytest.param('{"a": {"in": 1, "out": 1, "batch_in": 1}}', "both 'batch_in' and 'batch_out'", id="half a batch"),
        pytest.param('{"a": {"in": 1, "out": 1, "batch_discount": 50}}', "a share from 0 to 1", id="percent"),
        pytest.param('["a"]', "cannot be used", id="a list"),
    ],
)
def test_a_price_with_a_slip_is_refused_with_what_is_wrong(tmp_path, models, said):
    with pytest.raises(TeacherError) as caught:
        own(tmp_path, models)
    assert said in str(caught.value) and "prices.json cannot be used" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            '{"date": "2026-01-01", "modells": {}}',
            "No field of it is called 'modells'. Did you mean 'models'?",
            id="typo above",
        ),
        pytest.param('{"models": {}}', 'it needs a "date"', id="no date"),
        pytest.param('{"date": "last spring", "models": {}}', 'it needs a "date"', id="a date in words"),
        pytest.param('{"date": 2026, "models": {}}', 'it needs a "date"', id="a year"),
        pytest.param('{"date": "2026-01-01"}', 'it needs "models"', id="no models"),
        pytest.param("[]", "its fields are", id="a list"),
        pytest.param('{"date":\n "2026-01-01",}', "it is no JSON (line 2, column", id="a comma too many"),
        pytest.param("", "it is no JSON (line 1, column 1)", id="empty"),
    ],
)
def test_a_price_file_that_cannot_be_used_says_why(tmp_path, text, said):
    with pytest.raises(TeacherError) as caught:
        prices(tmp_path, text)
    assert said in str(caught.value)


def test_a_price_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TeacherError, match=r"none\.json cannot be read"):
        Prices.load(tmp_path / "none.json")
