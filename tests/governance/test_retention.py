"""A filter that deletes a rare language is seen: in the report, and as a warning at the gate of the release."""

import pytest

from expectations.rules import Gated, no_language_is_deleted
from synth_dagster.governance.answers_retention import retention
from synth_dagster.governance.language_losses import emptied
from synth_dagster.governance.report import release_facts
from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.release import make_release, publish
from synth_dagster.runner.signals import run_signals
from synth_dagster.runner.stage import run_stage
from tests.assets.project import Programs, small_project
from tests.scripted_teacher.echo import EchoTeacher

RECIPE = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
  - {name: iwe, reader: files, path: inbox/iwe/, license: CC0-1.0, lang: yo}
stages:
  seed_corpus: [{steps}]
  filtered_mix:
    of: seed_corpus
    filters: [{filters}]
expect: {min_keep_rate: 0.1}
"""
ENGLISH = "The mill of village {} stands at the river, and it has to be repaired with stones that come from the hill."
NO_STOP_WORDS = "gopher_quality: {min_words: 3, min_stop_words: 0}"
YORUBA = "Ilé ìwé tí ó wà ní abúlé {} tóbi púpọ̀, àwọn ọmọ máa ń lọ síbẹ̀ láràárọ̀ láti kọ́ ẹ̀kọ́ nípa ìtàn àti orin."


def published(project, release):
    """What there is to say about the release once it is published."""
    publish(project.context(), release)
    return release_facts(project.lake, project.lake.meta.release("tiny", "r0001"), project.recipe("tiny"), project.root)


@pytest.mark.parametrize("where", ["steps", "filters"])
def test_stop_words_of_english_delete_yoruba_and_it_is_told(tmp_path, where):
    project, release = released(tmp_path, **{"steps": "", "filters": "", where: "gopher_quality: {min_words: 3}"})
    finding = no_language_is_deleted(Gated(project.recipe("tiny"), project.lake, release, "document"))
    assert not finding.passed and finding.severity == "warning"
    assert finding.counts == {"languages": 2, "yo by gopher_quality": 12}
    publish(project.context(), release)
    published = project.lake.meta.release("tiny", "r0001")
    answer = retention(release_facts(project.lake, published, project.recipe("tiny"), project.root))
    assert answer.said.endswith("Nearly nothing is left of yo by gopher_quality.")
    (table,) = [one for one in answer.tables if one.caption == "Let through, by language and step"]
    assert table.head == ["language", "judged", "gopher_quality"]
    assert table.rows == [["en", 20, "100.0%"], ["yo", 12, "0.0%"]]


def test_a_language_that_no_source_declares_is_the_one_that_a_filter_tells(tmp_path):
    filters = "language: {keep: [], min_score: 0}, gopher_quality: {min_words: 3}"
    project, release = released(tmp_path, steps="", filters=filters, declares=False)
    finding = no_language_is_deleted(Gated(project.recipe("tiny"), project.lake, release, "document"))
    assert finding.counts == {"languages": 2, "yo by gopher_quality": 12}
    facts = published(project, release)
    answer = retention(facts)
    assert answer.said.endswith("Nearly nothing is left of yo by gopher_quality.")
    (table,) = [one for one in answer.tables if one.caption == "Kept, by language"]
    assert table.rows == [["en", 20, 20, "100.0%"], ["yo", 12, 0, "0.0%"]]
    assert facts.named == [], "a filter is no witness of itself"


@pytest.mark.parametrize("where", ["steps", "filters"])
def test_a_language_that_nothing_tells_is_the_one_of_the_words(tmp_path, where):
    told = {"steps": "", "filters": "", where: "gopher_quality: {min_words: 3}"}
    project, release = released(tmp_path, declares=False, **told)
    finding = no_language_is_deleted(Gated(project.recipe("tiny"), project.lake, release, "document"))
    assert not finding.passed and finding.counts == {"languages": 2, "yo by gopher_quality": 12}
    facts = published(project, release)
    answer = retention(facts)
    assert answer.said.endswith("Nearly nothing is left of yo by gopher_quality.")
    (table,) = [one for one in answer.tables if one.caption == "Kept, by language"]
    assert table.rows == [["en", 20, 20, "100.0%"], ["yo", 12, 0, "0.0%"]]
    assert facts.named == [] and facts.about.languages == {"und": 20}, "what the words tell is written nowhere else"


def test_no_words_are_read_where_no_step_drops_enough_to_delete_a_language(tmp_path, monkeypatch):
    monkeypatch.setattr("synth_dagster.governance.told_languages.languages_of", None)
    project, release = released(tmp_path, steps="", filters=NO_STOP_WORDS, declares=False)
    found = no_language_is_deleted(Gated(project.recipe("tiny"), project.lake, release, "document"))
    assert found.passed and found.counts == {"languages": 1}


@pytest.mark.parametrize("declares", [True, False], ids=["declared", "told by the words"])
def test_what_a_step_above_the_judged_stage_deletes_is_told_with_its_stage(tmp_path, declares):
    step, generator = "gopher_quality: {min_words: 3}", "grounded_qa: {per_passage: 1}"
    project, release = released(tmp_path, steps=step, filters="", declares=declares, generator=generator)
    finding = no_language_is_deleted(Gated(project.recipe("tiny"), project.lake, release, "instruction"))
    assert not finding.passed and finding.counts["yo by gopher_quality in seed_corpus"] == 12
    publish(project.context(), release)
    published = project.lake.meta.release("tiny", "r0001")
    answer = retention(release_facts(project.lake, published, project.recipe("tiny"), project.root))
    assert answer.said.endswith("Nearly nothing is left of yo by gopher_quality in seed_corpus.")


def test_how_well_a_filter_tells_the_languages_that_are_declared(tmp_path):
    every = "language: {keep: [], min_score: 0}"
    project, release = released(tmp_path, steps="", filters=every, strays=2)
    facts = published(project, release)
    (table,) = [one for one in retention(facts).tables if one.caption == "Told rightly, by declared language"]
    assert table.head == ["language", "told by", "mostly called otherwise", "declared", "right", "share"]
    # two texts in English came with a source that declares Yoruba: the worst comes first
    assert table.rows == [["yo", "language", "en 2", 14, 12, "85.7%"], ["en", "language", "-", 20, 20, "100.0%"]]


def test_what_was_found_out_from_the_text_is_no_witness_of_how_well_it_was_found(tmp_path):
    project, release = released(
        tmp_path, steps="{identify_language: {override: true}}", filters="language: {keep: [], min_score: 0}"
    )
    publish(project.context(), release)
    published = project.lake.meta.release("tiny", "r0001")
    assert release_facts(project.lake, published, project.recipe("tiny"), project.root).named == []


def test_what_no_filter_deletes_is_no_warning(tmp_path):
    project, release = released(tmp_path, steps="gopher_quality: {min_words: 3, min_stop_words: 0}", filters="")
    found = no_language_is_deleted(Gated(project.recipe("tiny"), project.lake, release, "document"))
    assert found.passed and found.counts == {"languages": 2}


@pytest.mark.parametrize(
    ("judged", "dropped", "found"),
    [
        pytest.param({"en": 90, "yo": 10}, {("yo", "f"): 9}, [("yo", "f")], id="nine of ten"),
        pytest.param({"en": 90, "yo": 10}, {("yo", "f"): 8}, [], id="eight of ten"),
        pytest.param({"en": 90, "yo": 9}, {("yo", "f"): 9}, [], id="too few to tell"),
        pytest.param({"en": 90, "yo": 10}, {("yo", "f"): 5, ("yo", "g"): 5}, [], id="two filters share it"),
        pytest.param(
            {"en": 90, "yo": 10}, {("yo", "f"): 10, ("en", "f"): 60}, [], id="it drops most of every language"
        ),
        pytest.param({"en": 90, "und": 10}, {("und", "f"): 10}, [], id="in no known language"),
        pytest.param(
            {"en": 20, "yo": 50, "ig": 50},
            {("yo", "f:stop_words"): 50, ("ig", "f:stop_words"): 30, ("ig", "f:words"): 20},
            [("ig", "f"), ("yo", "f")],
            id="all languages but one, for one reason and for several",
        ),
        pytest.param({"en": 90, "yo": 10}, {("yo", "f:other_language"): 10}, [], id="it is not among the wanted ones"),
        pytest.param({"en": 90, "yo": 10}, {("yo", "f:unsure"): 10}, [("yo", "f")], id="nobody can tell it"),
        pytest.param(
            {"und": 90, "yo": 10}, {("yo", "f"): 10}, [("yo", "f")], id="among texts of which nothing is known"
        ),
        pytest.param({}, {}, [], id="nothing"),
    ],
)
def test_when_a_step_deletes_a_language(judged, dropped, found):
    assert emptied(judged, dropped) == found


def released(tmp_path, *, steps, filters, strays=0, declares=True, generator=None):
    """The project, and its release as a candidate: twenty texts in English, twelve in Yoruba, and strays among them."""
    recipe = RECIPE.replace("{steps}", steps).replace("{filters}", filters)
    recipe = recipe if declares else recipe.replace(", lang: en", "").replace(", lang: yo", "")
    if generator:
        below = f"  generated_instructions: [{generator}]\n  filtered_mix:\n    of: generated_instructions"
        recipe = recipe.replace("  filtered_mix:\n    of: seed_corpus", below)
    project = small_project(tmp_path / "p", recipe, Programs(EchoTeacher()))
    strayed = {f"s{n}": ENGLISH.format(100 + n) for n in range(strays)}
    project.deliver({f"e{n}": ENGLISH.format(n) for n in range(20)})
    project.deliver({f"y{n}": YORUBA.format(n) for n in range(12)} | strayed, source="iwe")
    context = project.context()
    plan_batches(context)
    for batch in ("notes:start", "iwe:start"):
        for stage in ("seed_corpus", *(["generated_instructions"] if generator else [])):
            project.lake.accept(run_stage(context, stage, batch).candidate)
        project.lake.accept(run_signals(context, batch).candidate)
    return project, make_release(context, "r0001").candidate
