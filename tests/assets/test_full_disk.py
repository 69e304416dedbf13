"""A disk that is really full, under each of the things that a project writes: said in one sentence, nothing lost.

Each part of the project stands on a small disk of its own, so that one can be full while the others are not. A test
delivers a new passage, fills one disk, sees the run end in words with the version before it intact, makes room, and
sees the same command complete without paying for any passage twice.
"""

import gc
import re
from contextlib import ExitStack
from itertools import count

import pytest

from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.exports.place import place_of
from synth_dagster.governance.handover import Wishes, hand_over
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import PlannedBatch
from tests.assets.project import LINES, TAUGHT, small_project
from tests.assets.teachers import Endpoint
from tests.small_disk import small_disk

pytestmark = pytest.mark.prove
PARTS = ("lake", "metadata", "answers", "previews", "dagster", "exports")
BY_ENDPOINT = TAUGHT.replace("{use: embedded}", "{use: endpoint, max_in_flight: 1}")


@pytest.fixture(scope="module")
def server():
    with Endpoint() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTH_MODEL", "m")
        patch.setenv("OPENAI_BASE_URL", server.url)
        yield server


class Parts:
    """A project whose parts stand on disks of their own."""

    def __init__(self, project, disks, server):
        self.project, self.disks, self.server = project, disks, server
        self._numbers, self.lines = count(len(LINES)), list(LINES)

    def deliver_one_more(self):
        self.lines.append(f"The mill number {next(self._numbers)} grinds the corn of a village beside the river Ard.")
        self.project.deliver(self.lines)

    def fill(self, part, leaving=0):
        """Fill a disk. A database that nobody has open has no log with room in it."""
        gc.collect()  # lakes of runs that are over, whose connections close with them
        self.project.lake.meta.database.close()
        self.disks[part].fill(leaving)

    def seen(self):
        """What readers see, and what must not change while a disk is full."""
        rows = self.project.rows("generated_instructions")
        return {str(row["messages"]) for row in rows}, self.project.releases()

    def run(self):
        """What a run says: its causes, or the one sentence that it ends with."""
        try:
            told = self.project.run()
        except SynthError as error:
            return [str(error)]
        assert (told.exit_code() == ExitCode.DONE) == (not told.causes)
        return told.causes

    def pool(self):
        """The runs that hold a slot of the teacher's pool."""
        with self.project.instance() as instance:
            return instance.event_log_storage.get_concurrency_info("teacher").active_run_ids

    def is_stopped(self, words):
        """A run that ends in these words; what else it says only follows from that."""
        said = self.run()
        assert said and re.search(words, said[0]) and not any("a bug of ours" in cause for cause in said), said
        assert all("no release: " in cause or "--allow-missing" in cause for cause in said[1:]), said

    def completes(self):
        assert self.run() == []
        assert len(self.project.rows("generated_instructions")) == len(self.lines)


@pytest.fixture(scope="module")
def parts(tmp_path_factory, server):
    home = tmp_path_factory.mktemp("full")
    with ExitStack() as stack:
        disks = {name: stack.enter_context(small_disk(home / name)) for name in PARTS}
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        env = {
            "SYNTH_LAKE": str(home / "lake" / "lake"),
            "SYNTH_METADATA": str(home / "metadata" / "meta.sqlite"),
            "SYNTH_ANSWERS": str(home / "answers" / "cache.sqlite"),
        }
        for name, value in env.items():
            patch.setenv(name, value)
        project = small_project(home / "p", BY_ENDPOINT, env=env, databases=False)
        (project.root / ".dagster").symlink_to(home / "dagster")
        (home / "lake" / "lake").mkdir()
        (home / "lake" / "lake" / "previews").symlink_to(home / "previews")
        made = Parts(project, disks, server)
        project.deliver(LINES)
        made.completes()
        yield made


@pytest.mark.parametrize(
    ("part", "leaving"),
    [
        pytest.param("lake", 0, id="the tables, from the first file on"),
        pytest.param("lake", 60_000, id="the tables, after some files"),
        pytest.param("metadata", 0, id="the metadata"),
        pytest.param("previews", 0, id="a preview page"),
        pytest.param("previews", 40_000, id="a preview page, after another"),
        pytest.param("dagster", 0, id="what Dagster writes"),
        pytest.param("dagster", 400_000, id="what Dagster writes, in the middle of a run"),
    ],
)
def test_a_full_disk_is_said_and_the_next_run_goes_on(parts, part, leaving):
    parts.deliver_one_more()
    paid, (rows, releases) = parts.server.calls, parts.seen()
    parts.fill(part, leaving)
    try:
        parts.is_stopped("is full.*Make room")
    finally:
        parts.disks[part].make_room()
    now, released = parts.seen()  # not before: a database that nobody has open cannot even be read on a full disk
    assert now == rows or (len(now) == len(parts.lines) and rows < now)  # a batch comes before its release
    assert released == releases
    parts.completes()
    assert parts.server.calls == paid + 1
    assert len(parts.project.releases()) == len(releases) + 1


def test_a_run_that_could_not_give_its_slot_back_does_not_keep_the_next_of_its_process_waiting(parts):
    """Full from the first answer on, while the run holds a slot of the pool: that stays in the database."""
    parts.deliver_one_more()
    answer = parts.server.script

    def answered_on_a_full_disk(body, seen):
        parts.disks["dagster"].fill()
        return answer(body, seen)

    parts.server.script = answered_on_a_full_disk
    try:
        parts.is_stopped("is full.*Make room")
    finally:
        parts.server.script = answer
        parts.disks["dagster"].make_room()
    assert len(parts.pool()) == 1
    parts.completes()
    assert not parts.pool()


def test_answers_that_cannot_be_kept_stop_the_work(parts):
    """One call is in flight: its answer is lost with the disk, no other is asked for, and none that was kept again."""
    for _ in range(3):
        parts.deliver_one_more()
    paid, (rows, releases) = parts.server.calls, parts.seen()
    parts.fill("answers")
    try:
        parts.is_stopped("answer cache .*disk.*run again")
        assert parts.server.calls <= paid + 1
        assert parts.seen() == (rows, releases)
    finally:
        parts.disks["answers"].make_room()
    parts.completes()
    assert parts.server.calls <= paid + 1 + 3


def test_the_plan_of_the_inbox_stays_as_it_was(tmp_path):
    """A plan of a large delivery: more than the room that is left in the database's log."""

    def planned(digest, count):
        return [PlannedBatch("tiny", f"notes:{n}", "notes", digest, 1, "{}") for n in range(count)]

    with small_disk(tmp_path / "disk", 8) as disk:
        meta = Lake.open(disk.folder / "lake").meta
        meta.plan("tiny", "notes", planned("a", 3))
        before = meta.planned("tiny")
        disk.fill()
        with pytest.raises(SynthError, match=r"is full: meta\.sqlite cannot grow.*Make room"):
            meta.plan("tiny", "notes", planned("b", 5_000))
        assert meta.planned("tiny") == before and len(before) == 3
        disk.make_room()
        meta.plan("tiny", "notes", planned("b", 5_000))
        assert len(meta.planned("tiny")) == 5_000


@pytest.mark.parametrize("format_", ["trl", "parquet"])
def test_an_export_leaves_the_one_before_it_and_is_written_when_there_is_room(parts, format_):
    disk, lake = parts.disks["exports"], parts.project.lake
    to = disk.folder / format_
    place = place_of(str(to), parts.project.environment.open_bucket)

    def export(release, **wishes):
        return hand_over(lake, "tiny", release, format_=format_, to=place, wishes=Wishes(**wishes))

    first = export("latest").manifest
    before = {path.name: path.read_bytes() for path in to.rglob("*") if path.is_file()}
    disk.fill()
    try:
        with pytest.raises(SynthError, match=r"could not be written: No space left on device\. Free some space"):
            export("latest", validation=0.5, seed=3)
        assert {path.name: path.read_bytes() for path in to.rglob("*") if path.is_file()} == before
        assert not export("latest").made
    finally:
        disk.make_room()
    again = export("latest", validation=0.5, seed=3)
    assert again.made and again.manifest.records == first.records


def test_a_project_on_one_disk_that_gets_ever_more_room_completes_at_some_time(tmp_path, server, monkeypatch):
    """Wherever the room ends, in our files or in Dagster's, a run ends in words, and nothing is paid for twice."""
    for name in ("SYNTH_LAKE", "SYNTH_METADATA", "SYNTH_ANSWERS"):
        monkeypatch.delenv(name, raising=False)
    with small_disk(tmp_path / "disk") as disk:
        project = small_project(disk.folder / "p", BY_ENDPOINT)
        parts = Parts(project, {"all": disk}, server)
        project.deliver(LINES[:3])
        assert parts.run() == []
        paid, (rows, releases) = server.calls, parts.seen()
        project.deliver(LINES)
        for kilobytes in (0, 64, 300, 700, 1200, 4000, 16000):
            parts.fill("all", kilobytes * 1024)
            said = parts.run()
            assert not said or re.search(r"is full|Free disk space", said[0]), (kilobytes, said)
            disk.make_room()
            now, released = parts.seen()
            assert now == rows or (len(now) == len(LINES) and rows < now)
            if not said:
                break
            assert released == releases
        assert said == [] and released == ["r0001", "r0002"]
        assert server.calls <= paid + 3 + 2  # an answer that could not be kept may be asked for again


def test_a_report_that_could_not_be_written_is_written_by_the_next_run(tmp_path, server, monkeypatch):
    """Its release was published before: that stays as it is, and is not made twice."""
    for name in ("SYNTH_LAKE", "SYNTH_METADATA", "SYNTH_ANSWERS"):
        monkeypatch.delenv(name, raising=False)
    with small_disk(tmp_path / "disk", 8) as disk:
        project = small_project(tmp_path / "p", BY_ENDPOINT)
        project.deliver(LINES)
        (project.root / "lake").mkdir()
        (project.root / "lake" / "reports").symlink_to(disk.folder)
        parts = Parts(project, {"reports": disk}, server)
        disk.fill()
        parts.is_stopped("release r0001: .*is full.*Make room")
        seen, paid = parts.seen(), server.calls
        assert seen[1] == ["r0001"] and not list(disk.folder.rglob("r0001*"))
        disk.make_room()
        assert parts.run() == []
        assert parts.seen() == seen and server.calls == paid
        assert sorted(path.suffix for path in disk.folder.rglob("r0001*")) == [".html", ".md"]


def test_the_command_ends_in_one_line(parts):
    """As a process: no traceback, and the exit code of a failure."""
    parts.deliver_one_more()
    parts.fill("dagster")
    try:
        code, out = parts.project.synth("run")
        assert code == ExitCode.FAILED and "Traceback" not in out, out
        assert "is full" in out.strip().splitlines()[-1], out
    finally:
        parts.disks["dagster"].make_room()
    parts.completes()
