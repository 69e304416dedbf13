"""The index of holdings says what every file of a lake says: after any changes, any kill, whatever becomes of it."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.lake import holdings
from synth_dagster.lake.array_file import Damaged
from synth_dagster.lake.holdings import Holdings
from synth_dagster.lake.holdings_rows import RECORD
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.lake import Lake
from synth_dagster.record_tables import REJECT, to_table
from synth_dagster.records import Parent, digest
from tests.lake.conftest import document, write_to
from tests.lake.scanned import Scanned, says

ABSENT = {digest("of nobody"), bytes(16), b"\xff" * 16}


def record(number, batch, parents, calls):
    """One that says who wrote it, where its number is even; those without parents are items of a delivery."""
    return replace(
        document(batch, 0, parents=[Parent(digest("record", one), "corpus", batch) for one in parents]),
        record_id=digest("record", number),
        content_hash=digest("text", number % 5),
        source="notes" if number % 3 else "forum",
        attributes={} if parents else {"native_key": f"item-{number % 4}", "chunk": number},
        calls=tuple(digest("call", one) for one in calls),
        call_id=digest("call", calls[0]) if calls and number % 2 == 0 else None,
    )


def rejects(batch, numbers):
    rows = [
        {
            "reject_id": digest("reject", batch, number),
            "source": "forum",
            "record_id": digest("record", number) if number % 2 else None,
            "call_id": digest("call", number),
            "calls": [digest("call", number), digest("call", number + 1)],
        }
        for number in numbers
    ]
    return pa.Table.from_pylist(rows, schema=REJECT).drop_columns(["stage", "batch"]) if rows else None


NUMBER = st.integers(0, 9)
ROWS = st.dictionaries(NUMBER, st.tuples(st.lists(NUMBER, max_size=3, unique=True), st.lists(NUMBER, max_size=3)))
BATCH = st.sampled_from(["notes:0", "notes:1"])
STEP = st.one_of(
    st.tuples(st.just("accept"), st.sampled_from(["corpus", "questions"]), BATCH, ROWS),
    st.tuples(st.just("write"), st.sampled_from(["corpus", "questions"]), BATCH, ROWS),
    st.tuples(st.just("refuse"), st.just("corpus"), BATCH, ROWS),
    st.tuples(st.just("retire"), st.just("corpus"), BATCH, st.just({})),
    st.tuples(st.just("sweep"), st.just("corpus"), BATCH, st.just({})),
)
SEQUENCES = st.lists(st.lists(STEP, min_size=1, max_size=3), min_size=1, max_size=5)


def do(lake, what, stage, batch, rows):
    if what == "sweep":
        lake.sweep(older_than_s=-1.0)
    elif what == "retire":
        lake.retire("demo", stage, batch, "run")
    else:
        table = to_table([record(number, batch, *of) for number, of in sorted(rows.items())], "document")
        written = write_to(lake, batch, table, stage=stage, rejects=rejects(batch, sorted(rows)[:2]))
        if what != "write":
            (lake.accept if what == "accept" else lake.refuse)(written)


def agrees(lake, index, more=()):
    scanned = Scanned(lake)
    keys = scanned.keys() | ABSENT | set(more)
    assert says(index.now(), keys) == says(scanned, keys)
    return keys


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(SEQUENCES, st.integers(2, 60), st.integers(2, 3))
def test_it_says_what_a_scan_says_after_any_changes(tmp_path_factory, sequences, most, fanout):
    lake, keys = Lake.open(tmp_path_factory.mktemp("lake")), set()
    index = Holdings(lake, most=most, fanout=fanout)
    for steps in sequences:
        for step in steps:
            do(lake, *step)
        keys = agrees(lake, index, keys)
        assert {path.name for path in index.folder.glob("*.segment")} == {part.name for part in index.parts()}
    index.check()
    gone = keys - Scanned(lake).keys()
    held = [path.read_bytes() for path in index.folder.glob("*")]
    assert not any(halves(key) in data for key in gone - ABSENT for data in held)


def halves(key):
    """The first half of a key as a segment keeps it."""
    return int.from_bytes(key[:8], "big").to_bytes(8, "little")


@pytest.fixture
def filled(lake):
    for stage, batch, numbers in (("corpus", "notes:0", range(6)), ("corpus", "notes:1", range(4, 9))):
        do(lake, "accept", stage, batch, {n: ([], []) for n in numbers})
    do(lake, "accept", "questions", "notes:0", {20: ([0, 1], [1, 2]), 21: ([2], [2])})
    return lake


def test_what_nobody_names_any_more_is_on_no_disk_once_it_has_caught_up(filled):
    """The batch is written anew without record 21: while its past version is kept, that names it."""
    index, gone = Holdings(filled), halves(digest("record", 21))
    index.now()
    assert any(gone in path.read_bytes() for path in index.folder.iterdir())
    before = index.now().naming(RECORD, Ids.of([digest("record", 21)]))
    assert [file.stored.table for file in before] == ["questions", "rejects"]
    do(filled, "accept", "questions", "notes:0", {20: ([0, 1], [1, 2])})
    agrees(filled, index)
    assert any(gone in path.read_bytes() for path in index.folder.iterdir())
    for file in before:
        filled.store.remove(file.stored.name)
    assert index.catch_up() == 0
    assert not any(gone in path.read_bytes() for path in index.folder.iterdir())
    agrees(filled, index)


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda catalog, segment: segment.write_bytes(segment.read_bytes()[:-1]), id="a short segment"),
        pytest.param(lambda catalog, segment: segment.write_bytes(flipped(segment.read_bytes())), id="a flipped bit"),
        pytest.param(lambda catalog, segment: segment.unlink(), id="a segment that is gone"),
        pytest.param(lambda catalog, segment: segment.write_bytes(b""), id="an empty segment"),
        pytest.param(lambda catalog, segment: catalog.write_bytes(b"\xff\xfe{"), id="a catalog of other bytes"),
        pytest.param(lambda catalog, segment: catalog.write_text("[1]"), id="a catalog of other JSON"),
        pytest.param(
            lambda catalog, segment: catalog.write_text(catalog.read_text().replace("holdings 1", "holdings 0")),
            id="another layout",
        ),
        pytest.param(lambda catalog, segment: catalog.unlink(), id="no catalog"),
    ],
)
def test_an_index_that_is_damaged_is_made_again(filled, harm):
    index = Holdings(filled)
    index.now()
    harm(index.catalog, next(index.folder.glob("*.segment")))
    agrees(filled, Holdings(filled))
    Holdings(filled).check()


def flipped(data):
    return data[:-70] + bytes([data[-70] ^ 1]) + data[-69:]


def test_a_bit_that_rots_without_a_trace_is_found_by_whoever_checks(filled):
    index = Holdings(filled)
    index.now()
    path = next(index.folder.glob("*.segment"))
    before = path.stat()
    path.write_bytes(flipped(path.read_bytes()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(Damaged):
        index.check()


def test_an_index_of_another_time_is_caught_up_with_what_has_come_and_gone(filled, tmp_path):
    index = Holdings(filled)
    index.now()
    shutil.copytree(index.folder, tmp_path / "kept")
    do(filled, "accept", "corpus", "notes:0", {7: ([], [3])})
    do(filled, "write", "questions", "notes:1", {8: ([7], [4])})
    index.now()
    shutil.rmtree(index.folder)
    shutil.copytree(tmp_path / "kept", index.folder)
    agrees(filled, Holdings(filled))


def test_a_file_that_somebody_has_put_in_anothers_place_is_read_again(filled):
    index = Holdings(filled)
    first, second = [file.stored.name for file in index.now().files if file.stored.table == "corpus"][:2]
    shutil.copyfile(filled.store.local(first), filled.store.local(second))
    agrees(filled, index)


def test_a_reader_whose_segments_another_replaces_looks_again_and_rebuilds_nothing(filled, monkeypatch):
    """Between the catalog and its segments, once."""
    reader, writer = Holdings(filled), Holdings(filled)
    reader.now()
    parts, late = reader.parts, [writer.rebuild]

    def read(catalog=None):
        found = parts(catalog)
        if late:
            late.pop()()
        return found

    monkeypatch.setattr(reader, "parts", read)
    with patch.object(holdings, "names_of", wraps=holdings.names_of) as reads:
        assert len(reader.now().files) == 6  # of three batches the records and the rejects
        assert reads.call_count == 6  # by the writer


def test_a_candidate_that_gives_way_while_it_is_read_is_passed_over(filled, monkeypatch):
    names_of = holdings.names_of

    def late(path, *more):
        Path(path).unlink()
        return names_of(path, *more)

    monkeypatch.setattr(holdings, "names_of", late)
    assert Holdings(filled).catch_up() == 0


# ------------------------------------------------------------------------------------------------------ kills


class Killed(BaseException):
    """In the place of kill -9: nothing of ours catches it."""


def killed_at(lake, step):
    """Catch up, and end before the write of that number, or right after it; whether there were so many."""
    left = [step]

    def counted(work):
        def count(*given, **named):
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            done = work(*given, **named)
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return done

        return count

    index = Holdings(lake, most=12, fanout=2)
    with (
        patch.object(holdings, "write_arrays", counted(holdings.write_arrays)),
        patch.object(holdings, "write_whole", counted(holdings.write_whole)),
        patch.object(Path, "unlink", counted(Path.unlink)),
    ):
        try:
            index.catch_up()
        except Killed:
            return True
    return False


def test_a_catching_up_that_is_killed_anywhere_is_gone_on_with(filled, tmp_path):
    Holdings(filled, most=12, fanout=2).now()
    do(filled, "accept", "corpus", "notes:2", {30: ([], [9]), 31: ([], [])})
    do(filled, "write", "questions", "notes:0", {22: ([30], [9])})
    filled.store.remove(next(one.stored.name for one in Scanned(filled).files if "notes%3A1" in one.stored.name))
    folder = Holdings(filled).folder
    shutil.copytree(folder, tmp_path / "before")
    steps = 1
    while killed_at(filled, steps):
        agrees(filled, Holdings(filled, most=12, fanout=2))
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "before", folder)
        steps += 1
    assert steps > 8


BUILDER = """
import sys
from synth_dagster.lake.holdings import Holdings
from synth_dagster.lake.lake import Lake
lake = Lake.open(sys.argv[1])
print("at work", flush=True)
while True:
    Holdings(lake, most=200, fanout=2).rebuild()
"""


@pytest.mark.prove
def test_a_build_killed_ten_times(tmp_path):
    chance, lake = random.Random(1), Lake.open(tmp_path / "lake")
    for number in range(8):
        do(lake, "accept", "corpus", f"notes:{number}", {n: ([], [n]) for n in range(60)})
    for _ in range(10):
        builder = subprocess.Popen([sys.executable, "-c", BUILDER, str(tmp_path / "lake")], stdout=subprocess.PIPE)
        assert builder.stdout and builder.stdout.readline() == b"at work\n"
        time.sleep(chance.uniform(0, 0.4))
        builder.send_signal(signal.SIGKILL)
        builder.communicate()
        agrees(Lake.open(tmp_path / "lake"), Holdings(Lake.open(tmp_path / "lake")))
