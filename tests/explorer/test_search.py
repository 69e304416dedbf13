"""The search: what is found, in a stable order, a page at a time, and never more than a page costs."""

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.explorer import search as searching
from synth_dagster.explorer.search import BadSearch, Place, Sought, marks, piece, saying, search
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage
from synth_dagster.record_tables import to_table
from synth_dagster.records import Instruction, Message, digest
from tests.lake.conftest import document, write_to

WORDS = ("heron", "Kingfisher", "kite 100%", "Ærø_x", "owl's")


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Lake:
    """Two stages of three batches with seven records each; record n says word n mod 5 and its own number."""
    lake = Lake.open(tmp_path_factory.mktemp("searched") / "lake")
    for stage in ("corpus", "questions"):
        for batch in ("b/1", "b/2", "c:3"):
            records = [
                replace(
                    document(batch, n, text=f"{stage} {WORDS[n % 5]}"),
                    record_id=digest(stage, batch, n),
                    source="even" if n % 2 == 0 else "odd",
                    model_id="a/model" if stage == "questions" else None,
                    method=f"m{n % 3}",
                )
                for n in range(7)
            ]
            lake.accept(write_to(lake, batch, to_table(records, "document"), stage=stage))
    return lake


@pytest.fixture(scope="module")
def now(lake):
    return Lineage(lake).now()


def every(lake, now, sought: Sought, size: int) -> list[str]:
    """All pages, one after the other."""
    found, after = [], ""
    for _ in range(100):
        page = search(lake, now, sought, after=after, size=size)
        assert len(page.records) <= size
        found += [one["record_id"] for one in page.records]
        if page.next is None:
            return found
        after = page.next
    raise AssertionError("the pages have no end")


def expected(**fits) -> list[str]:
    """By brute force, in the order of `Lake.read`."""
    ids = [
        (stage, batch, digest(stage, batch, n).hex())
        for stage in fits.get("stage", ("corpus", "questions"))
        for batch in fits.get("batch", ("b/1", "b/2", "c:3"))
        for n in range(7)
        if fits.get("fits", lambda n: True)(n)
    ]
    return [one for *_, one in sorted(ids)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 50),
    q=st.sampled_from(
        ["", "heron", "HERON", "kingfisher", "100%", "ærø_x", "owl's", "nobody says this", '"kite 100%"']
    ),
    stage=st.sampled_from(["", "corpus", "questions"]),
    source=st.sampled_from(["", "even", "odd"]),
)
def test_the_pages_are_what_fits_each_once_in_order(lake, now, size, q, stage, source):
    word = q.strip('"').lower()
    fits = [n for n in range(7) if word in WORDS[n % 5].lower()] if word else range(7)
    parity = {"": (0, 1), "even": (0,), "odd": (1,)}[source]
    wanted = expected(stage=[stage] if stage else ("corpus", "questions"), fits=lambda n: n in fits and n % 2 in parity)
    assert every(lake, now, Sought(q=q, stage=stage, source=source), size) == wanted
    if not q:
        assert search(lake, now, Sought(stage=stage, source=source), size=size).count == len(wanted)


@pytest.mark.parametrize(
    ("sought", "count"),
    [
        (Sought(batch="b/2"), 14),
        (Sought(model_id="a/model"), 21),
        (Sought(method="m0"), 18),  # n = 0, 3 and 6 of seven, in six files
        (Sought(method="m0", source="odd"), 6),
        (Sought(method="nobody"), 0),
        (Sought(dataset="other"), 0),
        (Sought(dataset="demo", stage="corpus", batch="c:3"), 7),
        (Sought(verdict="kept"), 0),  # no release was ever made
    ],
)
def test_what_is_known_of_records_is_counted(lake, now, sought, count):
    assert search(lake, now, sought).count == count


def test_reading_ends_when_time_is_up_and_goes_on_from_there(lake, now, monkeypatch):
    monkeypatch.setattr(searching, "SECONDS", -1.0)
    first = search(lake, now, Sought(q="owl's"), size=50)
    assert first.next is not None and len(first.records) == 1  # one file of the six was read; n = 4 says it
    assert every(lake, now, Sought(q="owl's"), 50) == expected(fits=lambda n: n == 4)


def test_a_page_of_few_records_reads_one_file(lake, now, monkeypatch):
    opened = []
    real = searching.local_file
    monkeypatch.setattr(searching, "local_file", lambda *place: opened.append(place) or real(*place))
    assert len(search(lake, now, Sought(), size=5).records) == 5
    assert len(opened) == 1


def test_the_words_of_conversations_are_read_too():
    said = (Message("user", "What is a heron?"), Message("assistant", "A wading bird."))
    rows = [
        Instruction(record_id=digest("a"), content_hash=digest("a"), messages=said),
        Instruction(record_id=digest("b"), content_hash=digest("b"), messages=(Message("user", "Nothing"),)),
        Instruction(record_id=digest("c"), content_hash=digest("c"), messages=()),
    ]
    table = to_table(rows, "instruction")
    assert saying(table, ["HERON", "wading"]).to_pylist() == [True, False, False]
    assert saying(table, ["heron", "stork"]).to_pylist() == [False, False, False]
    assert saying(table.slice(1), ["nothing"]).to_pylist() == [True, False]
    assert saying(table.slice(0, 0), ["x"]).to_pylist() == []
    assert saying(pa.concat_tables([table, table]), ["heron"]).to_pylist() == [True, False, False] * 2


def test_what_stands_in_quotation_marks_is_one_word():
    assert Sought(q='a "b c" d').words == ["a", "b c", "d"]


@pytest.mark.parametrize("given", [{"q": "x" * 201}, {"q": "a b c d e f g h i"}, {"verdict": "maybe"}])
def test_what_cannot_be_looked_for_is_said(given):
    with pytest.raises(BadSearch):
        Sought.of(given)


@pytest.mark.parametrize(
    "text", ["7", "demo/corpus", "demo/corpus/zz/b", "demo/corpus/00/b", "demo/corpus/" + "0" * 40 + "/b"]
)
def test_a_place_that_is_none_is_refused(text):
    with pytest.raises(BadSearch):
        Place.of(text)


@settings(max_examples=30, deadline=None)
@given(st.text(), st.text(), st.text(), st.sampled_from([b"", bytes(16), b"\xff" * 16]))
def test_a_place_survives_its_address(dataset, stage, batch, after):
    dataset, stage = dataset.replace("/", ""), stage.replace("/", "")
    assert Place.of(str(Place(dataset, stage, batch, after))) == Place(dataset, stage, batch, after)


def test_a_piece_of_a_text_stands_around_the_first_word():
    text = "x " * 200 + "the heron stands" + " y" * 200
    assert "the heron stands" in piece(text, ["heron"]) and len(piece(text, ["heron"])) < 260
    assert marks("Heron, heron", ["heron", "ron"]) == [(0, 5), (7, 12)]
