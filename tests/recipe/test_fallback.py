"""The fallback of a teacher role, as a recipe declares it."""

import pytest

from synth_dagster.errors import RecipeError
from synth_dagster.recipe.read import read_recipe

RECIPE = """\
dataset: tiny
sources:
  - {{name: notes, reader: files, path: inbox/, license: CC0-1.0, lang: en}}
teachers:
  writer: {{fallback: {writer}}}
  judge: {{fallback: {judge}}}
  spare: {{use: embedded}}
stages:
  seed_corpus: []
  generated_instructions: [grounded_qa]
  preference_pairs: [ultrafeedback]
  filtered_mix: {{of: preference_pairs, filters: [answer_rules]}}
"""


def read(tmp_path, **fallbacks):
    return read_recipe(RECIPE.format(**fallbacks), tmp_path / "recipes" / "tiny.yaml", tmp_path)


def test_a_role_that_only_stands_in_may_be_declared(tmp_path):
    teachers = read(tmp_path, writer="spare", judge="spare").teachers
    assert teachers["writer"].fallback == "spare" and "spare" in teachers


@pytest.mark.parametrize(
    ("fallbacks", "lines", "cause"),
    [
        pytest.param(
            {"writer": "judge", "judge": "writer"}, [6], "go in a circle: judge -> writer -> judge", id="circle"
        ),
        pytest.param({"writer": "writer", "judge": "spare"}, [5], "go in a circle", id="itself"),
        pytest.param({"writer": "spere", "judge": "spare"}, [5], "No role is called 'spere'", id="unknown"),
    ],
)
def test_a_fallback_that_cannot_be_used_is_refused_at_its_line(tmp_path, fallbacks, lines, cause):
    with pytest.raises(RecipeError) as refused:
        read(tmp_path, **fallbacks)
    assert [problem.line for problem in refused.value.problems if cause in problem.cause] == lines
