"""The lineage index says what the tables say: against brute force, after any sequence of changes, after any kill."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.lake.array_file import Damaged
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage
from synth_dagster.lake.lineage_index import LineageIndex
from synth_dagster.record_tables import to_table
from synth_dagster.records import Parent, digest
from tests.lake.conftest import document, write_to

STAGES = ("corpus", "questions", "pairs")


@dataclass
class World:
    """What the tables hold, as Python sees it: stage and batch -> child -> parents."""

    shown: dict = field(default_factory=dict)

    def parents(self):
        found = {}
        for rows in self.shown.values():
            for child, parents in rows.items():
                found.setdefault(child, set()).update(parents)
        return found

    def children(self):
        found = {}
        for child, parents in self.parents().items():
            for parent in parents:
                found.setdefault(parent, set()).add(child)
        return found


def walked(edges, start):
    """id -> over how many steps, the start left out."""
    found, level = {}, {start}
    for distance in count(1):
        level = {there for here in level for there in edges.get(here, ())} - found.keys() - {start}
        if not level:
            break
        found |= dict.fromkeys(level, distance)
    return found


def said(table):
    """What an answer says of each id; one that stands in two files has two rows."""
    return dict(zip(table["record_id"].to_pylist(), table["distance"].to_pylist(), strict=True))


def random_dag(chance, stages, batches, records):
    """Records of several stages with up to six parents in any earlier stage, some of which are nowhere."""
    world, before = World(), []
    for stage in stages:
        made = []
        for batch in range(batches):
            rows = {}
            for number in range(records):
                name = digest(stage, batch, number)
                some = chance.sample(before, min(len(before), chance.choice([0, 1, 1, 2, 6]))) if before else []
                lost = [digest("lost", chance.random())] if chance.random() < 0.02 else []
                rows[name] = some + lost
                made.append(name)
            world.shown[stage, f"notes:{batch}"] = rows
        before = before + made
    return world


def fill(lake, world):
    for (stage, batch), rows in world.shown.items():
        accept(lake, stage, batch, rows)


def accept(lake, stage, batch, rows):
    records = [record(child, batch, parents) for child, parents in sorted(rows.items())]
    lake.accept(write_to(lake, batch, to_table(records, "document"), stage=stage))


def record(name, batch, parents):
    made_from = [Parent(parent, "corpus", "notes:0") for parent in parents]
    return replace(document(batch, 0, parents=made_from), record_id=name)


def agrees(lineage, world, some):
    up, down = world.parents(), world.children()
    for one in some:
        assert said(lineage.now().ancestors([one])) == walked(up, one)
        assert said(lineage.now().descendants([one])) == walked(down, one)


def brute_force(tmp_path, batches, records, asked):
    chance = random.Random(asked)
    lake = Lake.open(tmp_path / "lake")
    world = random_dag(chance, ("corpus", "questions", "pairs", "more"), batches, records)
    fill(lake, world)
    lineage = Lineage(lake, LineageIndex(lake, most=batches * records))  # several segments
    lineage.catch_up()
    assert len(lineage.index.catalog.state().segments) > 2
    agrees(lineage, world, chance.sample(sorted(world.parents()), asked))
    roots, down = [one for one, parents in world.parents().items() if not parents], world.children()
    together = set().union(*(walked(down, one) for one in roots)) - set(roots)
    assert set(said(lineage.now().descendants(roots))) == together


def test_it_equals_brute_force(tmp_path):
    brute_force(tmp_path, batches=3, records=60, asked=60)


@pytest.mark.prove
def test_it_equals_brute_force_on_a_thousand_records(tmp_path):
    brute_force(tmp_path, batches=10, records=300, asked=1_000)


# ------------------------------------------------------------------------------------------------------ what changes

ID = st.integers(0, 11).map(lambda number: digest("record", number))
ROWS = st.dictionaries(ID, st.lists(ID, max_size=4, unique=True), max_size=5)
STEP = st.tuples(st.sampled_from(STAGES), st.sampled_from(["notes:0", "notes:1", "notes:2"]), st.none() | ROWS)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(STEP, min_size=1, max_size=3), min_size=1, max_size=6), st.integers(2, 40), st.integers(2, 3))
def test_catching_up_is_rebuilding(tmp_path_factory, sequences, most, fanout):
    """Batches are replaced, withdrawn and brought back; an id may stand in several files, and circles may arise."""
    lake, world = Lake.open(tmp_path_factory.mktemp("lake")), World()
    lineage = Lineage(lake, LineageIndex(lake, most=most, fanout=fanout))
    for steps in sequences:
        for stage, batch, rows in steps:
            if rows is None:
                lake.retire("demo", stage, batch, "run")
                world.shown.pop((stage, batch), None)
            else:
                accept(lake, stage, batch, rows)
                world.shown[stage, batch] = rows
        known = sorted({one for rows in world.shown.values() for row, of in rows.items() for one in (row, *of)})
        agrees(lineage, world, known)
    before = whole(lineage, known)
    lineage.purge()
    assert whole(lineage, known) == before
    assert bytes_on_disk(lake, {digest("record", number) for number in range(12)} - set(known)) == set()
    lineage.rebuild()
    assert whole(lineage, known) == before


def whole(lineage, ids):
    """All that the index knows of these ids, in one order."""
    return [sorted(table.to_pylist(), key=str) for table in (lineage.now().entries(ids), lineage.now().edges(ids))]


def bytes_on_disk(lake, ids):
    """The ids that some file of the index holds: as the numbers of their halves, or as they are."""
    files = [path.read_bytes() for path in lake.store.derived.rglob("*") if path.is_file()]
    halves = {one: np.frombuffer(one, ">u8").astype("<u8")[0].tobytes() for one in ids}
    return {one for one in ids if any(halves[one] in data or one in data for data in files)}


def test_what_was_removed_is_on_no_disk(tmp_path):
    lake = Lake.open(tmp_path / "lake")
    rows = {digest(n): [digest("p", n)] for n in range(50)}
    accept(lake, "corpus", "secret:1", rows)
    accept(lake, "corpus", "notes:1", {digest("kept"): []})
    lineage = Lineage(lake)
    lineage.catch_up()
    wanted = {*rows, *(parent for of in rows.values() for parent in of)}
    assert bytes_on_disk(lake, wanted) == wanted  # else a search that finds nothing would prove nothing
    lake.retire("demo", "corpus", "secret:1", "run")
    lineage.purge()
    assert bytes_on_disk(lake, wanted) == set()
    assert not any(b"secret:1" in path.read_bytes() for path in lake.store.derived.rglob("*") if path.is_file())
    assert lineage.now().counts() == (1, 0)


def test_many_small_changes_leave_few_segments(tmp_path):
    lake = Lake.open(tmp_path / "lake")
    lineage = Lineage(lake, LineageIndex(lake, fanout=4))
    for number in range(12):
        accept(lake, "corpus", f"notes:{number}", {digest(number): []})
        assert lineage.catch_up() == 1
        assert len(lineage.index.catalog.state().segments) < 4
        assert len(list((lake.store.derived / "lineage").iterdir())) == len(lineage.index.catalog.state().segments)
    assert lineage.now().counts() == (12, 0)


def test_a_reader_keeps_its_moment_while_segments_are_replaced(tmp_path):
    lake = Lake.open(tmp_path / "lake")
    accept(lake, "corpus", "notes:1", {digest(1): []})
    reader, writer = LineageIndex(lake), Lineage(lake)
    reader.catch_up()
    moment = reader.catalog.state()
    accept(lake, "corpus", "notes:1", {digest(2): []})
    assert writer.rebuild() == 1
    (segment,) = moment.segments.values()
    assert segment.ids.to_arrow().to_pylist() == [digest(1)]
    (now,) = reader.catalog.state().segments.values()
    assert now.ids.to_arrow().to_pylist() == [digest(2)]


def test_a_byte_that_rots_is_found_by_whoever_checks(tmp_path):
    """Its time says nothing of it, so only a check of every byte does."""
    lake = Lake.open(tmp_path / "lake")
    accept(lake, "corpus", "notes:1", {digest(1): []})
    index = LineageIndex(lake)
    index.catch_up()
    index.check()
    (path,) = (lake.store.derived / "lineage").iterdir()
    before, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-64] + bytes([data[-64] ^ 1]) + data[-63:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(Damaged):
        LineageIndex(lake).check()


# ------------------------------------------------------------------------------------------------------ kills

BUILDER = """
import sys
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage
from synth_dagster.lake.lineage_index import LineageIndex
lake = Lake.open(sys.argv[1])
print("at work", flush=True)
while True:
    Lineage(lake, LineageIndex(lake, most=400, fanout=2)).rebuild()
"""


def kill_some(tmp_path, kills):
    chance = random.Random(kills)
    lake = Lake.open(tmp_path / "lake")
    world = random_dag(chance, STAGES, batches=4, records=60)
    fill(lake, world)
    halves = 0
    for _ in range(kills):
        builder = subprocess.Popen([sys.executable, "-c", BUILDER, str(tmp_path / "lake")], stdout=subprocess.PIPE)
        assert builder.stdout and builder.stdout.readline() == b"at work\n"
        time.sleep(chance.uniform(0, 0.3))
        builder.send_signal(signal.SIGKILL)
        builder.communicate()
        lineage = Lineage(Lake.open(tmp_path / "lake"))
        halves += lineage.catch_up() > 0
        agrees(lineage, world, chance.sample(sorted(world.parents()), 10))
        files = {path.name for path in (lake.store.derived / "lineage").iterdir()}
        assert files == {segment.path.name for segment in lineage.index.catalog.state().segments.values()}
        assert lineage.now().counts()[0] == len(world.parents())
    return halves


def test_a_build_killed_at_any_moment_is_never_taken_for_whole(tmp_path):
    kill_some(tmp_path, 3)


@pytest.mark.prove
def test_a_build_killed_twenty_times(tmp_path):
    assert kill_some(tmp_path, 20) > 2  # some kills came in the middle
