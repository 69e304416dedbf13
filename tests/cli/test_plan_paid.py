"""The plan of the default recipe for a paid endpoint, after a sample: what it says is what the run then costs."""

import json

import pytest

from synth_dagster.teacher.embedded import protocol
from synth_dagster.teacher.roles import EMBEDDED_MODELS
from tests.cli.project import Place
from tests.teacher.faulty import FaultServer, Say


def talkative(body, seen):
    """A model unlike the stand-in: it writes one and a half times as much, and its tokens are smaller.

    A fifth of its evolved instructions are spoiled, so that it also is asked another number of times.
    """
    place = 0 if "response_format" in body else body["seed"] % len(EMBEDDED_MODELS)
    found = protocol.chat(body | {"model": EMBEDDED_MODELS[place]})
    text = found["choices"][0]["message"]["content"]
    text = _spoiled(text) if "Operation: <operation>" in body["messages"][-1]["content"] else text
    usage = {"prompt_tokens": round(1.3 * found["usage"]["prompt_tokens"]) + 40}
    return Say(text=text, usage=usage | {"completion_tokens": round(1.5 * found["usage"]["completion_tokens"])})


def _spoiled(text: str) -> str:
    said = json.loads(text)
    return json.dumps(said | {"instruction": "a rewritten prompt"}) if len(text) % 5 == 0 else text


@pytest.mark.prove
def test_after_a_sample_the_cost_is_planned_within_15_percent(tmp_path):
    place = Place(tmp_path / "p")
    assert place.call("new", str(place.root), cwd=tmp_path).code == 0
    with FaultServer() as server:
        server.script = talkative
        env = {"OPENAI_BASE_URL": server.url, "SYNTH_MODEL": "gpt-4o-mini"}
        sampled = place.synth("teacher", "check", "--sample", "--passages", "60", "--json", **env)
        assert sampled.code in (0, 1), sampled.err  # the endpoint has no embedder, which this recipe does not need
        paid = sampled.json()["sample"]["paid"]
        plan = place.synth("plan", "--json", **env).json()["total"]
        run = place.synth("run", **env)
        assert run.code == 0, run.out + run.err
        cost = place.synth("status", "--json").json()["teacher"]
    print(json.dumps({"sample": paid, "plan": plan, "run": cost}))
    assert plan["basis"] == "sample" and paid["usd"] < 0.2 * cost["usd"]
    assert abs(plan["usd"] - cost["usd"]) <= 0.15 * cost["usd"]
    assert abs(plan["calls"] - cost["calls"]) <= 0.15 * cost["calls"]
    low, high = plan["usd_interval"]
    assert low <= cost["usd"] <= high
