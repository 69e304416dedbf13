"""The plan for a paid endpoint, after a sample: what it says is what the run then costs."""

import json

import pytest

from synth_dagster.readers.python_reference import topics
from synth_dagster.teacher.embedded import protocol
from synth_dagster.teacher.roles import EMBEDDED_MODELS
from tests.cli.project import RECIPE, Place, new_place
from tests.teacher.faulty import FaultServer, Say


def talkative(body, seen):
    """A model unlike the stand-in: it writes one and a half times as much, and its tokens are smaller.

    A fifth of its evolved instructions are spoiled, so that it also is asked another number of times.
    """
    place = 0 if "response_format" in body else body["seed"] % len(EMBEDDED_MODELS)
    try:
        found = protocol.chat(body | {"model": EMBEDDED_MODELS[place]})
    except protocol.Refused as refused:
        return Say(status=400, error=str(refused), param=refused.param)
    text = found["choices"][0]["message"]["content"]
    text = _spoiled(text) if "Operation: <operation>" in body["messages"][-1]["content"] else text
    usage = {"prompt_tokens": round(1.3 * found["usage"]["prompt_tokens"]) + 40}
    return Say(text=text, usage=usage | {"completion_tokens": round(1.5 * found["usage"]["completion_tokens"])})


def _spoiled(text: str) -> str:
    said = json.loads(text)
    return json.dumps(said | {"instruction": "a rewritten prompt"}) if len(text) % 5 == 0 else text


def test_a_sample_of_some_passages_makes_the_plan_of_all_an_estimate(tmp_path):
    """Every question costs the same here but for its length, so the estimate of what is left is nearly right."""
    place = new_place(tmp_path / "p")
    place.deliver([f"The mill number {n} of the valley is used to grind the rye of village {n}." for n in range(40)])
    recipe = RECIPE.replace("embedded", "default").replace("  preference_pairs: [ultrafeedback]\n", "")
    recipe = recipe.replace("  judge: {use: default}\n", "").replace(
        "of: preference_pairs", "of: generated_instructions"
    )
    (place.root / "recipes/tiny.yaml").write_text(recipe, encoding="utf-8")
    with FaultServer() as server:
        server.script = talkative
        env = {"OPENAI_BASE_URL": server.url, "SYNTH_MODEL": "gpt-4o-mini"}
        sampled = place.call("teacher", "check", "--sample", "--passages", "15", "--json", **env)
        assert sampled.code == 0, sampled.err
        plan = place.call("plan", "--json", **env).json()["total"]
        said = place.call("teacher", "check", "--sample", "--passages", "15", **env).out
    sample = sampled.json()["sample"]
    # a question about each passage, and one that finds out whether the endpoint keeps to a schema
    assert (sample["passages"], sample["paid"]["calls"]) == (15, 15 + 1) and sample["paid"]["usd"] > 0
    assert plan | {"seconds": None} == sample["run"] | {"seconds": None}
    assert (plan["basis"], plan["calls"], plan["cached"]) == ("sample", 25, 15)
    low, high = plan["usd_interval"]
    assert low <= plan["usd"] <= high
    assert plan["usd"] == pytest.approx(25 / 15 * sample["paid"]["usd"], rel=0.05)  # the rest is like what was asked
    assert "tiny, from a sample of 15 passages" in said and "with a 95 % interval" in said
    about = [body for body in server.requests if "mill" in json.dumps(body["messages"])]
    assert len(about) == 15  # neither a plan nor a second sample asked anything again


@pytest.mark.prove
def test_after_a_sample_the_cost_is_planned_within_15_percent(tmp_path):
    """The default recipe over every second topic of its reference."""
    place = Place(tmp_path / "p")
    assert place.call("new", str(place.root), cwd=tmp_path).code == 0
    halve(place)
    with FaultServer() as server:
        server.script = talkative
        env = {"OPENAI_BASE_URL": server.url, "SYNTH_MODEL": "gpt-4o-mini"}
        sampled = place.synth("teacher", "check", "--sample", "--passages", "50", "--json", **env)
        assert sampled.code == 0, sampled.err
        paid, plan = sampled.json()["sample"]["paid"], sampled.json()["sample"]["run"]
        run = place.synth("run", **env)
        assert run.code == 0, run.out + run.err
        cost = place.synth("status", "--json").json()["teacher"]
    print(json.dumps({"sample": paid, "plan": plan, "run": cost}))
    assert plan["basis"] == "sample" and paid["usd"] < 0.25 * cost["usd"]
    assert abs(plan["usd"] - cost["usd"]) <= 0.15 * cost["usd"]
    assert abs(plan["calls"] - cost["calls"]) <= 0.15 * cost["calls"]
    low, high = plan["usd_interval"]
    assert low <= cost["usd"] <= high


def halve(place: Place) -> None:
    """Deliver every second topic as a file of one's own, in the place of the whole reference."""
    folder = place.root / "inbox/reference"
    folder.mkdir(parents=True)
    rows = [json.dumps({"id": topic, "text": text}) for topic, text in sorted(topics().items())[::2]]
    (folder / "topics.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    recipe = place.root / "recipes/python_help.yaml"
    text = recipe.read_text(encoding="utf-8")
    halved = text.replace("reader: python_reference\n", "reader: files\n    path: inbox/reference/\n")
    assert halved != text
    recipe.write_text(halved, encoding="utf-8")
