"""Projects to run, without anything of this machine's environment in them."""

import pytest

from tests.assets.project import small_project
from tests.cli.project import OURS


@pytest.fixture(autouse=True, scope="module")
def _nothing_of_this_machine():
    with pytest.MonkeyPatch.context() as patch:
        for name in OURS:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def project(tmp_path):
    """Makes a project: `project(recipe, teachers=...)`."""
    return lambda *given, name="p", **more: small_project(tmp_path / name, *given, **more)
