"""The environment `team`: a lake in a bucket, metadata and Dagster's storage on Postgres, by variables alone."""

import shutil

import pytest

from resources.environments import environment
from tests.assets.project import HOME, LINES, TAUGHT, small_project
from tests.postgres_server import PASSWORD


@pytest.fixture
def team(tmp_path, postgres, bucket, monkeypatch):
    """The variables of a team whose database and bucket are new."""
    postgres.run("drop database if exists synth with (force)")
    postgres.run("create database synth encoding UTF8 template template0")
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(HOME / "deploy/team/dagster.yaml", home)
    variables = {
        "SYNTH_ENV": "team",
        "SYNTH_LAKE": bucket.url,
        "SYNTH_METADATA": postgres.url("synth", schema="lake"),
        "SYNTH_DAGSTER_STORAGE": postgres.url("synth").replace("://", "+psycopg2://"),
        "DAGSTER_HOME": str(home),
        **bucket.env,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def counted(postgres, table: str) -> int:
    ((number,),) = postgres.run(f"select count(*) from {table}", "synth")
    return number


@pytest.mark.prove
def test_a_team_runs_a_recipe_once_however_many_run_it(tmp_path, postgres, bucket, team):
    project = small_project(tmp_path / "project", TAUGHT, databases=False)
    project.deliver(LINES[:3])
    code, said = project.synth("run")
    assert code == 0, said
    lake = environment(project.root, team).open_lake()
    (first,) = lake.meta.releases("tiny")
    assert first.records > 0 and counted(postgres, "lake.releases") == 1
    runs = counted(postgres, "public.runs")
    assert runs >= 2

    code, said = project.synth("run")
    assert code == 0, said
    assert counted(postgres, "lake.candidates where state = 'accepted'") == counted(postgres, "lake.candidates")
    assert [release.release for release in lake.meta.releases("tiny")] == ["r0001"]
    assert counted(postgres, "lake.usage where calls > 0") == 1  # nothing was asked again

    project.deliver(LINES, file="b.jsonl")
    both = [project.start("run"), project.start("run")]
    ended = [(process.communicate(timeout=240)[0], process.returncode) for process in both]
    assert [code for _, code in ended] == [0, 0], ended
    assert [release.release for release in lake.meta.releases("tiny")] == ["r0001", "r0002"]
    texts = [row["content_hash"] for row in lake.read("tiny", "seed_corpus").to_pylist()]
    assert len(texts) == 3 + len(LINES)
    assert counted(postgres, "lake.leases") == 0

    stray = [path for path in (project.root / ".dagster", project.root / "lake") if path.exists()]
    assert stray == []
    assert [key for key in bucket.every_key() if key.endswith(".sqlite")] == []
    assert counted(postgres, f"public.event_logs where event like '%{PASSWORD}%'") == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


def test_a_command_names_what_a_team_has_not_set_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTH_ENV", "team")
    for name in ("SYNTH_LAKE", "SYNTH_METADATA", "SYNTH_DAGSTER_STORAGE", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    project = small_project(tmp_path / "project", databases=False)
    had = sorted(path.name for path in project.root.iterdir())
    code, said = project.synth("status")
    assert code == 2 and "Traceback" not in said
    assert all(name in said for name in ("SYNTH_LAKE", "SYNTH_METADATA", "SYNTH_DAGSTER_STORAGE", "DAGSTER_HOME"))
    assert sorted(path.name for path in project.root.iterdir() if path.name != "__pycache__") == had


@pytest.mark.prove
def test_a_database_that_is_down_is_one_sentence(tmp_path, postgres, team):
    project = small_project(tmp_path / "project", databases=False)
    for variable in ("SYNTH_METADATA", "SYNTH_DAGSTER_STORAGE"):
        down = team[variable].replace(f":{postgres.port}/", ":1/")
        code, said = project.synth("run", **{variable: down})
        assert code == 1 and "Traceback" not in said and PASSWORD not in said
        assert "cannot be" in said.strip().splitlines()[-1]  # before it Dagster says each time that it tries again
