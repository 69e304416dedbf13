"""A recipe that the embedded teacher cannot serve: the plan says so before, and the gate why and what to do."""

import pytest

from tests.cli.project import RECIPE, new_place

ENTITIES = """
  relations:
    kind: corpus
    from: seed_corpus
    steps: [entigraph]
  filtered_mix:
    of: relations
expect: {min_keep_rate: 0.3, max_reject_rate: 0.9}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """What asks for a list of entities, which rules do not give."""
    made = new_place(tmp_path_factory.mktemp("closed") / "p")
    recipe = RECIPE[: RECIPE.index("  generated_instructions")] + ENTITIES.lstrip("\n")
    (made.root / "recipes/tiny.yaml").write_text(recipe, encoding="utf-8")
    return made


def test_a_plan_says_which_gate_would_close_and_why(place):
    (said,) = place.call("plan", "--json").json()["closed_gates"]
    assert said.startswith("relations of notes:start would not pass its gate: 0 of ")
    assert "entigraph:repeats_prompt" in said and "SYNTH_MODEL" in said
    assert "would not pass its gate" in place.call("plan", COLUMNS="400").out


def test_the_gate_closes_and_says_why_and_what_to_do(place):
    run = place.call("run", COLUMNS="400")
    assert run.code == 1
    (said,) = [line for line in (run.out + run.err).splitlines() if "enough_is_kept failed" in line]
    assert "kept 0" in said and "entigraph:repeats_prompt" in said
    assert "set SYNTH_MODEL" in said and "examples: " in said


def test_a_plan_of_what_passes_names_no_gate(tmp_path):
    assert new_place(tmp_path / "p").call("plan", "--json").json()["closed_gates"] == []
