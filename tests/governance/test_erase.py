"""Erasing from a planted world: what is to go is gone from every file, and nothing else has changed."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import zlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.errors import LakeError, SynthError, UnknownName
from synth_dagster.governance import erase_search
from synth_dagster.governance.erase import Asked, BadErasure, costs, erase, plan, resume
from synth_dagster.governance.erase_look import Wanted, halves_in, ids_in, look_at_file
from synth_dagster.governance.erase_receipt import signed, verify, verify_file
from synth_dagster.governance.erase_scope import scope, search_of
from synth_dagster.governance.erase_search import search
from synth_dagster.governance.trace import trace
from synth_dagster.lake import doomed
from synth_dagster.lake.array_file import write_arrays
from synth_dagster.lake.canonical import data_version
from synth_dagster.lake.doomed import stored_files
from synth_dagster.lake.erasing import is_cut_short
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.remaking import is_to_remake
from synth_dagster.lake.shingles import Needles
from synth_dagster.record_tables import to_table
from synth_dagster.records import Parent, digest
from synth_dagster.signing import BadSignature, new_key
from synth_dagster.teacher.cache import AnswerCache, Stored, StoredVector, vector_id
from tests.governance.erase_world import (
    PARENTS,
    STAGES,
    check,
    check_versions,
    dags,
    look,
    plant,
    said,
    shown,
)
from tests.lake.conftest import document, write_to
from tests.lake.scanned import Scanned


def test_a_source_goes_with_all_that_was_made_from_it(world):
    before, answers = world.rows(), world.answers()
    dry = plan(world.lake, Asked("demo", source="forum")).as_json()
    # fb, q2, q3, p2, p3, and the four children once more in their past versions
    assert (dry["records"], dry["meant"]) == (9, 1) and not dry["everything"]
    # each of q2, q3, p2, p3 has an answer of its own; that of two parents is q2's alone, that of one parent is shared
    assert (dry["calls"], dry["calls_shared"]) == (5, 1)
    assert world.rows() == before and look(world, {"fb"}).with_ids
    receipt = erase(world.lake, Asked("demo", source="forum"), world.around, None)
    check(world, receipt, ["fb"], before, answers)
    assert receipt["counts"]["records"] == 9
    with_ids = receipt["proof"]["before"]["with_ids"]
    assert {one.split("/")[1] for one in with_ids if one.endswith(".segment")} == {"lineage", "holdings"}
    assert not list((Path(world.lake.store.url) / "erasures").glob("*/journal.json"))
    for name in world.below("fb"):
        assert world.texts[name] not in json.dumps(receipt) and digest(name).hex() not in json.dumps(receipt)


def test_the_batch_that_holds_nothing_keeps_its_files(world):
    accepted = {stage: world.lake.accepted("demo", stage, "notes:2") for stage in STAGES}
    erase(world.lake, Asked("demo", source="forum"), world.around, None)
    for stage, version in accepted.items():
        assert world.lake.accepted("demo", stage, "notes:2") == version
    for stage in STAGES:
        version = world.lake.accepted("demo", stage, "notes:1")
        assert version.data_version == data_version(world.lake.candidate_table(version))
        assert version.rows == world.lake.candidate_table(version).num_rows


def test_a_table_as_a_run_left_it_no_longer_has_what_was_erased(world):
    old = world.lake.snapshot("demo", "questions")[1].version
    erase(world.lake, Asked("demo", source="forum"), world.around, None)
    assert world.lake.snapshot("demo", "questions")[1].version > old
    then = world.lake.read("demo", "questions", as_of="run-1")["record_id"].to_pylist()
    assert sorted(then) == sorted([digest("q1"), digest("q4")])
    said_then = world.lake.read("demo", "rejects", as_of="run-1")["record_id"].to_pylist()
    assert sorted(said_then) == sorted(digest(name) for name in ("a", "c", "q1", "q4", "p1", "p4"))
    # the first version that had both batches: the older children of what stays, under their other ids
    first = world.lake.meta.candidates("demo", "questions", "notes:1")[0].version
    world.lake.meta.database.write(
        "update run_versions set run_id = 'first' where table_name = 'questions' and version = ?", (first,)
    )
    assert world.lake.read("demo", "questions", as_of="first")["record_id"].to_pylist() == [digest("q1", "old")]


def test_releases_are_withdrawn_with_successors(world):
    erase(world.lake, Asked("demo", record=digest("fb").hex()), world.around, None)
    told = [(one.release, one.state, one.manifest.get("successor_of")) for one in world.lake.meta.releases("demo")]
    assert told == [
        ("r0001", "withdrawn", None),
        ("r0002", "withdrawn", None),
        ("r0003", "accepted", "r0001"),
        ("r0004", "accepted", "r0002"),
    ]
    rows = world.lake.read("demo", "verdicts", where="release = 'r0004'").to_pylist()
    # p2 went; p4 still repeats p1, which stays
    assert {(row["record_id"], row["duplicate_of"]) for row in rows} == {
        (digest("p1"), None),
        (digest("p4"), digest("p1")),
    }
    assert world.lake.read("demo", "mix", where="release = 'r0004'")["record_id"].to_pylist() == [digest("p1")]


def test_an_erased_id_is_known_as_such_by_who_has_it_whole(world):
    gone, never = digest("q1").hex(), digest("never").hex()
    receipt = erase(world.lake, Asked("demo", record=digest("fb").hex()), world.around, None)
    for child in ("fb", "q2", "p3"):  # what was made from it went with it
        with pytest.raises(UnknownName, match=f"It was erased on .* erasures/{receipt['erasure']}.json in the lake"):
            trace(world.lake, digest(child).hex())
    with pytest.raises(UnknownName, match="It was erased on"):
        plan(world.lake, Asked("demo", record=digest("fb").hex()))
    for other in (never, digest("fb").hex()[:31]):
        with pytest.raises(UnknownName, match="Ids are hexadecimal"):
            trace(world.lake, other)
    assert trace(world.lake, gone).record["record_id"] == gone
    world.lake.meta.database.write("update erasures set state = 'begun'")  # as a kill before the receipt leaves it
    with pytest.raises(UnknownName, match="is under way, or was cut short: the next 'synth erase'"):
        trace(world.lake, digest("fb").hex())


def test_a_duplicate_of_what_went_names_it_no_longer(world):
    erase(world.lake, Asked("demo", record=digest("q1").hex()), world.around, None)
    rows = world.lake.read("demo", "verdicts", where="release = 'r0004'").to_pylist()
    assert {(row["record_id"], row["reason"], row["duplicate_of"]) for row in rows} == {
        (digest("p2"), "minhash:duplicate", None),
        (digest("p3"), None, None),
        (digest("p4"), "minhash:duplicate", None),
    }


def test_a_condition_is_judged_as_sql(world):
    before, answers = world.rows(), world.answers()
    receipt = erase(world.lake, Asked("demo", where=f"text = '{world.texts['c']}'"), world.around, None)
    check(world, receipt, ["c"], before, answers)
    assert world.texts["c"] not in json.dumps(receipt)
    for bad in ("1 = 1; drop table x", "text in (select text from corpus)", "read_text('/etc/passwd') is null"):
        with pytest.raises(LakeError):
            plan(world.lake, Asked("demo", where=bad))


def test_what_cannot_be_meant_is_refused(world):
    with pytest.raises(UnknownName, match="Did you mean 'forum'"):
        plan(world.lake, Asked("demo", source="form"))
    with pytest.raises(UnknownName, match="No record is called"):
        plan(world.lake, Asked("demo", record="00" * 16))
    with pytest.raises(BadErasure, match="No record fits"):
        plan(world.lake, Asked("demo", where="1 = 0"))
    with pytest.raises(BadErasure, match="one of --source"):
        plan(world.lake, Asked("demo", source="forum", record="00"))
    with pytest.raises(BadErasure, match="--yes-everything"):
        erase(world.lake, Asked("demo", where="1 = 1"), world.around, None)
    assert len(world.rows()) == len(PARENTS)


@pytest.mark.prove
def test_everything_goes_where_that_is_said(world):
    receipt = erase(world.lake, Asked("demo", where="1 = 1"), world.around, None, everything=True)
    assert world.rows() == {} and receipt["proof"]["clean"]


def test_what_was_erased_does_not_return(world):
    erase(world.lake, Asked("demo", source="forum"), world.around, None)
    write_to(world.lake, "notes:3", to_table([document("notes:3", 1)], "document"))  # others may come
    made = to_table([document("notes:3", 2, parents=(Parent(digest("fb"), "corpus", "notes:1"),))], "document")
    with pytest.raises(LakeError, match="1 records that were erased"):
        write_to(world.lake, "notes:3", made, stage="questions")


@pytest.mark.prove
def test_two_erasures_wait_for_each_other(world):
    before, answers, receipts = world.rows(), world.answers(), {}

    def work(source, record):
        receipts[record] = erase(world.lake, Asked("demo", source, record), world.around, None)

    threads = [
        threading.Thread(target=work, args=("forum", None)),
        threading.Thread(target=work, args=(None, digest("c").hex())),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receipts) == 2 and all(one["proof"]["clean"] for one in receipts.values())
    check(world, receipts[None], ["fb", "c"], before, answers)


def test_a_receipt_is_signed_where_a_key_is_named(world, tmp_path):
    signer = new_key(tmp_path / "key.pem")
    receipt = erase(world.lake, Asked("demo", source="forum"), world.around, signer)
    kept = json.loads(world.lake.store.read(f"erasures/{receipt['erasure']}.json"))
    assert kept == receipt and verify(kept) == signer.key
    with pytest.raises(BadSignature, match="changed after signing"):
        verify(kept | {"at": "2020-01-01T00:00:00Z"})


@pytest.mark.parametrize(
    ("changed", "key", "said"),
    [
        pytest.param({}, True, None, id="as it was signed"),
        pytest.param({"at": "2020-01-01T00:00:00Z"}, True, "changed after signing", id="another day"),
        pytest.param({}, False, "is signed by another key", id="by somebody else"),
        pytest.param({"signature": None}, True, "nobody has signed it", id="unsigned"),
    ],
)
def test_whoever_gets_a_receipt_can_check_it(tmp_path, changed, key, said):
    signer = new_key(tmp_path / "key.pem")
    receipt = tmp_path / "receipt.json"
    receipt.write_text(json.dumps(signed({"erasure": "ab" * 16, "at": "2026-11-28T00:00:00Z"}, signer) | changed))
    found = verify_file(receipt, signer.key if key else "ed25519:0000")
    assert [fault.what for fault in found.faults] == [] if said is None else said in found.faults[0].what
    assert found.what == f"the receipt of the erasure abababababab of {changed.get('at', '2026-11-28T00:00:00Z')}"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"erasure": 1, "at": 2, "signature": {}}', "\0"])
def test_a_file_that_is_no_receipt_is_said_to_be_none(tmp_path, text):
    (tmp_path / "notes.json").write_text(text)
    with pytest.raises(SynthError, match="is no receipt of an erasure"):
        verify_file(tmp_path / "notes.json", None)


def test_embeddings_of_what_goes_go_and_others_stay(world):
    texts = [world.texts["q3"], world.texts["q4"], "a text that no record says"]
    keys = [vector_id(text, "embedder-1", None) for text in texts]
    kept = StoredVector(model="embedder-1", vector=b"\0" * 8)
    with AnswerCache.open(world.around.answers) as cache:
        asyncio.run(cache.put_vectors(dict.fromkeys(keys, kept)))
    receipt = erase(world.lake, Asked("demo", source="forum"), world.around, None)
    with AnswerCache.open(world.around.answers) as cache:
        assert asyncio.run(cache.vectors(keys)) == dict.fromkeys(keys[1:], kept)
    assert receipt["counts"]["embeddings_erased"] == 1
    assert any("2 embeddings of other texts" in told for told in receipt["proof"]["not_searched"])


def test_what_a_provider_is_still_asked_about_it_stops_an_erasure(world):
    write = world.lake.meta.database.write
    columns = "key, dataset, stage, batch, role, session_id, run_id, address, model, path, requests, state, status"
    row = ("k", "demo", "questions", "notes:1", "writer", "s", "r", "http://a", "m", "/v1", 2, "submitted", "")
    marks = ", ".join("?" * len(row))
    write(
        f"insert into provider_batches ({columns}, done, failed, created_at, changed_at) values ({marks}, 0, 0, 0, 0)",
        row,
    )
    for call in (digest("call", "q3"), digest("call", "q4")):
        write("insert into provider_lines values ('k', ?, 1, null, '', 'answered')", (call.hex(),))
    before = world.rows()
    with pytest.raises(BadErasure, match="1 provider batches over what is to be erased are still open"):
        erase(world.lake, Asked("demo", source="forum"), world.around, None)
    assert world.rows() == before
    write("update provider_batches set state = 'collected'")
    erase(world.lake, Asked("demo", source="forum"), world.around, None)
    left = world.lake.meta.database.rows("select call_id from provider_lines")
    assert [row["call_id"] for row in left] == [digest("call", "q4").hex()]


def test_a_search_of_what_is_touched_opens_no_file_of_another_batch_and_says_so(world, monkeypatch):
    """Of seven stages and tables notes:2 has files too: none is opened, all else is as after the whole search."""
    before, answers, versions = world.rows(), world.answers(), shown(world)
    opened = []
    look = erase_search.look_at_file
    monkeypatch.setattr(erase_search, "look_at_file", lambda path, *how: opened.append(str(path)) or look(path, *how))
    receipt = erase(world.lake, Asked("demo", source="forum", search="touched"), world.around, None)
    monkeypatch.undo()
    assert any("notes%3A1" in path for path in opened) and not any("notes%3A2" in path for path in opened)
    assert any("r0003" in path for path in opened) and any(path.endswith("answers.sqlite") for path in opened)
    aside = [f for f in stored_files(world.lake) if "notes%3A2" in f.name]
    assert (
        f"{len(aside)} files of batches that hold none of the records, as their ids say"
        in receipt["proof"]["not_searched"]
    )
    assert receipt["asked"]["search"] == "touched"
    check(world, receipt, ["fb"], before, answers)  # by a search of everything
    check_versions(world, ["fb"], versions)


def test_what_a_model_says_after_our_prompt_stays_in_the_prompt(world):
    before, answers = world.rows(), world.answers()
    world.lake.meta.remember_prompt("hash", "You write.", f"Begin with: {world.texts['q3'][:120]}")
    receipt = erase(world.lake, Asked("demo", source="forum"), world.around, None)
    assert receipt["proof"]["clean"] and receipt["proof"]["text_proven"]
    assert world.texts["q3"][:120] in world.lake.meta.prompt("hash")[1]
    assert set(world.rows()) < set(before) and world.answers() < answers


def test_what_it_costs_to_make_the_same_again_is_known_where_all_prices_are(world):
    found = plan(world.lake, Asked("demo", source="forum"))
    own = found.doomed.calls.to_pylist()
    # five answers, of which q2 has two: the children of two parents are q2 alone, and its second answer is its own
    assert costs(found, world.around)["cost"] == {"answers": 5, "tokens_in": 0, "tokens_out": 0, "usd": None}
    told = Stored(model="m", text="x", finish_reason="stop", tokens_in=10, tokens_out=3, usd=Decimal("0.002"))

    async def paid(cache):
        await cache.forget(own)
        for call in own:
            await cache.put(call, told)

    with AnswerCache.open(world.around.answers) as cache:
        asyncio.run(paid(cache))
    told = costs(found, world.around)
    assert told["cost"] == {"answers": 5, "tokens_in": 50, "tokens_out": 15, "usd": 0.01}
    assert (told["cost_of_children"]["answers"], told["cost_of_children"]["usd"]) == (2, 0.004)


def test_another_word_for_the_search_is_refused():
    with pytest.raises(BadErasure, match="Did you mean 'touched'"):
        search_of("touch")


# ------------------------------------------------------------------------------------------------------ the search


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda text: text.upper().encode(), id="upper case"),
        pytest.param(lambda text: "&#32;".join(text.split()).encode(), id="a page"),
        pytest.param(lambda text: json.dumps({"a": [text]}).encode(), id="json"),
        pytest.param(lambda text: b"\0" * 99 + zlib.compress(text.encode()) + b"\0" * 99, id="packed"),
    ],
)
def test_a_text_is_found_however_it_is_written(tmp_path, world, write):
    text = said("a text of nobody")
    needles = Needles()
    needles.add(text)
    path = Path(world.lake.store.url) / "left-wal"
    path.write_bytes(write(f"begin {text[60:130]} end"))
    wanted = Wanted.of(pa.array([digest("nobody")], pa.binary()), needles)
    assert search(world.lake, wanted, others={}).with_text == ["left-wal"]


def test_an_id_is_found_raw_in_hexadecimal_and_in_halves():
    one = digest("x")
    ids = Ids.of([one])
    assert all(ids_in(b"." * shift + one + b"..", ids) for shift in range(9))
    assert ids_in(f'{{"a": "00{one.hex()}ff"}}'.encode(), ids) and ids_in(one.hex().upper().encode(), ids)
    assert not ids_in(digest("y") * 3, ids) and not ids_in(b"", ids)
    halves = int.from_bytes(one[:8], "big").to_bytes(8, "little"), int.from_bytes(one[8:], "big").to_bytes(8, "little")
    assert halves_in([halves[0], b"\1" * 8 + halves[1]], ids) and not halves_in([halves[0] * 2], ids)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        pytest.param(lambda data, text: data, (True, False), id="as it is written"),
        pytest.param(lambda data, text: data + text, (True, True), id="with a text after its arrays"),
        pytest.param(lambda data, text: data.replace(b"\0" * len(text), text), (True, True), id="a text between them"),
        # the line before the arrays grows by 64 bytes, so that numbers still begin at multiples of eight
        pytest.param(
            lambda data, text: data.replace(b"synth test 1", (b"synth " + text).ljust(76)),
            (True, True),
            id="in its head",
        ),
        pytest.param(lambda data, text: data[-9:] + text, (False, True), id="something else of that name"),
    ],
)
def test_a_segment_of_an_index_is_read_as_numbers_only_where_it_is_nothing_else(tmp_path, world, spoil, found):
    text = said("a text of nobody")[:40]
    needles = Needles()
    needles.add(text)
    path = Path(world.lake.store.url) / "left.segment"
    # one byte and 63 of padding, so that a text has room between two arrays
    ids = Ids.of(sorted(digest(number) for number in range(9)))
    write_arrays(path, "synth test 1", {"small": np.zeros(1, np.uint8), "high": ids.high, "low": ids.low})
    path.write_bytes(spoil(path.read_bytes(), text.encode()))
    wanted = Wanted.of(pa.array([digest(4)], pa.binary()), needles)
    seen = look_at_file(path, wanted)
    assert (seen.has_id, bool(seen.hits)) == found
    assert not look_at_file(path, Wanted.of(pa.array([digest("x")], pa.binary()), Needles())).has_id


# ------------------------------------------------------------------------------------------------------ any DAG


def same_scope(world, asked):
    """By the index, and by reading every file."""
    scanned = Scanned(world.lake)
    found, all_read = scope(world.lake, asked), scope(world.lake, asked, scanned)
    assert found.as_json() == all_read.as_json() and found.files == all_read.files
    assert (found.batches, found.bereft.batches) == (all_read.batches, all_read.bereft.batches)
    assert found.doomed.ids.equals(all_read.doomed.ids) and found.doomed.calls.equals(all_read.doomed.calls)
    for call in {call for _, call, _ in scanned.named} | {digest("orphan")}:
        assert (call in found.kept_calls) == (call in all_read.kept_calls)
        assert (call in found.writers) == (call in all_read.writers)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"source": "forum"}, id="a source"),
        pytest.param({"record": digest("q2").hex()}, id="a record"),
        pytest.param({"record": digest("p1").hex(), "everywhere": True}, id="a record everywhere"),
        pytest.param({"where": "status = 'current'"}, id="a condition"),
    ],
)
def test_the_index_leads_to_what_a_scan_of_all_files_finds(planted, asked):
    same_scope(planted, Asked("demo", **asked))


def test_files_that_name_nothing_of_it_are_not_opened(planted, monkeypatch):
    """Of notes:2 everything goes: c, q4, p4. Their answers that others share are told by counts."""
    plan(planted.lake, Asked("demo", record=digest("c").hex()))  # the index has read all
    opened = []
    read = doomed.pq.ParquetFile
    monkeypatch.setattr(doomed.pq, "ParquetFile", lambda path, *how: opened.append(str(path)) or read(path, *how))
    found = plan(planted.lake, Asked("demo", record=digest("c").hex()))
    assert found.calls == 2 and found.shared_calls == 1
    assert opened and all("notes%3A2" in path or "/release=" in path for path in opened)


def erased_anywhere(folder, dag):
    parents, stages, batches, name = dag
    world = plant(folder, parents, stages=stages, batches=batches)
    before, answers, versions = world.rows(), world.answers(), shown(world)
    asked = Asked("demo", record=digest(name).hex(), children="remake")
    same_scope(world, asked)
    receipt = erase(world.lake, asked, world.around, None, everything=True)
    check(world, receipt, [name], before, answers)
    check_versions(world, [name], versions)
    check_to_remake(world, name)


@settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(dag=dags())
def test_any_record_of_any_dag(tmp_path_factory, dag):
    erased_anywhere(tmp_path_factory.mktemp("dag"), dag)


@pytest.mark.prove
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(dag=dags())
def test_any_record_of_many_dags(tmp_path_factory, dag):
    erased_anywhere(tmp_path_factory.mktemp("dag"), dag)


# ------------------------------------------------------------------------------------------------------ kills

MOST_STEPS = 180  # an erasure from the planted world makes so many changes, or a few less
KILLED = """
import os, signal, sys
from pathlib import Path
from synth_dagster.governance import erase_search
from synth_dagster.governance.erase import Asked, Surroundings, erase
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.sqlite import SqliteDatabase
from synth_dagster.storage.folder import FolderStore
from synth_dagster.records import digest
from synth_dagster.teacher.caches.file import FileCache

folder, name, where = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
left = int(where) if where.isdecimal() else 0

def end():
    os.kill(os.getpid(), signal.SIGKILL)

def counted(work):
    def count(self, *given, **named):
        global left
        left -= 1
        if left == 0 or (where == "before forgetting" and work.__name__ == "erase"):
            end()
        done = work(self, *given, **named)
        if where == "once written" and work.__name__ == "write" and given[0].endswith("journal.json"):
            end()
        return done
    return count

for owner, works in (
    (FolderStore, ("write", "remove", "erase")), (SqliteDatabase, ("transaction",)), (FileCache, ("forget",))
):
    for work in works:
        setattr(owner, work, counted(getattr(owner, work)))
around = Surroundings(folder / "answers.sqlite", None, folder)
asked = Asked("demo", record=digest(name).hex(), children="remake")
erase(Lake.open(folder / "lake"), asked, around, None, everything=True)
print("steps left", left)
"""


def killed(folder, steps, name="fb"):
    """An erasure of a record that ends with kill -9 before so many changes; whether it was that long."""
    command = [sys.executable, "-c", KILLED, str(folder), name, str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."})
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def journals(folder):
    return list((folder / "lake/erasures").glob("*/journal.json"))


def test_what_was_to_be_done_is_forgotten_where_it_had_not_begun(world, tmp_path):
    before = world.rows()
    assert killed(tmp_path, "once written") and len(journals(tmp_path)) == 1 and is_cut_short(world.lake)
    assert resume(world.lake, world.around, None) == [] and not is_cut_short(world.lake)
    assert not journals(tmp_path) and world.rows() == before
    made = to_table([document("notes:3", 2, parents=(Parent(digest("fb"), "corpus", "notes:1"),))], "document")
    write_to(world.lake, "notes:3", made, stage="questions")  # nothing was erased, so nothing is refused


def test_what_was_to_be_done_is_forgotten_where_all_was_done(world, tmp_path):
    before, answers = world.rows(), world.answers()
    assert killed(tmp_path, "before forgetting") and len(journals(tmp_path)) == 1 and is_cut_short(world.lake)
    (receipt,) = [json.loads(path.read_text()) for path in (tmp_path / "lake/erasures").glob("*.json")]
    assert resume(world.lake, world.around, None) == [] and not is_cut_short(world.lake)
    assert not journals(tmp_path)
    check(world, receipt, ["fb"], before, answers)


def check_to_remake(world, name):
    """By brute force: the batches of children that lost one parent and have another."""
    gone = world.below(name)
    bereft = {one for one in gone - {name} if 0 < len(gone & set(world.parents[one])) < len(world.parents[one])}
    shown = [world.lake.accepted("demo", stage, f"notes:{n}") for stage in STAGES for n in (1, 2)]
    marked = {(one.stage, one.batch) for one in shown if one is not None and is_to_remake(one)}
    assert marked == {(world.stages[one], world.batches[one]) for one in bereft}


def is_whole_after_a_kill(world, folder, steps, name="fb"):
    before, answers, versions = world.rows(), world.answers(), shown(world)
    if not killed(folder, steps, name):
        return False
    receipts = resume(world.lake, world.around, None)
    if not receipts:  # the kill came before anything was to be done, or after all was
        try:
            asked = Asked("demo", record=digest(name).hex(), children="remake")
            receipts = [erase(world.lake, asked, world.around, None, everything=True)]
        except UnknownName:
            receipts = [json.loads(path.read_text()) for path in (folder / "lake/erasures").glob("*.json")]
    check(world, receipts[0], [name], before, answers)
    check_versions(world, [name], versions)
    check_to_remake(world, name)
    assert not journals(folder) and not is_cut_short(world.lake)
    return True


def test_an_erasure_that_was_killed_is_gone_on_with(world, tmp_path):
    assert is_whole_after_a_kill(world, tmp_path, 60)
    states = [(one.release, one.state) for one in world.lake.meta.releases("demo")]
    assert states == [("r0001", "withdrawn"), ("r0002", "withdrawn"), ("r0003", "accepted"), ("r0004", "accepted")]


@pytest.mark.prove
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(dag=dags(), steps=st.integers(1, MOST_STEPS))
def test_an_erasure_from_any_dag_may_be_killed_anywhere(tmp_path_factory, dag, steps):
    parents, stages, batches, name = dag
    folder = tmp_path_factory.mktemp("killed")
    is_whole_after_a_kill(plant(folder, parents, stages=stages, batches=batches), folder, steps, name)


@pytest.mark.prove
@pytest.mark.parametrize("steps", [*range(1, MOST_STEPS, 24)])
def test_an_erasure_may_be_killed_anywhere(world, tmp_path, steps):
    is_whole_after_a_kill(world, tmp_path, steps)
