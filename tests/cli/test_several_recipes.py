"""Which recipe and which dataset a command means where there are several."""

import pytest

from synth_dagster.cli.project import NoRecipe, Project
from synth_dagster.cli.status import print_summary, show_status
from synth_dagster.cli.terminal import Terminal
from synth_dagster.errors import ExitCode, UnknownName
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


def test_where_there_are_several_datasets_what_to_do_next_names_the_one_that_is_meant(tmp_path, capsys):
    final = ONLY_CORPUS.replace("filtered_mix:\n", "final:\n    kind: mix\n")
    both = small_project(tmp_path / "p", final)
    both.write_recipe(ONLY_CORPUS.replace("tiny", "second"), "second")
    both.deliver(["A river and a town and the bridge that is between the two of them."])
    assert both.run("tiny").causes == []
    show_status(both.root, "tiny", as_json=False)
    alone = capsys.readouterr().out
    assert "synth show final, synth trace" in alone and "synth export r0001 --format trl --to exports/r0001." in alone
    assert both.run("second").causes == []
    show_status(both.root, "tiny", as_json=False)  # the commands go by the last run, which is the other one's
    shown = capsys.readouterr().out
    assert "Other datasets: second." in shown
    assert "synth show final --dataset tiny, synth trace" in shown
    assert "synth export r0001 --dataset tiny --format trl --to exports/tiny-r0001." in shown


def test_what_was_made_is_named_up_to_four_batches_and_counted_beyond(tmp_path, capsys):
    small = small_project(tmp_path / "p", ONLY_CORPUS)
    small.deliver(["A river and a town and the bridge that is between the two of them."])
    assert small.run().causes == []
    for count, said in (
        (4, "made batch a:0, batch a:1, batch a:2, batch a:3, release r0001"),
        (5, "made 5 batches, release"),
    ):
        made = [*(f"batch a:{number}" for number in range(count)), "release r0001"]
        print_summary(Terminal(), small, "tiny", made=made, causes=())
        assert said in capsys.readouterr().out


def test_a_recipe_is_found_by_the_name_of_its_dataset_too(project, tmp_path):
    several = project("one", "two")
    (tmp_path / "recipes" / "two.yaml").rename(tmp_path / "recipes" / "renamed.yaml")
    assert several.recipe("two").dataset == several.recipe("renamed").dataset == "two"


def test_a_recipe_that_is_not_there_is_told_from_those_of_the_project_and_not_of_the_gallery(project, tmp_path):
    several = project("one", "two")
    gallery = tmp_path / "recipes" / "gallery"
    gallery.mkdir()
    (gallery / "alpaca.yaml").write_text(ONLY_CORPUS.replace("tiny", "alpaca"), encoding="utf-8")
    with pytest.raises(UnknownName, match=r"'shop'\. Known: one, two\."):
        several.recipe("shop")
    with pytest.raises(UnknownName, match="Did you mean 'alpaca'"):
        several.recipe("alpacas")


def test_what_may_be_done_about_a_failure_names_the_recipe_and_is_no_failure_itself(tmp_path):
    small = small_project(tmp_path / "p", ONLY_CORPUS)
    with small.deliver(["A river and a town."]).open("ab") as stream:
        stream.write(b"no JSON\n" * 2)
    told = small.run()
    assert told.cures == ["Repair them, or release without them: synth run tiny --allow-missing"]
    assert not any("allow-missing" in cause for cause in told.causes)
