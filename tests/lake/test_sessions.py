"""Commands and their bills are kept as they are told, for many writers, in either database."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from synth_dagster.lake.meta import Meta
from synth_dagster.lake.sessions import Sessions, Usage
from synth_dagster.storage import FolderStore
from tests.lake.conftest import DATABASES, either


@pytest.fixture(params=DATABASES)
def metadata(request):
    return either(request)


@pytest.fixture
def sessions(tmp_path, metadata) -> Sessions:
    return Sessions(Meta(metadata, FolderStore(tmp_path)).database)


def test_the_last_session_is_the_one_that_began_last(sessions):
    assert sessions.last() is None
    sessions.start("s1", "demo", pid=1, host="here")
    sessions.start("s2", "other", pid=2, host="here")
    sessions.end("s1", "failed")
    assert (sessions.last("demo").outcome, sessions.last().session_id) == ("failed", "s2")
    assert sessions.last().ended_at is None


def test_one_unknown_price_makes_the_sum_unknown(sessions):
    assert sessions.usage() == Usage(0, 0, 0, 0, 0.0)
    sessions.add_usage("s1", "r", "demo", "pairs", "b", "writer", Usage(2, 1, 100, 10, 0.5))
    sessions.add_usage("s1", "r", "demo", "pairs", "b", "judge", Usage(1, 0, 50, 5, 0.25))
    nothing_asked = Usage(0, 9, 0, 0, None)  # so there is nothing to pay
    sessions.add_usage("s1", "r", "demo", "pairs", "b", "embedder", nothing_asked)
    assert sessions.usage("s1") == Usage(3, 10, 150, 15, 0.75)
    sessions.add_usage("s2", "r", "demo", "pairs", "b", "judge", Usage(1, 0, 50, 5, None))
    assert sessions.usage(dataset="demo") == Usage(4, 10, 200, 20, None)
    assert sessions.usage("s1", "other") == Usage()


def test_many_threads_write_at_once(sessions):
    """8 threads, 25 rows each, one call a row: 200 calls."""

    def work(thread):
        for _ in range(25):
            sessions.add_usage(f"s{thread}", "r", "demo", "pairs", "b", "writer", Usage(1, 0, 1, 1, 0.0))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert sessions.usage(dataset="demo").calls == 200
