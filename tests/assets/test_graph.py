"""What Dagster is told of a recipe: keys, order, partitions, pools, gates and jobs."""

import dagster as dg
import pytest

import definitions
from tests.assets.project import ONLY_CORPUS, TAUGHT, Programs, small_project
from tests.scripted_teacher.echo import EchoTeacher

PAIRS = TAUGHT.replace(
    "  filtered_mix:\n    of: generated_instructions\n",
    "  preference_pairs:\n    - ultrafeedback: {completions: 2}\n  filtered_mix:\n    of: preference_pairs\n",
)
ROWS = ("seed_corpus", "generated_instructions", "preference_pairs", "quality_signals")
RELEASES = ("filtered_mix", "release_report")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    project = small_project(tmp_path_factory.mktemp("graph") / "p", PAIRS, Programs(EchoTeacher()))
    project.write_recipe(ONLY_CORPUS.replace("dataset: tiny", "dataset: other"), "other")
    recipes = [project.recipe("tiny"), project.recipe("other")]
    return definitions.build(project.root, recipes=recipes, teachers=project.teachers, env={})


def spec(built, name, dataset="tiny"):
    key = dg.AssetKey([dataset, name])
    return next(one for one in built.resolve_all_asset_specs() if one.key == key)


def test_every_stage_of_every_recipe_is_an_asset_of_its_dataset(built):
    keys = {spec.key.to_user_string(): spec.group_name for spec in built.resolve_all_asset_specs()}
    assert keys == {f"tiny/{name}": "tiny" for name in ROWS + RELEASES} | {
        f"other/{name}": "other" for name in ("seed_corpus", "quality_signals", *RELEASES)
    }


@pytest.mark.parametrize(
    ("name", "above"),
    [
        ("seed_corpus", []),
        ("generated_instructions", ["seed_corpus"]),
        ("preference_pairs", ["generated_instructions"]),
        ("quality_signals", ["preference_pairs"]),
        ("filtered_mix", ["preference_pairs", "quality_signals"]),
        ("release_report", ["filtered_mix"]),
    ],
)
def test_a_stage_stands_below_what_it_reads(built, name, above):
    assert sorted(dep.asset_key.path[-1] for dep in spec(built, name).deps) == above


@pytest.mark.parametrize("name", ROWS + RELEASES)
def test_row_stages_are_cut_by_batch_and_the_mix_by_release(built, name):
    partitions = spec(built, name).partitions_def
    assert isinstance(partitions, dg.DynamicPartitionsDefinition)
    assert partitions.name == ("tiny_releases" if name in RELEASES else "tiny_batches")
    assert spec(built, name).code_version and spec(built, name).owners and spec(built, name).kinds


def test_only_stages_with_a_teacher_wait_for_its_pool(built):
    pools = {name: built.resolve_assets_def(dg.AssetKey(["tiny", name])).op.pool for name in ROWS}
    assert pools == {name: "teacher" if name in ROWS[1:3] else None for name in ROWS}


def test_every_table_has_a_gate_whose_critical_checks_block(built):
    checks = {}
    for definition in built.asset_checks or ():
        for check in definition.check_specs:
            checks.setdefault(check.asset_key.path[-1], {})[check.name] = check.blocking
            assert check.description
    assert checks.keys() == {*ROWS, "filtered_mix"}
    for blocking in checks.values():
        assert {name for name, blocks in blocking.items() if not blocks} == {"expectations_warn"}
    assert "every_record_has_one_verdict" in checks["filtered_mix"]
    assert "every_record_has_its_signals" in checks["quality_signals"]


def test_no_automation_remakes_a_release_when_a_batch_arrives(built):
    assert all(spec(built, name).automation_condition is None for name in RELEASES)


def test_there_is_a_job_for_a_batch_and_one_for_a_release(built):
    for job, names in (("tiny__batch", ROWS), ("tiny__release", RELEASES)):
        selected = built.resolve_job_def(job).asset_layer.executable_asset_keys
        assert {key.path[-1] for key in selected} == set(names)


def test_a_changed_step_changes_the_code_version_of_its_stage_only(tmp_path):
    project = small_project(tmp_path / "p", PAIRS, Programs(EchoTeacher()))
    versions = []
    for text in (PAIRS, PAIRS.replace("per_passage: 1", "per_passage: 2")):
        project.write_recipe(text)
        built = definitions.build(project.root, recipes=[project.recipe("tiny")], teachers=project.teachers, env={})
        versions.append({name: spec(built, name).code_version for name in ROWS + RELEASES})
    assert {name for name in ROWS + RELEASES if versions[0][name] != versions[1][name]} == {"generated_instructions"}
