"""Where things stand is a matter of variables alone."""

from pathlib import Path

import pytest
import yaml

from resources.environments import TEAM, BadEnvironment, environment
from resources.lake import LakeResource
from synth_dagster.errors import UnknownName
from tests.assets.project import HOME

METADATA = "postgresql://me:secret@host:5432/db?schema=lake"
OF_TEAM = {
    "SYNTH_ENV": "team",
    "SYNTH_LAKE": "s3://bucket/lake",
    "SYNTH_METADATA": METADATA,
    "SYNTH_DAGSTER_STORAGE": "postgresql+psycopg2://me:secret@host:5432/db",
    "DAGSTER_HOME": "/srv/dagster",
}


def test_everything_stands_in_the_project_unless_a_variable_says_otherwise(tmp_path):
    place = environment(tmp_path, {})
    assert (place.name, place.lake, place.inbox) == ("local", tmp_path / "lake", tmp_path / "inbox")
    assert (place.cache, place.metadata) == (tmp_path / "lake/cache.sqlite", None)
    assert place.places.inbox == tmp_path / "inbox" and place.places.moved_inbox is None
    assert environment(tmp_path, {"SYNTH_ENV": "ci"}).lake == tmp_path / ".ci-lake"


def test_each_place_moves_by_itself(tmp_path):
    env = {"SYNTH_LAKE": "../lakes/one", "SYNTH_INBOX": str(tmp_path / "in"), "SYNTH_METADATA": "meta/one.sqlite"}
    moved = environment(tmp_path, env | {"SYNTH_ANSWERS": "~/answers.sqlite"})
    assert Path(moved.lake).resolve() == tmp_path.parent / "lakes/one"
    assert moved.places.inbox == moved.inbox == tmp_path / "in"
    assert moved.metadata == str(tmp_path / "meta/one.sqlite")
    assert moved.cache == Path.home() / "answers.sqlite"
    assert environment(tmp_path, {"SYNTH_INBOX": "inbox/"}).places.moved_inbox is None


def test_a_team_shares_a_bucket_and_keeps_answers_on_its_machines(tmp_path):
    place = environment(tmp_path, OF_TEAM)
    assert (place.lake, place.metadata, place.cache) == ("s3://bucket/lake", METADATA, tmp_path / "answers.sqlite")
    shared = environment(tmp_path, OF_TEAM | {"SYNTH_LAKE": "/mnt/lake"})
    assert (shared.lake, shared.cache) == (Path("/mnt/lake"), tmp_path / "answers.sqlite")


def test_all_that_a_team_has_not_set_is_named_at_once(tmp_path):
    with pytest.raises(BadEnvironment) as told:
        environment(tmp_path, {"SYNTH_ENV": "team", "SYNTH_LAKE": "/mnt/lake", "SYNTH_METADATA": ""})
    assert [name for name in TEAM if f"{name} (" in str(told.value)] == list(TEAM)[1:]
    with pytest.raises(BadEnvironment, match=r"SYNTH_METADATA is a file.*Postgres"):
        environment(tmp_path, OF_TEAM | {"SYNTH_METADATA": "meta.sqlite"})
    with pytest.raises(BadEnvironment, match=r"begin with postgresql\+psycopg2://") as told:
        environment(tmp_path, OF_TEAM | {"SYNTH_DAGSTER_STORAGE": METADATA})
    assert "secret" not in str(told.value)


def test_a_password_is_shown_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTH_METADATA", METADATA)
    place = environment(tmp_path, OF_TEAM)
    lake = place.resources()["lake"]
    assert isinstance(lake, LakeResource)
    assert "secret" not in repr(place) + repr(lake)
    assert "secret" not in str(lake._convert_to_config_dictionary())  # what Dagster's page of resources shows


def test_what_must_be_on_this_machine_is_no_address(tmp_path):
    with pytest.raises(BadEnvironment, match=r"SYNTH_INBOX is s3://bucket/x, which is no path"):
        environment(tmp_path, {"SYNTH_INBOX": "s3://bucket/x"})


@pytest.mark.parametrize("where", [METADATA, "s3://bucket/answers"])
def test_a_team_can_share_its_answers(where, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTH_ANSWERS", where)
    place = environment(tmp_path, {"SYNTH_ANSWERS": where})
    assert place.cache == where
    assert "secret" not in repr(place) + repr(place.resources()["teachers"])


def test_answers_at_an_address_of_another_kind_are_refused(tmp_path):
    with pytest.raises(BadEnvironment, match=r"SYNTH_ANSWERS is a mysql:// address.*s3://BUCKET") as told:
        environment(tmp_path, {"SYNTH_ANSWERS": "mysql://me:secret@host/db"})
    assert "secret" not in str(told.value)


def test_an_unknown_environment_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'local'"):
        environment(tmp_path, {"SYNTH_ENV": "locale"})


def test_a_teams_dagster_differs_in_its_storage_only():
    alone, team = (yaml.safe_load((HOME / name).read_text()) for name in ("dagster.yaml", "deploy/team/dagster.yaml"))
    assert team.pop("storage") == {"postgres": {"postgres_url": {"env": "SYNTH_DAGSTER_STORAGE"}}}
    stored_in_files = ("storage", "local_artifact_storage", "compute_logs")  # with DAGSTER_HOME they are there anyway
    assert team == {name: value for name, value in alone.items() if name not in stored_in_files}
