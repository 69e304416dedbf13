"""What bad input gets, from the reader through the gate to what the command line says."""

import logging
import re
from pathlib import Path

import pytest

import definitions
from synth_dagster.errors import ExitCode, SynthError
from tests.assets.project import LINES, ONLY_CORPUS, TAUGHT, Programs, small_project
from tests.assets.teachers import Junk
from tests.scripted_teacher.echo import EchoTeacher

# ------------------------------------------------------------------------------------------------------- deliveries

GOOD = [f"This is the line number {n} and it has words of all the kinds that a page needs." for n in range(20)]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """Twenty good lines and four that cannot be used, run once: 4 of 24 is below the limit of a fifth."""
    project = small_project(tmp_path_factory.mktemp("bad") / "p", ONLY_CORPUS, Programs(EchoTeacher()))
    file = project.deliver(GOOD)
    with file.open("ab") as stream:
        stream.write(b"this is no JSON\n")
        stream.write(b'{"id": "x", "body": "the field of the text is missing"}\n')
        stream.write(b'{"id": "y", "text": "caf\xe9"}\n')
    (file.parent / "empty.txt").write_bytes(b"")
    told = project.run()
    return project, told


def test_the_good_lines_go_on_to_a_release(delivered):
    project, told = delivered
    assert (told.exit_code(), told.causes) == (ExitCode.DONE, [])
    assert {row["text"] for row in project.rows("seed_corpus")} == set(GOOD)
    assert project.releases() == ["r0001"]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        pytest.param("a.jsonl:21", "not_json", id="a line that is not JSON"),
        pytest.param("a.jsonl:22", "missing_field", id="a line without the field of the text"),
        pytest.param("a.jsonl:23", "invalid_utf8", id="a line that is not UTF-8"),
        pytest.param("empty.txt", "empty_file", id="an empty file"),
    ],
)
def test_what_cannot_be_read_is_a_row_of_rejects_with_its_place_and_reason(delivered, location, reason):
    project, _ = delivered
    found = {row["location"].rpartition("/")[2]: row for row in project.rows("rejects")}
    assert (found[location]["reason"], found[location]["kind"], found[location]["step"]) == (reason, "unusable", "read")
    assert found[location]["detail"]


def test_too_many_bad_lines_close_the_gate(project):
    small = project(ONLY_CORPUS, Programs(EchoTeacher()))
    file = small.deliver(GOOD[:3])
    with file.open("ab") as stream:
        stream.write(b"no JSON\n" * 2)  # 2 of 5 is 0.4, above the limit of 0.2
    told = small.run()
    assert told.exit_code() == ExitCode.FAILED
    (cause,) = [cause for cause in told.causes if "few_answers_are_rejected" in cause]
    assert "unusable 2" in cause and "rate 0.4" in cause and "at_most 0.2" in cause and "not_json 2" in cause
    assert small.lake.accepted("tiny", "seed_corpus", "notes:start") is None and small.releases() == []


def test_a_delivery_with_nothing_in_it_is_no_success(project):
    small = project(ONLY_CORPUS, Programs(EchoTeacher()))
    file = small.deliver([], "empty.jsonl")
    file.write_bytes(b"")
    assert small.run().exit_code() == ExitCode.FAILED
    assert small.releases() == []


def test_a_delivery_that_comes_again_under_another_name_is_kept_once_and_named_as_its_double(project):
    small = project(ONLY_CORPUS + "    deduplicate: {minhash: {}}\n", Programs(EchoTeacher()))
    small.deliver(GOOD, "a.jsonl")
    small.deliver(GOOD, "copy_of_a.jsonl")
    assert small.run().causes == []
    corpus = {row["record_id"]: row["content_hash"] for row in small.rows("seed_corpus")}
    assert len(corpus) == 2 * len(GOOD)
    verdicts = small.rows("verdicts")
    assert len(verdicts) == len(corpus)  # one for each, and every double says whose
    assert len({corpus[row["record_id"]] for row in verdicts if row["verdict"] == "kept"}) == len(
        [row for row in verdicts if row["verdict"] == "kept"]
    )
    for row in verdicts:
        if row["verdict"] == "dropped":
            assert row["reason"].startswith("minhash") and row["duplicate_of"] in corpus


# ---------------------------------------------------------------------------------------------------------- recipes

WRONG = """
dataset: wrong
sources:
  - {name: notes, reader: files, path: inbox/notes/}
stages:
  seed_corpus: [ppi]
  generated_instructions:
    - grounded_qa: {per_passage: 99}
  filtered_mix:
    of: generated_instructions
    filters: [minhash]
"""


def test_a_bad_recipe_says_all_its_mistakes_at_once_and_exits_2(project):
    small = project()
    small.deliver(LINES)
    small.write_recipe(WRONG, "wrong")
    code, out = small.synth("run", "wrong")
    assert code == ExitCode.USAGE, out
    assert re.search(r"wrong\.yaml:4: .*license", out), out
    assert re.search(r"wrong\.yaml:6: .*'ppi'.*'pii'", out), out
    assert re.search(r"wrong\.yaml:8: .*per_passage.*99", out), out
    assert re.search(r"wrong\.yaml:11: .*minhash.*dedup", out), out
    assert "Traceback" not in out


def test_a_bad_recipe_does_not_keep_the_others_from_loading(project, caplog):
    small = project()
    small.deliver(LINES)
    small.write_recipe(WRONG, "wrong")
    with caplog.at_level(logging.ERROR, logger="synth_dagster"):
        assert [recipe.dataset for recipe in definitions.recipes_of(small.root)] == ["tiny"]
    assert "wrong.yaml:4" in caplog.text
    assert definitions.build(small.root, env={}).resolve_job_def("tiny__batch") is not None


def test_a_recipe_whose_model_is_not_allowed_here_does_not_keep_the_others_from_loading(project, caplog):
    small = project()
    small.write_recipe(ONLY_CORPUS.replace("dataset: tiny", "dataset: cheap"), "cheap")
    paid = TAUGHT.replace("{use: embedded}", "{use: endpoint, model: large-model}")
    small.write_recipe(paid.replace("dataset: tiny", "dataset: dear"), "dear")
    with caplog.at_level(logging.ERROR, logger="synth_dagster"):
        loaded = definitions.build(small.root, env={})
    assert loaded.resolve_job_def("cheap__batch") is not None
    assert "dear.yaml is left out: The teacher role 'writer' uses a real endpoint" in caplog.text
    assert not [job.name for job in loaded.jobs or () if job.name.startswith("dear")]
    with pytest.raises(SynthError, match="SYNTH_MODEL"):  # who asks for it is told
        definitions.build(small.root, env={}, recipes=[small.recipe("dear")])


def test_two_recipes_of_one_dataset_are_both_refused(project, caplog):
    small = project()
    small.deliver(LINES)
    small.write_recipe(ONLY_CORPUS, "other")
    small.write_recipe(ONLY_CORPUS.replace("dataset: tiny", "dataset: third"), "third")
    assert [recipe.dataset for recipe in definitions.recipes_of(small.root)] == ["third"]
    assert "The dataset 'tiny' is also made by recipes/other.yaml" in caplog.text
    code, out = small.synth("run", "tiny")
    assert code == ExitCode.USAGE, out
    assert "The dataset 'tiny' is also made by recipes/other.yaml" in out


# --------------------------------------------------------------------------------------------------------- teachers


def test_a_teacher_that_is_down_is_said_within_its_patience_and_leaves_no_partial_batch(project, monkeypatch):
    monkeypatch.setenv("SYNTH_MODEL", "gone")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")  # nobody listens at the discard port
    small = project(TAUGHT.replace("{use: embedded}", "{use: endpoint, patience_s: 0.3}"))
    small.deliver(LINES)
    told = small.run()
    assert told.exit_code() == ExitCode.FAILED
    assert any("http://127.0.0.1:9/v1" in cause and "writer" in cause for cause in told.causes), told.causes
    assert small.versions("seed_corpus") and small.candidates("generated_instructions") == []
    assert small.releases() == []


@pytest.fixture(scope="module")
def nonsense(tmp_path_factory):
    """A teacher that writes nonsense about three of six passages, where at most a fifth may be unusable."""
    project = small_project(tmp_path_factory.mktemp("junk") / "p", TAUGHT, Programs(Junk("Zzyx")))
    project.deliver([*LINES[:3], *(f"Zzyx <i>number</i> {n} & its teacher disagree about it." for n in range(3))])
    return project, project.run()


def test_a_teacher_that_writes_nonsense_closes_the_gate(nonsense):
    project, told = nonsense
    assert told.exit_code() == ExitCode.FAILED
    (cause,) = [cause for cause in told.causes if "few_answers_are_rejected" in cause]
    assert "unusable 3" in cause and "rate 0.5" in cause and "at_most 0.2" in cause and "unparsable 3" in cause
    assert told.cures[0] == "Ask again for answers that were of no use: synth run tiny --retry-rejects"
    (refused,) = project.candidates("generated_instructions")
    rejects = project.lake.candidate_rejects(refused).to_pylist()
    assert [(row["reason"], row["kind"], row["step"]) for row in rejects] == [
        ("unparsable", "unusable", "grounded_qa")
    ] * 3
    assert project.lake.accepted("tiny", "generated_instructions", "notes:start") is None


def page_of(cause):
    return Path(cause.partition("examples: ")[2]).read_text(encoding="utf-8")


def test_the_page_of_examples_shows_what_came_escaped_and_the_inputs(nonsense):
    _, told = nonsense
    page = page_of(next(cause for cause in told.causes if "few_answers_are_rejected" in cause))
    assert page.count("&lt;b&gt;nonsense&lt;/b&gt; &amp; more") == 3 and "<b>" not in page
    for number in range(3):
        assert f"Zzyx &lt;i&gt;number&lt;/i&gt; {number} &amp; its teacher" in page
    assert "unparsable" in page


def test_junk_below_the_limit_is_counted_and_goes_on(project):
    few = project(TAUGHT, Programs(Junk("Zzyx")))
    few.deliver([*LINES, "Zzyx stands in one of seven passages, and that is less than a fifth of them."])
    told = few.run()
    assert told.causes == []
    assert [(row["reason"], row["raw"]) for row in few.rows("rejects")] == [("unparsable", "<b>nonsense</b> & more")]


def test_a_stage_that_gives_nothing_is_a_closed_gate_that_shows_three_inputs_and_why(project):
    class Silent(EchoTeacher):
        async def ask(self, prompt, /, *, into, **given):
            self.calls += 1
            return into.model_validate({"items": []})

    small = project(TAUGHT, Programs(Silent()))
    small.deliver(LINES)
    told = small.run()
    assert told.exit_code() == ExitCode.FAILED
    page = page_of(next(cause for cause in told.causes if "something_came_out" in cause))
    assert page.count("no_question") == 3 and page.count("the teacher wrote no item") == 3
    assert sum(line in page for line in LINES) == 3
    assert small.releases() == []
