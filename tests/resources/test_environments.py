"""Where things stand is a matter of variables alone."""

import pytest

from resources.environments import environment
from synth_dagster.errors import SynthError, UnknownName


def test_everything_stands_in_the_project_unless_a_variable_says_otherwise(tmp_path):
    place = environment(tmp_path, {})
    assert (place.name, place.lake, place.inbox) == ("local", tmp_path / "lake", tmp_path / "inbox")
    assert place.places.inbox == tmp_path / "inbox" and place.places.moved_inbox is None
    assert environment(tmp_path, {"SYNTH_ENV": "ci"}).lake == tmp_path / ".ci-lake"


def test_the_lake_and_the_inbox_move(tmp_path):
    moved = environment(tmp_path, {"SYNTH_LAKE": "../lakes/one", "SYNTH_INBOX": str(tmp_path / "deliveries")})
    assert moved.lake.resolve() == tmp_path.parent / "lakes/one"
    assert moved.places.inbox == moved.inbox == tmp_path / "deliveries"
    assert environment(tmp_path, {"SYNTH_INBOX": "inbox/"}).places.moved_inbox is None


def test_an_inbox_is_a_folder(tmp_path):
    with pytest.raises(SynthError, match=r"SYNTH_INBOX is s3://bucket/inbox.*a folder"):
        environment(tmp_path, {"SYNTH_INBOX": "s3://bucket/inbox"})


def test_an_unknown_environment_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'local'"):
        environment(tmp_path, {"SYNTH_ENV": "locale"})
