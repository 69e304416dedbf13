"""What Dagster is told of a version: numbers, a picture, columns with their lineage, and links to pages that open."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import pytest

import definitions
from synth_dagster.governance.preview import save_preview
from synth_dagster.governance.profile import picture_of
from synth_dagster.runner.stage import run_stage
from tests.assets.project import TAUGHT, Programs, small_project
from tests.assets.teachers import Junk

EVIL = "<script>alert(1)</script>"
TEXTS = [
    "The heron is a wading bird and it eats fish and frogs of the shallow water.",
    f"The kingfisher dives for fish and {EVIL} it digs a tunnel into the river bank.",
    "The otter is a Zzyx, about which the teacher writes nothing that can be used.",
]
STAGES = ("seed_corpus", "generated_instructions", "quality_signals", "filtered_mix")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    recipe = TAUGHT.replace("expect: {min_keep_rate: 0.1}", "expect: {min_keep_rate: 0.1, max_reject_rate: 0.9}")
    found = small_project(tmp_path_factory.mktemp("shown") / "p", recipe, Programs(Junk("Zzyx", text="no <b>JSON</b>")))
    found.deliver(TEXTS)
    assert found.run().causes == []
    return found


def shown(project, stage):
    """The metadata of the latest materialization."""
    with project.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["tiny", stage]))
    return event.asset_materialization.metadata


def page(project, stage):
    return Path(shown(project, stage)["preview_file"].value).read_text(encoding="utf-8")


@pytest.mark.parametrize("stage", STAGES)
def test_every_table_has_a_picture_a_page_and_described_columns(project, stage):
    metadata = shown(project, stage)
    assert re.fullmatch(r"!\[[^]]+\]\(data:image/png;base64,[A-Za-z0-9+/=]+\)", metadata["counts"].value)
    assert len(metadata["counts"].value) < 60_000
    columns = metadata["dagster/column_schema"].schema.columns
    assert columns and all(column.description for column in columns), columns
    name = metadata["preview"].value.rpartition("/previews/")[2]
    assert metadata["preview"].value.startswith("http://127.0.0.1:3070/previews/tiny-")
    place = "release/tiny/r0001" if stage == "filtered_mix" else "search?dataset=tiny&stage="
    assert metadata["explore"].value.startswith(f"http://127.0.0.1:3070/{place}")
    assert Path(metadata["preview_file"].value).name == unquote(name)


def test_the_columns_are_those_of_the_table(project):
    for stage in STAGES:
        said = {column.name for column in shown(project, stage)["dagster/column_schema"].schema.columns}
        _, table = project.lake.snapshot("tiny", stage)
        assert said == set(table.schema.names), stage
    verdicts = {column.name for column in shown(project, "filtered_mix")["verdict_columns"].schema.columns}
    assert verdicts == set(project.lake.snapshot("tiny", "verdicts")[1].schema.names)


def test_every_column_that_a_column_comes_from_exists(project):
    columns = {
        stage: {column.name for column in shown(project, stage)["dagster/column_schema"].schema.columns}
        for stage in STAGES
    }
    for stage in STAGES[1:]:
        lineage = shown(project, stage)["dagster/column_lineage"].value.deps_by_column
        assert lineage.keys() <= columns[stage]
        for deps in lineage.values():
            assert all(dep.column_name in columns[dep.asset_key.path[-1]] for dep in deps)
    assert "dagster/column_lineage" not in shown(project, "seed_corpus")


def test_an_answer_comes_from_the_words_of_the_passage(project):
    lineage = shown(project, "generated_instructions")["dagster/column_lineage"].value.deps_by_column
    assert {dep.column_name for dep in lineage["messages"]} == {"text", "title", "url"}
    assert [(dep.asset_key.path[-1], dep.column_name) for dep in lineage["license"]] == [("seed_corpus", "license")]


def test_rates_are_numbers_that_can_be_plotted_over_time(project):
    # the teacher answers two of three passages; both answers are kept
    metadata = shown(project, "generated_instructions")
    assert {name: metadata[name].value for name in ("kept", "rejected", "keep_rate", "reject_rate")} == {
        "kept": 2,
        "rejected": 1,
        "keep_rate": 0.6667,
        "reject_rate": 0.3333,
    }
    assert metadata["teacher_calls"].value == 3 and isinstance(metadata["seconds"].value, float)
    mix = shown(project, "filtered_mix")
    assert mix["judged"].value == 2 and mix["keep_rate"].value == mix["kept"].value / 2 > 0


def test_a_page_shows_records_beside_what_they_were_made_from_and_what_was_not_kept(project):
    html = page(project, "generated_instructions")
    assert "seed_corpus" in html and "wading bird" in html and "<mark>" in html
    assert "Not kept" in html and "no &lt;b&gt;JSON&lt;/b&gt;" in html
    assert EVIL not in html and "&lt;script&gt;" in html


def test_pages_of_signals_and_releases_show_numbers_and_verdicts(project):
    assert "answer_rules__" in page(project, "quality_signals") and "wading" in page(project, "quality_signals")
    assert "Left out" in page(project, "filtered_mix")


def test_the_same_version_has_the_same_page(project):
    before = page(project, "generated_instructions")
    (version,) = project.lake.accepted_all("tiny", "generated_instructions").values()
    recipe = project.recipe("tiny")
    again = save_preview(recipe, project.lake, version, picture=picture_of(recipe, project.lake, version))
    assert Path(again).read_text(encoding="utf-8") == before


def test_an_asset_links_to_its_lines_of_the_recipe_and_to_its_methods(project):
    built = definitions.build(project.root, recipes=[project.recipe("tiny")], teachers=project.teachers, env={})
    (spec,) = [s for s in built.resolve_all_asset_specs() if s.key.path[-1] == "generated_instructions"]
    found = {one.label: one for one in spec.metadata["dagster/code_references"].code_references}
    recipe = found["recipe: generated_instructions"]
    lines = Path(recipe.file_path).read_text().splitlines()
    assert "generated_instructions" in lines[recipe.line_number - 1]
    assert Path(found["method: grounded_qa"].file_path).name == "grounded_qa.py"
    assert spec.metadata["dagster/column_schema"].columns


# ------------------------------------------------------------------------------------------------- from the Launchpad


def launched(project, stage, **config):
    """A launch of one stage's batch with the configuration of the Launchpad."""
    built = definitions.build(project.root, recipes=[project.recipe("tiny")], teachers=project.teachers, env={})
    key = dg.AssetKey(["tiny", stage])
    with project.instance() as instance:
        return built.resolve_job_def("tiny__batch").execute_in_process(
            partition_key="notes:start",
            instance=instance,
            raise_on_error=False,
            asset_selection=[key],
            run_config={"ops": {f"tiny__{stage}": {"config": config}}},
        )


def why(result):
    return [
        event.event_specific_data.user_failure_data.description
        for event in result.all_events
        if event.event_type_value == "STEP_FAILURE" and event.event_specific_data.user_failure_data
    ]


def failed_checks(result):
    return [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]


class TestATryOut:
    def test_it_is_shown_and_never_accepted(self, project):
        before = project.versions("generated_instructions"), project.releases()
        result = launched(project, "generated_instructions", limit=1)
        metadata = shown(project, "generated_instructions")
        assert (metadata["kept"].value, metadata["state"].value) == (1, "made")
        assert failed_checks(result) == ["is_the_whole_batch"] and not result.success
        assert (project.versions("generated_instructions"), project.releases()) == before

    def test_the_whole_batch_is_still_current_and_asks_nobody(self, project):
        launched(project, "seed_corpus", limit=1)
        calls = project.teachers.teacher.calls
        assert project.run().causes == []
        assert project.releases() == ["r0001"]
        assert project.teachers.teacher.calls == calls

    def test_one_that_awaits_its_gate_is_not_taken_for_the_whole(self, project):
        run = project.context()
        part = run_stage(replace(run, limit=1), "seed_corpus", "notes:start").candidate
        assert part.state == "awaiting" and part.current == 1
        whole = run_stage(run, "seed_corpus", "notes:start").candidate
        assert whole.current == 3


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"limit": 0}, "'limit' is 0 and must be at least 1"),
        ({"max_tokens": 5_000_001}, "tokens_per_run 5,000,001, which must be at least 0 and at most 5,000,000"),
        ({"max_usd": -1.0}, "usd_per_run -1.0, which must be at least 0"),
    ],
    ids=["no record", "above the recipe's cap", "below zero"],
)
def test_a_launch_beyond_the_recipe_stops_with_a_sentence(project, config, said):
    (told,) = why(launched(project, "generated_instructions", **config))
    assert said in told
