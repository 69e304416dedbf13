"""The planted world that erasures are tried in, fresh for each test."""

import pytest

from tests.governance.erase_world import BATCHES, PARENTS, STANDS, plant


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    r"""Source notes: a and c; source forum: fb. Each child was made twice, so each stage has a version that is past.

    a     fb   c
    |\   /|    |
    q1 q2 q3   q4      each asked a teacher twice; the second answer is shared by all with as many parents
    |  |  |    |
    p1 p2 p3   p4      r0001 and r0002 keep p1 and p3, and drop p2 and p4 as duplicates of p1
    """
    return plant(tmp_path_factory.mktemp("planted"), PARENTS, stages=STANDS, batches=BATCHES)


@pytest.fixture
def world(planted, tmp_path):
    return planted.copied(tmp_path)
