"""A project whose stages are run one by one, without Dagster."""

import pytest

from tests.assets.project import ONLY_CORPUS, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher


@pytest.fixture
def by_hand(tmp_path):
    def start(recipe=ONLY_CORPUS, teacher=None):
        return ByHand(small_project(tmp_path / "p", recipe, Programs(teacher or EchoTeacher())))

    return start
