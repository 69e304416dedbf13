"""The index of duplicates: the verdicts of all records at once, whatever came when, and nothing that is half there."""

import json
import multiprocessing
import os
import random
import signal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.errors import LakeError
from synth_dagster.lake.checked_file import BLOCK
from synth_dagster.lake.signature_index import IndexDamaged, OtherSettings, SignatureIndex, halves
from synth_dagster.methods.dedup.minhash import Minhash
from synth_dagster.runner.duplicates import compared, compared_anew_if_damaged
from synth_dagster.storage import open_store

WORDS = ["river", "bridge", "market", "orchard", "window", "garden", "letter", "harbour"]


def pool(numbers, *, priorities=None):
    """Records by number: each tenth of the numbers says nearly the same."""
    texts = [text_of(number) for number in numbers]
    ids = [(number * 7919 % 100_003).to_bytes(16, "big") for number in numbers]
    given = priorities or {}
    return pa.table(
        {
            "record_id": pa.array(ids, pa.binary()),
            "text": pa.array(texts, pa.string()),
            "priority": pa.array([float(given.get(number, number % 3)) for number in numbers], pa.float64()),
        }
    )


def text_of(number):
    rng = random.Random(number % 10)
    words = [f"{rng.choice(WORDS)}{rng.choice('abcdefgh')}{rng.choice('ijklmnop')}" for _ in range(60)]
    return " ".join(words[: 60 - number // 10 % 4])


def at(path, method=None):
    method = method or Minhash()
    return SignatureIndex(open_store(str(path)), "tiny/minhash", method.signature_settings())


def verdicts(table):
    return sorted((row["record_id"], row["cluster"], row["size"]) for row in table.to_pylist())


def from_scratch(table):
    return verdicts(Minhash().cluster(table))


class Counting:
    """Signs, and counts what it signed."""

    def __init__(self):
        self.signed = 0

    def __call__(self, texts):
        self.signed += len(texts)
        return Minhash().signatures(texts)


batches = st.lists(st.lists(st.integers(0, 60), max_size=12), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(batches)
def test_batch_by_batch_gives_the_verdicts_of_all_at_once(tmp_path_factory, several):
    folder, sign, there = tmp_path_factory.mktemp("index"), Counting(), []
    for batch in several:
        there += [number for number in dict.fromkeys(batch) if number not in there]
        table = pool(sorted(there))
        assert verdicts(compared(at(folder), table, sign)) == from_scratch(table)
    assert sign.signed == len(there), "nothing is signed twice"


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sets(st.integers(0, 60)), st.dictionaries(st.integers(0, 60), st.integers(0, 2))), max_size=4)
)
def test_records_may_go_and_change_their_place(tmp_path_factory, pools):
    folder, sign = tmp_path_factory.mktemp("index"), Counting()
    for numbers, priorities in pools:
        table = pool(sorted(numbers), priorities=priorities)
        assert verdicts(compared(at(folder), table, sign)) == from_scratch(table)


def test_who_stays_changes_with_what_is_added(tmp_path):
    index = at(tmp_path)
    for batch, keepers in (
        ([10, 21, 32], [0, 1, 2]),
        ([13, 20], [0, 1, 2, 3, 0]),  # 13 is of no cluster; 20 joins that of 10, whose priority 1 is lower than 2
        ([30], [5, 1, 2, 3, 5, 5]),  # 30 has priority 0: it stays instead of 10
    ):
        index.add(*parts(pool(batch)))
        assert index.clusters().keeper.tolist() == at(tmp_path).clusters().keeper.tolist() == keepers


def parts(table):
    return halves(table["record_id"]), table["priority"].to_numpy(), Minhash().signatures(table["text"])


def test_an_index_of_other_settings_is_refused_and_both_are_named(tmp_path):
    at(tmp_path).add(*parts(pool([1, 2])))
    with pytest.raises(OtherSettings, match=r"written with bands 14, .*rows 8.* asked for with bands 20, .*rows 6"):
        at(tmp_path, Minhash(bands=20, rows=6))
    assert len(at(tmp_path, Minhash(keep="longest"))) == 2, "who stays is no matter of signatures"


@pytest.mark.parametrize("name", ["index.json", "segment"])
@pytest.mark.parametrize("how", ["first", "middle", "last", "cut", "gone"])
def test_a_damaged_file_is_found_and_the_index_made_anew(tmp_path, caplog, name, how):
    table, sign = pool(range(30)), Counting()
    compared(at(tmp_path), table, sign)
    (path,) = (tmp_path / "duplicates/tiny/minhash").glob(f"{name}*")
    data = bytearray(path.read_bytes())
    if how == "cut":
        del data[len(data) // 2 :]
    elif how != "gone":
        data[{"first": 0, "middle": len(data) // 2, "last": -1}[how]] ^= 2
    path.unlink() if how == "gone" else path.write_bytes(data)
    more = pool(range(31))
    if (name, how) == ("index.json", "gone"):  # without the file that names the others there is no index
        assert len(at(tmp_path)) == 0
    else:
        with pytest.raises((IndexDamaged, OtherSettings)):
            compared(at(tmp_path), more, Minhash().signatures)
    found = compared_anew_if_damaged(
        open_store(str(tmp_path)), "tiny/minhash", Minhash().signature_settings(), more, sign
    )
    assert verdicts(found) == from_scratch(more)
    assert sign.signed >= 61 and len(at(tmp_path)) == 31


def test_files_that_nobody_names_are_swept(tmp_path):
    compared(at(tmp_path), pool(range(30)), Counting())
    folder = tmp_path / "duplicates/tiny/minhash"
    (folder / "segment-of-a-killed-writer.bin").write_bytes(b"half")
    compared(at(tmp_path), pool(range(40)), Counting())
    named = json.loads((folder / "index.json").read_text())
    assert {path.name for path in folder.iterdir()} == {"index.json", *(one["name"] for one in named["segments"])}
    assert [one["records"] for one in named["segments"]] == [30, 10]


def random_records(rng, count):
    """Ids, priorities and signatures: every third record is of a cluster of some five that agree in a band."""
    signatures = rng.integers(0, 2**63, (14, count), dtype=np.uint64)
    signatures[3, ::3] = rng.integers(0, count // 15 + 1, len(signatures[3, ::3]))
    return rng.integers(0, 2**63, (count, 2), dtype=np.uint64), rng.integers(0, 3, count).astype(float), signatures


def test_many_small_additions_leave_few_segments_and_the_clusters_of_one(tmp_path):
    ids, priorities, signatures = random_records(np.random.default_rng(1), 3_000)
    for first in range(0, 3_000, 60):
        some = slice(first, first + 60)
        at(tmp_path / "grown").add(ids[some], priorities[some], signatures[:, some])
    at(tmp_path / "whole").add(ids, priorities, signatures)
    grown, whole = at(tmp_path / "grown"), at(tmp_path / "whole")
    assert grown.clusters().root.tolist() == whole.clusters().root.tolist()
    assert grown.clusters().keeper.tolist() == whole.clusters().keeper.tolist()
    assert (grown.signatures() == signatures).all() and (grown.ids() == ids).all()
    # each has at least twice the records of the next: 60 and more of 3,000 are log2(50) = 5.6 segments at most
    assert len(grown._segments) <= 6


def test_an_addition_reads_the_blocks_where_its_keys_would_stand(tmp_path):
    records = random_records(np.random.default_rng(2), 100_000)
    at(tmp_path).add(*records)
    index = at(tmp_path)
    (large,) = index._segments
    index.add(records[0][:1] + np.uint64(1), np.zeros(1), records[2][:, :1])
    assert index.clusters().root[-1] == 0
    # of each band 196 first keys (2 blocks, perhaps a third), one piece of 512 keys or two (2 or 3 blocks) and one row;
    # beside them the id and priority of who stays; of all, (16 + 8 + 14 * 12) * 100,000 / 4,096 = 4,688 blocks
    links = 2 * (large._linked + large._settled) * 8 // BLOCK + 2  # which tell the clusters, and are read at once
    assert large.file.checked.sum() <= 14 * 7 + 2 + links
    assert len(large.file.checked) > 4_688


def test_what_is_not_read_is_not_vouched_for_and_what_is_read_is(tmp_path):
    records = random_records(np.random.default_rng(3), 20_000)
    at(tmp_path).add(*records)
    (path,) = (tmp_path / "duplicates/tiny/minhash").glob("segment*")
    data = bytearray(path.read_bytes())
    data[8] ^= 1  # of the first record's id
    path.write_bytes(data)
    index = at(tmp_path)
    index._segments[0].band(5)
    with pytest.raises(IndexDamaged, match="a checksum differs"):
        index.ids()


def test_ids_of_another_length_are_refused():
    with pytest.raises(LakeError, match="ids of 16 bytes"):
        halves(pa.array([b"short"], pa.binary()))
    assert halves(pa.array([(5 << 64 | 7).to_bytes(16, "big")], pa.binary())).tolist() == [[5, 7]]


def write_for_ever(folder):
    """Adds record after record until it is killed."""
    for number in range(1_000_000):
        index = at(folder)
        index.add(halves(pool([number])["record_id"]) + np.uint64(len(index) << 20), np.zeros(1), ONE)


ONE = np.zeros((14, 1), np.uint64)


def test_a_kill_leaves_what_was_there_or_what_is_new(tmp_path):
    """A process is killed in the middle of its writing, several times; what it left is whole and is gone on with."""
    context, before = multiprocessing.get_context("fork"), 0
    for round_ in range(4):
        process = context.Process(target=write_for_ever, args=(tmp_path,))
        process.start()
        while not process.join(0.01 * (round_ + 1)) and not grown(tmp_path, before):
            assert process.is_alive()
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        index = at(tmp_path)
        assert len(index) > before and index.clusters().root.tolist() == [0] * len(index)
        before = len(index)


def grown(folder, before):
    path = folder / "duplicates/tiny/minhash/index.json"
    return path.exists() and sum(one["records"] for one in json.loads(path.read_bytes())["segments"]) > before + 3
