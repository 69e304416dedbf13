"""`synth run --preview`: a look at a few records, side by side, that keeps nothing."""

import pytest

from tests.cli.project import LINES, new_place


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return new_place(tmp_path_factory.mktemp("preview") / "p")


@pytest.fixture(scope="module")
def looked(place):
    return place.call("run", "--limit", "3", "--preview", COLUMNS="140")


def test_records_stand_beside_what_they_were_made_from(looked):
    assert looked.code == 0, looked.err
    head = next(line for line in looked.out.splitlines() if "verdict" in line)
    assert all(stage in head for stage in ("seed_corpus", "generated_instructions", "preference_pairs"))
    assert "lighthouse of Corran" in " ".join(looked.out.split()) and "kept" in looked.out
    assert "tiny, tried in" in looked.out and "No gate ran and no record was kept." in looked.out


def test_a_narrow_terminal_gets_the_stages_below_each_other(place):
    done = place.call("run", "--limit", "1", "--preview", COLUMNS="80")
    lines = done.out.splitlines()
    assert lines.index("seed_corpus") < lines.index("generated_instructions") < lines.index("preference_pairs")


def test_nothing_is_kept_but_what_the_teacher_answered(place, looked):
    assert place.call("status").err.startswith("synth: Nothing has been made yet.")
    again = place.call("run", "--limit", "3", "--preview", COLUMNS="140")
    assert "teacher: 0 calls" in again.out


def test_what_it_cost_counts_with_what_the_dataset_ever_cost(place, looked):
    asked = int(looked.out.split("teacher: ")[-1].split(" calls")[0])
    assert place.call("run").code == 0
    life = place.call("status", "--json").json()["teacher"]
    assert life["lifetime"]["calls"] >= asked + life["calls"] and asked


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limit", "3"], "--limit is for a look before a run, which keeps nothing: add --preview"),
        (["--preview", "--batch", "notes:start"], "so --batch cannot go with it"),
        (["--preview", "--release", "r0001", "--allow-missing"], "--release and --allow-missing cannot go with it"),
    ],
)
def test_options_that_contradict_each_other_are_refused(place, options, said):
    done = place.call("run", *options)
    assert done.code == 2 and said in done.err


def test_markup_in_a_text_is_printed_as_it_is(place):
    place.deliver([*LINES, "The [red]sign[/red] of the inn is used to show where the road [to] Corran begins."])
    done = place.call("run", "--limit", "9", "--preview", COLUMNS="140")
    assert done.code == 0 and "[red]sign[/red]" in " ".join(done.out.split())
