"""Dagster's storage holds no record text: what is written there can only be erased by deleting runs."""

import sqlite3

import pytest

from tests.assets.project import TAUGHT, Programs, small_project
from tests.assets.teachers import Junk

pytestmark = pytest.mark.prove

SOURCE, ANSWER = "Quagmirequartz", "Jabberjunction"  # words of a source and of a teacher's useless answer

# three sound passages, one that makes the teacher write nonsense, one that a mix rule drops
TEXTS = [
    *(f"{SOURCE} is a town of the valley and it has {n} mills, and more than that of inns." for n in range(3)),
    f"{SOURCE} has a Zzyx, about which the teacher writes nothing that can be used, and so it is rejected.",
]


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A run that closes a gate with examples, then one that goes through to a release and its report."""
    recipe = TAUGHT.replace("expect: {min_keep_rate: 0.1}", "expect: {min_keep_rate: 0.1, max_reject_rate: 0.2}")
    junk = Junk("Zzyx", text=f"{ANSWER} <b>is no JSON</b>")
    project = small_project(tmp_path_factory.mktemp("log") / "p", recipe, Programs(junk))
    file = project.deliver(TEXTS)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"{SOURCE} is no JSON\n")
    closed = project.run()  # 1 of 5 lines cannot be read; 1 of 4 answers is junk, and a fifth may be
    project.write_recipe(recipe.replace("max_reject_rate: 0.2", "max_reject_rate: 0.5"))
    return project, closed, project.run()


def files_with(folder, word):
    marks = [word.encode(), word.lower().encode(), word.encode("utf-16-le")]
    return [path for path in folder.rglob("*") if path.is_file() and any(mark in path.read_bytes() for mark in marks)]


def test_the_runs_did_what_they_should(everything):
    project, closed, told = everything
    assert any("few_answers_are_rejected" in cause and "examples: " in cause for cause in closed.causes)
    assert told.causes == [] and project.releases() == ["r0001"]
    assert any((project.lake.store.folder / "reports").rglob("r0001.md"))


@pytest.mark.parametrize("word", [SOURCE, ANSWER], ids=["of a source", "of an answer"])
def test_no_file_of_dagsters_storage_holds_a_word_of_a_record(everything, word):
    project, _, _ = everything
    storage = project.root / ".dagster"
    assert any(storage.rglob("*.db"))
    assert files_with(storage, word) == []
    for database in storage.rglob("*.db"):  # a long value may stand on several pages of a file
        connection = sqlite3.connect(database)
        assert word not in "\n".join(connection.iterdump())
        connection.close()


def test_the_words_stand_in_the_lake_where_they_can_be_erased(everything):
    project, _, _ = everything
    assert SOURCE in str(project.rows("seed_corpus")) and SOURCE in str(project.rows("filtered_mix"))
    assert ANSWER in str(project.rows("rejects"))
    assert files_with(project.lake.store.folder / "previews", ANSWER)


def test_what_is_told_to_the_terminal_holds_no_record_text(everything):
    _, closed, told = everything
    said = "\n".join([*closed.causes, *told.causes, *told.made])
    assert SOURCE not in said and ANSWER not in said


def test_events_carry_counts_a_data_version_and_links(everything):
    import dagster as dg

    project, _, _ = everything
    with project.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["tiny", "generated_instructions"]))
        materialization = event.asset_materialization
    (accepted,) = project.versions("generated_instructions").values()
    assert materialization.tags["dagster/data_version"] == accepted
    assert materialization.metadata["dagster/row_count"].value == 3
    assert materialization.metadata["rejected"].value == 1
    assert materialization.partition == "notes:start"
