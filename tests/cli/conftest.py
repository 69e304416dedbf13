"""Two runs are made once and looked at by all tests of a file: a run costs seconds."""

import pytest

from tests.cli.project import LINES, new_place


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A project after two runs, the second with one more line delivered, and how each run ended."""
    place = new_place(tmp_path_factory.mktemp("cli") / "p")
    first = place.call("run")
    place.deliver(LINES)
    return place, first, place.call("run")


@pytest.fixture(scope="module")
def made(runs):
    return runs[0]
