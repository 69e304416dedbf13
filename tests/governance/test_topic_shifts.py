"""What a filter does to the topics of a dataset stands in the report of its release."""

import json

import pytest

from synth_dagster.governance.answers_retention import retention
from synth_dagster.governance.report import release_facts
from synth_dagster.governance.report_card import card
from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.release import make_release, publish
from synth_dagster.runner.signals import run_signals
from synth_dagster.runner.stage import run_stage
from tests.assets.project import Programs, small_project
from tests.scripted_teacher.echo import EchoTeacher
from tests.scripted_teacher.teaching import pages

RECIPE = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
stages:
  seed_corpus: [{steps}]
  filtered_mix:
    of: seed_corpus
    filters: [{filters}]
expect: {min_keep_rate: 0.1}
"""
EDU = "fineweb_edu: {labels: inbox/labels.jsonl}"


@pytest.mark.parametrize("where", ["steps", "filters"])
def test_a_planted_shift_towards_school_is_told(tmp_path, where):
    # of 40 pages that teach 30 are of school, of 40 that do not 10 are: one half before, three quarters after
    facts = facts_of(tmp_path, {"topic": ["school", "sports"]}, **{where: EDU})
    (table,) = topic_tables(facts)
    assert table.caption == "Topics before and after, by attribute"
    assert table.head == ["topic", "judged", "kept", "share before", "share after", "shift", "through fineweb_edu"]
    assert table.rows == [
        ["school", 40, 30, "50.0%", "75.0%", "+25.0", "75.0%"],
        ["sports", 40, 10, "50.0%", "25.0%", "-25.0", "25.0%"],
    ]
    assert retention(facts).said.endswith(" Topics have shifted, most of all 'school' +25.0 points by attribute.")
    assert "## Topics before and after, by attribute" in card(facts)
    assert "| school | 50.0% | 75.0% | +25.0 |" in card(facts)


def test_where_nothing_has_a_topic_the_ends_of_addresses_are_told(tmp_path):
    facts = facts_of(tmp_path, {"url": ["https://a.example.edu/x", "http://b.example.com:80/"]}, filters=EDU)
    (table,) = topic_tables(facts)
    assert table.caption == "Topics before and after, by top-level domain"
    assert [row[:6] for row in table.rows] == [
        ["com", 40, 10, "50.0%", "25.0%", "-25.0"],
        ["edu", 40, 30, "50.0%", "75.0%", "+25.0"],
    ]


def test_what_a_filter_tells_and_what_a_judge_has_said_stand_beside_each_other(tmp_path):
    judged = [{"topic": {"games": 0.2, "education_and_jobs": 0.8}}, {"topic": {"games": 1.0}}]
    told = "weborganizer: {judged: inbox/topics.jsonl, min_agreement: 0}"
    facts = facts_of(tmp_path, {"weborganizer": judged}, filters=f"{EDU}, {told}")
    by_attribute, by_filter = topic_tables(facts)
    assert by_attribute.rows[0][:3] == ["education_and_jobs", 40, 30]
    assert by_filter.caption == "Topics before and after, by weborganizer"
    assert sum(int(row[1]) for row in by_filter.rows) == 80 and sum(int(row[2]) for row in by_filter.rows) == 40


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="no topic and no address"),
        pytest.param({"topic": ["school", "school"]}, id="one topic"),
        pytest.param({"topic": [["school"], 3]}, id="no words"),
        pytest.param({"topic": ["a title, page {}", "another title, page {}"]}, id="a title"),
        pytest.param({"url": ["http://10.0.0.1/", "not an address"]}, id="no names"),
    ],
)
def test_what_is_no_topic_makes_no_table(tmp_path, fields):
    facts = facts_of(tmp_path, fields, filters=EDU)
    assert facts.about.kept == 40 and facts.topics == [] and "Topics" not in card(facts) + retention(facts).said


def test_a_shift_of_less_than_a_point_is_not_spoken_of(tmp_path):
    facts = facts_of(tmp_path, {"topic": ["school", "sports"]}, filters="gopher_quality: {min_words: 1}")
    (table,) = topic_tables(facts)
    assert [row[5] for row in table.rows] == ["+0.0", "+0.0"] and "Topics" not in retention(facts).said


def topic_tables(facts):
    return [one for one in retention(facts).tables if one.caption.startswith("Topics")]


def facts_of(tmp_path, fields, steps="", filters=""):
    """The facts of a release of 80 pages, half of which teach.

    Each field is of the first value for 30 of the 40 that teach and 10 of those that do not, else of the second.
    """
    recipe = RECIPE.replace("{steps}", steps).replace("{filters}", filters)
    project = small_project(tmp_path / "p", recipe, Programs(EchoTeacher()))
    written(project.root / "inbox/labels.jsonl", ({"text": text, "label": points} for text, points in pages(120)))
    named = [{"topic": "education_and_jobs", "format": "faq"}, {"topic": "games", "format": "user_review"}]
    written(project.root / "inbox/topics.jsonl", ({"text": t} | named[n % 2] for n, (t, _) in enumerate(pages(40))))
    made = pages(400, seed=1)
    teach = [text for text, points in made if points >= 4][:40]
    others = [text for text, points in made if points <= 1][:40]
    rows = []
    for number, text in enumerate([*teach, *others]):
        second = number % 40 >= (30 if number < 40 else 10)
        own = {name: values[second] for name, values in fields.items()}
        rows.append({"id": number, "text": text, **{name: numbered(value, number) for name, value in own.items()}})
    written(project.root / "inbox/notes/a.jsonl", rows)
    context = project.context()
    plan_batches(context)
    project.lake.accept(run_stage(context, "seed_corpus", "notes:start").candidate)
    project.lake.accept(run_signals(context, "notes:start").candidate)
    publish(context, make_release(context, "r0001").candidate)
    release = project.lake.meta.release("tiny", "r0001")
    return release_facts(project.lake, release, project.recipe("tiny"), project.root)


def numbered(value, number):
    return value.format(number) if isinstance(value, str) else value


def written(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
