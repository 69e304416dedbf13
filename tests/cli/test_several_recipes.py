"""Which recipe and which dataset a command means where there are several."""

import pytest

from synth_dagster.cli.project import NoRecipe, Project
from synth_dagster.cli.status import show_status
from synth_dagster.errors import ExitCode
from tests.assets.project import ONLY_CORPUS, small_project


@pytest.fixture
def project(tmp_path):
    """A project with recipes of these names."""

    def with_recipes(*names):
        (tmp_path / "recipes").mkdir()
        for name in names:
            (tmp_path / "recipes" / f"{name}.yaml").write_text(ONLY_CORPUS.replace("tiny", name), encoding="utf-8")
        return Project(tmp_path)

    return with_recipes


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        pytest.param(["alone"], "alone", id="the only one"),
        pytest.param(["another", "python_help", "zoo"], "python_help", id="the default among several"),
    ],
)
def test_a_recipe_need_not_be_named_where_one_is_obvious(project, names, meant):
    assert project(*names).recipe(None).dataset == meant


@pytest.mark.parametrize(
    ("names", "said"),
    [
        pytest.param(["one", "two"], "Which recipe is meant: one, two? Name it, as in 'synth run one'.", id="several"),
        pytest.param([], "docs/recipes.md shows how to write one.", id="none"),
    ],
)
def test_a_recipe_is_asked_for_where_none_is_obvious(project, names, said):
    with pytest.raises(NoRecipe) as caught:
        project(*names).recipe(None)
    assert said in str(caught.value) and caught.value.exit_code == ExitCode.USAGE


def test_the_status_of_one_dataset_names_the_others(tmp_path, capsys):
    both = small_project(tmp_path / "p", ONLY_CORPUS)
    both.write_recipe(ONLY_CORPUS.replace("tiny", "second"), "second")
    both.deliver(["A river and a town and the bridge that is between the two of them."])
    assert both.run("tiny").causes == [] and both.run("second").causes == []
    show_status(both.root, None, as_json=False)
    shown = capsys.readouterr().out
    assert shown.strip().startswith("second") and "Other datasets: tiny. synth status --dataset tiny" in shown
    show_status(both.root, "tiny", as_json=False)
    assert "Other datasets: second." in capsys.readouterr().out
