"""The whole way with the lake in a bucket: run, look, follow, hand over, and run again for nothing."""

import json

import pytest

from tests.assets.project import LINES, TAUGHT, Small, small_project
from tests.moto_server import Bucket


@pytest.fixture
def project(tmp_path) -> Small:
    made = small_project(tmp_path / "project", TAUGHT)
    made.deliver(LINES)
    return made


def variables(project: Small, bucket: Bucket) -> dict[str, str]:
    """What an operator sets. The metadata is a file here: one machine writes."""
    metadata = str(project.root / "meta.sqlite")
    return {**bucket.env, "SYNTH_LAKE": bucket.url, "SYNTH_METADATA": metadata}


@pytest.mark.prove
def test_a_run_whose_lake_is_in_a_bucket(project, bucket):
    env = variables(project, bucket)
    code, said = project.synth("run", "tiny", **env)
    assert code == 0, said

    code, said = project.synth("status", "--json", **env)
    status = json.loads(said)
    assert (code, [release["release"] for release in status["releases"]]) == (0, ["r0001"])

    code, said = project.synth("show", "generated_instructions", "--limit", "1", "--json", **env)
    (row,) = json.loads(said)
    code, said = project.synth("trace", row["record_id"], **env)
    assert code == 0
    assert "seed_corpus" in said

    code, said = project.synth("export", "r0001", "--format", "openai", "--to", str(project.root / "out"), **env)
    assert code == 0, said
    assert list((project.root / "out").rglob("*.jsonl"))

    before = bucket.every_key()
    code, said = project.synth("run", "tiny", **env)
    assert code == 0, said
    assert bucket.every_key() == before
    assert not (project.root / "lake").exists()
    assert not [key for key in before if "sqlite" in key]


@pytest.mark.prove
def test_two_runs_at_once_whose_lake_is_in_a_bucket(project, bucket):
    env = variables(project, bucket)
    runs = [project.start("run", "tiny", **env) for _ in range(2)]
    said = [run.communicate(timeout=240)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    code, listed = project.synth("status", "--json", **env)
    assert (code, [release["release"] for release in json.loads(listed)["releases"]]) == (0, ["r0001"])


def test_a_bucket_without_a_database_is_refused_before_anything_runs(project):
    code, said = project.synth("run", "tiny", SYNTH_LAKE="s3://bucket/prefix")
    assert code == 1
    assert "Set SYNTH_METADATA" in " ".join(said.split())
    assert "Traceback" not in said
