"""A try-out: a few records through every stage, in a lake that is thrown away."""

import json

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.lake.lake import Lake
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.tryout import try_out
from tests.assets.project import LINES, TAUGHT, Programs, small_project
from tests.assets.teachers import Junk
from tests.scripted_teacher.echo import EchoTeacher

TWO_SOURCES = TAUGHT.replace(
    "stages:",
    "  - {name: letters, reader: files, path: inbox/letters/, license: CC0-1.0, lang: en, optional: true}\nstages:",
    1,
).replace("teachers:\n  writer: {use: embedded}\n", "", 1)
TWO_SOURCES = TWO_SOURCES.replace("stages:", "teachers: {writer: {use: embedded}}\nstages:", 1)


@pytest.fixture
def tried(tmp_path):
    """Tries a recipe on `lines`; what came of it, and the project."""

    def run(recipe=TAUGHT, limit=20, teacher=None, **deliveries):
        project = small_project(tmp_path / "p", recipe, Programs(teacher or EchoTeacher()))
        for source, lines in deliveries.items():
            project.deliver(lines, source=source)
        context = RunContext(
            recipe=project.recipe("tiny"),
            lake=Lake.open(tmp_path / "scratch"),
            teachers=project.teachers,
            places=project.environment.places,
            run_id="try",
            session_id="try",
        )
        return try_out(context, limit), project

    return run


def texts(tried):
    return [line.records["seed_corpus"]["text"] for line in tried.lines]


def test_a_line_leads_from_a_passage_to_its_fate(tried):
    found, _ = tried(notes=LINES)
    assert sorted(set(texts(found))) == sorted(LINES)
    kept = [line for line in found.lines if line.fate == "kept"]
    assert kept and all(list(line.records) == ["generated_instructions", "seed_corpus"] for line in kept)
    assert found.counts["seed_corpus"] == len(LINES) and not found.causes


def test_what_a_guard_holds_back_goes_no_further(tried):
    guarded = TAUGHT.replace("  seed_corpus: []", "  seed_corpus: {guards: [privacy_security_guard]}")
    assert guarded != TAUGHT
    address = "The keeper of the archive is reached at maria.keller@rathaus-sulmar.de about the old maps."
    found, _ = tried(guarded, notes=[*LINES, address])
    fates = {line.records["seed_corpus"]["text"]: line.fate for line in found.lines if len(line.records) == 1}
    assert fates[address] == "seed_corpus: held, privacy_security_guard:email"
    assert any(line.fate == "kept" for line in found.lines)


def test_the_limit_holds_and_lines_stand_in_the_order_of_the_source(tried):
    found, _ = tried(limit=3, notes=LINES)
    assert found.counts["seed_corpus"] == 3
    assert list(dict.fromkeys(texts(found))) == list(LINES[:3])


def test_what_a_small_source_cannot_give_the_others_do(tried):
    """Six passages in all: two letters and four notes, not three and two."""
    found, _ = tried(TWO_SOURCES, limit=6, notes=LINES, letters=["One letter was sent.", "Another was not sent."])
    sources = [line.records["seed_corpus"]["source"] for line in found.lines]
    passages = {
        line.records["seed_corpus"]["record_id"]: source for line, source in zip(found.lines, sources, strict=True)
    }
    assert sorted(passages.values()) == ["letters"] * 2 + ["notes"] * 4


@pytest.mark.parametrize(("limit", "unreadable"), [(1, {}), (2, {"seed_corpus:read:not_json": 1})])
def test_a_source_is_not_read_further_than_needed(tried, tmp_path, limit, unreadable):
    """The second line is no JSON: a look at one passage never comes to it."""
    folder = tmp_path / "p/inbox/notes"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text(json.dumps({"id": "0", "text": LINES[0]}) + "\nno JSON\n")
    found, _ = tried(limit=limit)
    assert (found.counts["seed_corpus"], found.rejects) == (1, unreadable)


def test_what_a_teacher_makes_unusable_is_a_cause_with_its_reasons(tried):
    found, _ = tried(teacher=Junk(), notes=LINES)
    assert found.causes == ["'generated_instructions' made nothing of notes"]
    assert sum(found.rejects.values()) == len(LINES)
    assert all(line.fate.startswith("generated_instructions: ") for line in found.lines)


def test_sources_with_nothing_in_them_are_said(tried):
    with pytest.raises(SynthError, match="hold nothing to read"):
        tried(TAUGHT.replace("lang: en", "lang: en, optional: true"))


def test_the_project_keeps_nothing(tried):
    _, project = tried(notes=LINES)
    assert project.lake.datasets() == [] and project.lake.meta.planned("tiny") == []
