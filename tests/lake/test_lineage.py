"""The lineage index answers who comes from whom, and can be lost without loss."""

import subprocess
import sys

import pytest

from synth_dagster.errors import UnknownName
from synth_dagster.lake.lineage import Lineage
from synth_dagster.record_tables import to_table
from tests.lake.conftest import document, parent_of, write_to


def show(lake, stage, batch, *records):
    lake.accept(write_to(lake, batch, to_table(records, "document"), stage=stage))


@pytest.fixture
def family(lake):
    r"""Two passages, three questions, two pairs; pair 0 reaches passage 0 both at once and over question 0.

    passages 0   1
             |\ / \
    questions 0 1  2
             |/
    pairs    0      1 (from question 2)
    """
    passages = [document("notes:1", n, text="passage") for n in range(2)]
    made_of = [(0,), (0, 1), (1,)]
    questions = [
        document("notes:1", n, text="question", parents=[parent_of(passages[p], "corpus") for p in of])
        for n, of in enumerate(made_of)
    ]
    pairs = [
        document(
            "notes:1",
            0,
            text="pair",
            parents=[
                parent_of(questions[0], "questions"),
                parent_of(questions[1], "questions"),
                parent_of(passages[0], "corpus"),
            ],
        ),
        document("notes:1", 1, text="pair", parents=[parent_of(questions[2], "questions")]),
    ]
    show(lake, "corpus", "notes:1", *passages)
    show(lake, "questions", "notes:1", *questions)
    show(lake, "pairs", "notes:1", *pairs)
    return passages, questions, pairs


def names(family, relatives):
    all_of = {record.record_id: record.body for records in family for record in records}
    return [(all_of[row["record_id"]], row["distance"]) for row in relatives.to_pylist()]


def test_ancestors_nearest_first_each_once(lake, family):
    found = names(family, Lineage(lake).now().ancestors([family[2][0].record_id]))
    assert found[-1] == ("passage 1", 2)
    assert set(found[:-1]) == {("question 0", 1), ("question 1", 1), ("passage 0", 1)}


def test_descendants_nearest_first_each_once(lake, family):
    found = names(family, Lineage(lake).now().descendants([family[0][1].record_id]))
    assert [distance for _, distance in found] == [1, 1, 2, 2]
    assert set(found) == {("question 1", 1), ("question 2", 1), ("pair 0", 2), ("pair 1", 2)}


def test_an_entry_says_where_from_and_how(lake, family):
    lineage = Lineage(lake)
    (entry,) = lineage.now().entries([family[1][0].record_id]).to_pylist()
    assert (entry["record_id"], entry["stage"], entry["batch"]) == (family[1][0].record_id, "questions", "notes:1")
    assert (entry["dataset"], entry["method"], entry["model_id"]) == ("demo", "chunk", "extractor-1")
    assert (entry["status"], entry["source"], entry["run_id"]) == ("current", "notes", "run-1")
    assert lineage.now().entries([family[0][0].record_id])["model_id"].to_pylist() == [None]
    assert lineage.now().entries([b"\0" * 16]).num_rows == 0


def test_an_id_by_its_first_digits(lake, family):
    lineage = Lineage(lake)
    ids = sorted(record.record_id for records in family for record in records)
    assert all(lineage.now().resolve(one.hex()) == one for one in ids)
    assert lineage.now().resolve(ids[0].hex()[:31].upper()) == ids[0]
    alone = next(one for one in ids if sum(other.hex()[:3] == one.hex()[:3] for other in ids) == 1)
    assert lineage.now().resolve(alone.hex()[:3]) == alone
    wrong = ids[0].hex()[:-1] + ("0" if ids[0].hex()[-1] != "0" else "1")
    with pytest.raises(UnknownName, match=f"Did you mean '{ids[0].hex()}'"):
        lineage.now().resolve(wrong)
    for bad in ("", "xyz", "0" * 33, "a b"):
        with pytest.raises(UnknownName, match="hexadecimal"):
            lineage.now().resolve(bad)


def test_digits_that_many_share_are_not_enough(lake):
    show(lake, "corpus", "notes:1", *(document("notes:1", n) for n in range(40)))  # 40 ids begin with 16 digits
    lineage = Lineage(lake)
    shared = next(
        d for d in "0123456789abcdef" if sum(document("notes:1", n).record_id.hex()[0] == d for n in range(40)) > 1
    )
    with pytest.raises(UnknownName, match="give more digits"):
        lineage.now().resolve(shared)


def test_catching_up_reads_only_what_has_changed(lake, family):
    lineage = Lineage(lake)
    assert lineage.catch_up() == 3
    assert lineage.catch_up() == 0
    show(lake, "corpus", "notes:2", document("notes:2", 0))
    show(lake, "pairs", "notes:1", document("notes:1", 9, text="pair", parents=[parent_of(family[1][0], "questions")]))
    assert lineage.catch_up() == 2
    assert set(lineage.now().descendants([family[0][1].record_id])["distance"].to_pylist()) == {1}
    assert lineage.now().entries([family[2][0].record_id]).num_rows == 0  # the pair that was replaced


def test_a_candidate_is_not_in_the_index(lake, write):
    candidate = write("notes:1")
    lineage = Lineage(lake)
    with pytest.raises(UnknownName):
        lineage.now().resolve(lake.candidate_table(candidate)["record_id"][0].as_py().hex())


def test_a_parent_that_is_gone_is_still_named(lake, family):
    lake.retire("demo", "corpus", "notes:1", "run-2")
    (missing,) = Lineage(lake).now().ancestors([family[1][0].record_id]).to_pylist()
    assert (missing["record_id"], missing["status"]) == (family[0][0].record_id, "missing")
    assert (missing["dataset"], missing["stage"], missing["batch"]) == (None, "corpus", "notes:1")


def test_a_circle_ends(lake):
    one, two = (document("notes:1", n) for n in range(2))
    ring = [
        document("notes:1", 0, parents=[parent_of(two, "corpus")]),
        document("notes:1", 1, parents=[parent_of(one, "corpus")]),
    ]
    show(lake, "corpus", "notes:1", *ring)
    (other,) = Lineage(lake).now().ancestors([one.record_id]).to_pylist()
    assert (other["record_id"], other["distance"]) == (two.record_id, 1)


def catalog(lake):
    return lake.store.derived / "lineage.sqlite"


def segment(lake):
    (found,) = (lake.store.derived / "lineage").iterdir()
    return found


@pytest.mark.parametrize("file", [catalog, segment])
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.write_bytes(b"this is no database " * 500), id="other bytes"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:900] + b"\xff" * 9000), id="damaged inside"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-40]), id="cut"),
        pytest.param(lambda path: path.unlink(), id="deleted"),
        pytest.param(lambda path: path.write_bytes(b""), id="emptied"),
    ],
)
def test_a_damaged_index_is_made_again(lake, family, spoil, file):
    spoiled_index_is_made_again(lake, family, lambda: spoil(file(lake)))


def test_one_other_byte_in_a_segment_is_seen(lake, family):
    spoiled_index_is_made_again(lake, family, lambda: segment(lake).write_bytes(flipped(segment(lake).read_bytes())))


def spoiled_index_is_made_again(lake, family, spoil):
    first = Lineage(lake)
    before = first.now().ancestors([family[2][0].record_id])
    first.index.catalog.database().rows("pragma wal_checkpoint(truncate)")
    first.index.catalog.database().close()
    spoil()
    assert Lineage(lake).now().ancestors([family[2][0].record_id]).equals(before)


def flipped(data: bytes) -> bytes:
    return data[:-64] + bytes([data[-64] ^ 1]) + data[-63:]


def test_an_index_of_another_layout_is_made_again(lake, family):
    first = Lineage(lake)
    before = first.now().ancestors([family[2][0].record_id])
    first.index.catalog.database().write("drop table layout_2")
    second = Lineage(lake)
    assert second.now().ancestors([family[2][0].record_id]).equals(before)
    assert first.now().ancestors([family[2][0].record_id]).equals(before)
    second.index.catalog.database().write("pragma user_version = 9")
    assert Lineage(lake).catch_up() == 3


def test_rebuilding_gives_the_same_answers(lake, family):
    lineage = Lineage(lake)
    before = lineage.now().descendants([family[0][0].record_id])
    assert lineage.rebuild() == 3
    assert lineage.now().descendants([family[0][0].record_id]).equals(before)


def test_processes_that_catch_up_at_once_leave_one_index(lake, family):
    script = "import sys; from synth_dagster.lake.lake import Lake; from synth_dagster.lake.lineage import Lineage;"
    script += "print(Lineage(Lake.open(sys.argv[1])).catch_up())"
    command = [sys.executable, "-c", script, str(lake.store.folder)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    read = sorted(int(process.communicate(timeout=60)[0]) for process in processes)
    assert read == [0, 0, 3]
    assert Lineage(lake).now().ancestors([family[2][0].record_id]).num_rows == 4
