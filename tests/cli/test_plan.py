"""`synth plan`: what a run would do and cost, before any call."""

import pytest

from synth_dagster.methods.synthesize import grounded_qa
from synth_dagster.prompt import Prompt
from tests.cli.project import LINES, RECIPE, new_place
from tests.teacher.faulty import FaultServer


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A project, its plan before anything was made, and how the run after it ended."""
    place = new_place(tmp_path_factory.mktemp("plan") / "p")
    plan = place.call("plan", "--json")
    assert plan.code == 0, plan.err
    left = sorted(path.name for path in (place.root / "lake").iterdir())
    run = place.call("run")
    assert run.code == 0, run.err
    return place, plan.json(), left, place.call("status", "--json").json()


def test_the_embedded_teachers_calls_are_planned_to_the_call_and_to_the_token(planned):
    _, plan, _, status = planned
    total, teacher = plan["total"], status["teacher"]
    assert total["basis"] == "exact" and total["calls"] > 0
    for name in ("calls", "cached", "tokens_in", "tokens_out", "usd"):
        assert total[name] == teacher[name], name
    assert total["calls_interval"] == [total["calls"]] * 2 and total["certain_calls"] == total["calls"]


def test_a_plan_before_anything_was_made_leaves_no_answers_and_no_batches(planned):
    _, plan, left, _ = planned
    assert "cache.sqlite" not in left and "tiny" not in left
    assert {part["state"] for part in plan["batches"]} == {"new"}
    assert [part["stage"] for part in plan["batches"]] == ["seed_corpus", "generated_instructions", "preference_pairs"]


def test_after_the_run_there_is_nothing_to_do(planned):
    place = planned[0]
    assert "a run would ask nobody" in place.call("plan").out
    assert place.call("plan", "--json").json()["total"]["calls"] == 0


def test_what_an_edit_invalidates_is_said_with_why(planned):
    place = planned[0]
    recipe = place.root / "recipes/tiny.yaml"
    recipe.write_text(RECIPE.replace("[ultrafeedback]", "[ultrafeedback: {completions: 3}]"), encoding="utf-8")
    try:
        said = place.call("plan", "--by-batch", COLUMNS="140").out
        states = {part["stage"]: part["state"] for part in place.call("plan", "--json").json()["batches"]}
    finally:
        recipe.write_text(RECIPE, encoding="utf-8")
    assert states == {"seed_corpus": "current", "generated_instructions": "current", "preference_pairs": "stale"}
    assert "preference_pairs: stale (completions of ultrafeedback changed);" in said
    assert "preference_pairs: completions of ultrafeedback changed: 3 records of 1 batch to make anew" in said
    assert "generated_instructions: stale" not in said


def test_what_an_edited_prompt_invalidates_is_said_with_its_name_and_cost(planned, monkeypatch):
    place = planned[0]
    old = grounded_qa.QUESTIONS
    edited = Prompt(user=old["span"].user + " Be brief.", system=old["span"].system)
    monkeypatch.setattr(grounded_qa, "QUESTIONS", old | {"span": edited})
    (own, below) = place.call("plan", "--json").json()["stale"]
    said = place.call("plan", COLUMNS="160").out
    # two questions about each of three passages, of which one call asks
    assert (own["stage"], own["batches"], own["records"], own["calls"]) == ("generated_instructions", 1, 3, 3)
    assert own["why"] == "prompt QUESTIONS[span] of grounded_qa was edited" and own["usd"] == 0
    assert (below["stage"], below["why"]) == ("preference_pairs", "generated_instructions is made anew")
    line = "prompt QUESTIONS[span] of grounded_qa was edited: 3 records of 1 batch to make anew, 3 calls, $0.0000"
    assert f"generated_instructions: {line}" in said


def test_a_delivery_makes_its_batch_stale_and_what_was_answered_stays_free(planned):
    place, before, _, _ = planned
    place.deliver(LINES)  # four lines where there were three
    try:
        plan = place.call("plan", "--json").json()
        other = place.call("plan", "--batch", "notes:nothing")
    finally:
        place.deliver(LINES[:3])
    assert {part["why"] for part in plan["batches"]} == {
        "inputs changed",
        "seed_corpus is made anew",
        "generated_instructions is made anew",
    }
    assert 0 < plan["total"]["calls"] < before["total"]["calls"] and plan["total"]["cached"] > 0
    assert other.code == 2 and "notes:nothing" in other.err


def test_a_money_cap_over_an_unknown_price_is_refused_with_the_tokens_to_cap_instead(planned):
    place = planned[0]
    recipe = place.root / "recipes/tiny.yaml"
    writer = "  writer: {use: endpoint, model: our-own-model, fallback: spare}\n  spare: {use: embedded}\n"
    text = RECIPE.replace("  writer: {use: embedded}\n", writer) + "budget: {usd_per_run: 3}\n"
    recipe.write_text(text, encoding="utf-8")
    try:
        env = {"SYNTH_MODEL": "our-own-model", "OPENAI_API_KEY": "k"}
        people, programs = place.call("plan", **env), place.call("plan", "--json", **env)
    finally:
        recipe.write_text(RECIPE, encoding="utf-8")
    assert people.code == programs.code == 2
    assert "'usd_per_run' caps money, and the price of our-own-model is unknown" in people.err
    assert "Cap tokens instead (tokens_per_run, without usd_per_run)" in people.err and "Next:" not in people.out
    assert programs.json()["refused"] in people.err and programs.json()["total"]["usd"] is None
    assert "writer may hand over to spare" in people.out and programs.json()["fallbacks"] == {"writer": "spare"}


@pytest.mark.parametrize(
    ("model", "usd"),
    [pytest.param("gpt-4o-mini", True, id="known-price"), pytest.param("our-own-model", False, id="unknown-price")],
)
def test_a_paid_endpoint_is_not_asked_and_a_guess_is_called_one(tmp_path, model, usd):
    place = new_place(tmp_path / "p")
    recipe = place.root / "recipes/tiny.yaml"
    recipe.write_text(RECIPE.replace("embedded", "default"), encoding="utf-8")
    with FaultServer() as server:
        env = {"OPENAI_BASE_URL": server.url, "SYNTH_MODEL": model}
        plan = place.call("plan", "--json", **env).json()
        said = place.call("plan", COLUMNS="140", **env).out
        assert server.calls == 0
    total = plan["total"]
    assert total["cached"] == 0  # the call that finds out what the model understands is no answer that is missing
    assert total["basis"] == "stand-in" and total["usd_interval"] is None and total["seconds"] is None
    # three passages are known, so their questions are certain, and so is the call that finds out what the model
    # understands; what is asked about the questions is not
    assert plan["stages"]["generated_instructions"]["certain_calls"] == 3 + 1 == plan["total"]["certain_calls"]
    assert (total["usd"] is not None and total["usd"] > 0) if usd else total["usd"] is None
    assert "the embedded teacher stood in" in said and ("unknown" in said) and ("~$" in said) == usd


def test_a_role_in_provider_batches_is_priced_at_the_batch_price_and_it_is_said(tmp_path):
    place = new_place(tmp_path / "p")
    file = place.root / "recipes/tiny.yaml"

    def planned(batch):
        writer = f"writer: {{use: default, batch: {batch}}}"
        text = RECIPE.replace("writer: {use: embedded}", writer).replace(
            "judge: {use: embedded}", "judge: {use: default}"
        )
        file.write_text(text, encoding="utf-8")
        with FaultServer() as server:
            env = {"OPENAI_BASE_URL": server.url, "SYNTH_MODEL": "gpt-4o-mini", "COLUMNS": "140"}
            found = place.call("plan", "--json", **env).json(), place.call("plan", **env).out
            assert server.calls == 0
        return found

    (live, live_said), (batch, batch_said) = planned("false"), planned("true")
    assert live["provider_batches"] == {} and "provider batches" not in live_said
    assert batch["provider_batches"] == {"writer": {"share_of_live_price": 0.5}}
    assert "writer is asked in provider batches, which take up to a day each: the cost is 50% of the live" in batch_said
    # only the writer asks in the first teacher stage; in the second the judge asks too, live
    of = {name: plan["stages"]["generated_instructions"]["usd"] for name, plan in (("live", live), ("batch", batch))}
    probe = (81 * 0.15 + 9 * 0.60) / 1e6  # what finds out how a schema is taken is asked live
    assert of["batch"] - probe == pytest.approx((of["live"] - probe) / 2)
    whole, halved = (plan["stages"]["preference_pairs"]["usd"] for plan in (live, batch))
    assert whole / 2 < halved < whole
