"""The gateway holds the caps of a recipe: what cannot be held is refused before the first request."""

import asyncio
import datetime as dt
import json

import pytest

from resources.environments import environment
from synth_dagster.errors import OverBudget, RecipeError, TeacherError
from synth_dagster.recipe import parse_recipe
from synth_dagster.spending import NOTHING
from tests.teacher.faulty import FaultServer, Say, words

RECIPE = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
teachers:
  writer: {use: endpoint, model: m, timeout_s: 0.3, max_retries: 0, patience_s: 0, max_tokens: 100}
stages:
  seed_corpus: []
  generated_instructions: [grounded_qa]
  filtered_mix: {of: generated_instructions}
budget:
  tokens_per_run: 1_000_000
  CAP
"""
PRICES = {"date": "2026-11-02", "models": {"m": {"in": 1, "out": 10}}}


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def project(tmp_path, server):
    """A project as a run finds it: `project(cap, **variables)` is its gateway, its recipe and its lake."""

    def project(cap, **variables):
        env = {"SYNTH_MODEL": "m", "OPENAI_BASE_URL": server.url, **variables}
        place = environment(tmp_path, env)
        recipe = parse_recipe(RECIPE.replace("CAP", cap), tmp_path / "recipes" / "tiny.yaml", tmp_path)
        return place.gateway(env), recipe, place.open_lake()

    return project


def ask(gateway, recipe, lake, *, session="s", about=("x",)):
    """One run that asks for a word about each."""

    async def story():
        spending = lake.spending
        async with gateway.open(recipe, run_id="r", session_id=session, spending=spending) as teachers:
            return await words(about)(teachers)

    return asyncio.run(story())


def account(lake, name="recipe/tiny"):
    return lake.spending.read([name])[name]


def test_a_money_cap_over_an_unknown_price_is_refused_with_its_line(project, server, tmp_path):
    with pytest.raises(RecipeError) as caught:
        ask(*project("usd_per_month: 5"))
    assert str(caught.value) == (
        f"{tmp_path}/recipes/tiny.yaml:13: 'usd_per_month' caps money, and the price of m is unknown. Cap tokens "
        "instead (tokens_per_month, without usd_per_month), or name the price in a price file (docs/budget.md)."
    )
    with pytest.raises(TeacherError, match=r"money cap \(SYNTH_USD_PER_MONTH\).*\(SYNTH_TOKENS_PER_MONTH, without"):
        ask(*project("calls_per_run: 5", SYNTH_USD_PER_MONTH="5"))
    assert server.calls == 0
    ask(*project("tokens_per_month: 100_000"))
    assert (server.calls, account(project("")[2]).usd) == (1, None)  # what it cost stays unknown


def test_a_price_of_ones_own_makes_the_money_known(project, tmp_path):
    (tmp_path / "prices.json").write_text(json.dumps(PRICES), encoding="utf-8")
    gateway, recipe, lake = project("usd_per_recipe: 1")
    ask(gateway, recipe, lake)
    # 10 tokens in and 5 out, at 1 and 10 dollars for a million
    assert float(account(lake).usd) == pytest.approx(60e-6)
    assert account(lake).held == NOTHING


def test_a_price_file_that_is_named_goes_before_the_projects_own(project, tmp_path):
    (tmp_path / "prices.json").write_text("{", encoding="utf-8")
    (tmp_path / "mine.json").write_text(json.dumps(PRICES), encoding="utf-8")
    ask(*project("usd_per_recipe: 1", SYNTH_PRICES="mine.json"))
    with pytest.raises(TeacherError, match=r"The price file .*prices\.json cannot be used"):
        ask(*project("usd_per_recipe: 1"))
    with pytest.raises(TeacherError, match=r"none\.json cannot be read"):
        ask(*project("usd_per_recipe: 1", SYNTH_PRICES="none.json"))


def test_old_prices_are_said_once(project, tmp_path, caplog):
    old = {**PRICES, "date": (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=400)).isoformat()}
    (tmp_path / "prices.json").write_text(json.dumps(old), encoding="utf-8")
    gateway, recipe, _ = project("usd_per_recipe: 1")
    gateway.admit(recipe)
    gateway.admit(recipe)
    assert [record.message.split(".")[0] for record in caplog.records] == [
        f"The prices are those of {old['date']}, 400 days old"
    ]


def test_a_request_that_timed_out_counts_in_the_next_run_too(project, server):
    """Its upper estimate is the 100 tokens of the answer and about 150 for the question: 300 hold no second one."""
    server.script = lambda body, seen: Say(delay=30)
    gateway, recipe, lake = project("tokens_per_recipe: 300")
    (failed,) = ask(gateway, recipe, lake, session="first")
    assert isinstance(failed, TeacherError)
    assert account(lake).spent.tokens == 0 and 200 < account(lake).unconfirmed.tokens < 300
    server.script = lambda body, seen: Say()
    (refused,) = ask(gateway, recipe, lake, session="second")
    assert isinstance(refused, OverBudget)
    assert "counted for calls whose answer never came" in str(refused)
    gateway, recipe, lake = project("tokens_per_recipe: 600")  # raised, it goes on
    (answer,) = ask(gateway, recipe, lake, session="third")
    assert answer.text.startswith("word") and account(lake).spent.tokens == 15


def test_a_run_whose_roles_are_all_endpoints_starts_no_embedded_teacher(project, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", pytest.fail)
    (answer,) = ask(*project(""))
    assert answer.text.startswith("word")
