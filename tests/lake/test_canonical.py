"""The data version sees what a table says and nothing of how it lies in memory."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.lake.canonical import data_version

PARENTS = pa.list_(pa.struct([("record_id", pa.binary()), ("stage", pa.string())]))
SCHEMA = pa.schema(
    [
        ("record_id", pa.binary()),
        ("text", pa.string()),
        ("depth", pa.int32()),
        ("share", pa.float64()),
        ("kept", pa.bool_()),
        ("created", pa.timestamp("us", tz="UTC")),
        ("parents", PARENTS),
        ("calls", pa.list_(pa.binary())),
    ]
)
TEXT = st.one_of(st.none(), st.text(max_size=6))
PARENT = st.one_of(st.none(), st.fixed_dictionaries({"record_id": st.binary(max_size=3), "stage": TEXT}))
ROW = st.fixed_dictionaries(
    {
        "record_id": st.binary(min_size=1, max_size=4),
        "text": TEXT,
        "depth": st.one_of(st.none(), st.integers(-5, 5)),
        "share": st.one_of(st.none(), st.floats(allow_nan=True)),
        "kept": st.one_of(st.none(), st.booleans()),
        "created": st.one_of(st.none(), st.integers(0, 10**9)),
        "parents": st.one_of(st.none(), st.lists(PARENT, max_size=3)),
        "calls": st.one_of(st.none(), st.lists(st.one_of(st.none(), st.binary(max_size=3)), max_size=3)),
    }
)
ROWS = st.lists(ROW, max_size=12, unique_by=lambda row: row["record_id"])
few = settings(max_examples=60, deadline=None)


def table_of(rows) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@few
@given(ROWS, st.data())
def test_order_of_rows_and_columns_leaves_no_trace(rows, data):
    shuffled = table_of(data.draw(st.permutations(rows))).select(data.draw(st.permutations(SCHEMA.names)))
    assert data_version(shuffled) == data_version(table_of(rows))


@few
@given(ROWS, st.integers(1, 5), st.integers(0, 3))
def test_chunks_slices_and_offsets_leave_no_trace(rows, size, before):
    padding = [{"record_id": b"padding", "text": "not part of it"}] * before
    sliced = table_of(padding + rows + padding).slice(before, len(rows))
    pieces = [sliced.slice(start, size) for start in range(0, len(rows), size)]
    chunked = pa.concat_tables(pieces) if pieces else sliced
    assert data_version(chunked) == data_version(table_of(rows))


@few
@given(ROWS)
def test_dictionaries_and_wide_offsets_leave_no_trace(rows):
    table = table_of(rows)
    other = table.set_column(1, "text", table["text"].dictionary_encode())
    other = other.set_column(0, "record_id", table["record_id"].cast(pa.large_binary()))
    other = other.set_column(7, "calls", table["calls"].cast(pa.large_list(pa.large_binary())))
    assert data_version(other) == data_version(table)


@few
@given(ROWS)
def test_a_trip_through_parquet_leaves_no_trace(rows):
    sink = pa.BufferOutputStream()
    pq.write_table(table_of(rows), sink)
    assert data_version(pq.read_table(pa.BufferReader(sink.getvalue()))) == data_version(table_of(rows))


@few
@given(ROWS.filter(bool), st.data())
def test_any_other_value_is_another_version(rows, data):
    changed = [dict(row) for row in rows]
    place, name = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(SCHEMA.names[1:]))
    changed[place][name] = data.draw(ROW)[name]
    same = table_of(changed).to_pylist().__repr__() == table_of(rows).to_pylist().__repr__()
    assert (data_version(table_of(changed)) == data_version(table_of(rows))) == same


def test_garbage_under_a_null_leaves_no_trace():
    valid = pa.array([True, False, True]).buffers()[1]
    numbers = pa.Array.from_buffers(pa.int64(), 3, [valid, pa.array([1, 666, 3]).buffers()[1]])
    words = pa.array(["a", "garbage", "c"])
    texts = pa.Array.from_buffers(pa.string(), 3, [valid, *words.buffers()[1:]])
    inner = pa.array([1, 2, 3, 4])
    lists = pa.Array.from_buffers(
        pa.list_(pa.int64()), 3, [valid, pa.array([0, 1, 3, 4], pa.int32()).buffers()[1]], children=[inner]
    )
    ids = pa.array([b"1", b"2", b"3"])
    dirty = pa.table({"record_id": ids, "n": numbers, "t": texts, "l": lists})
    clean = pa.table({"record_id": ids, "n": [1, None, 3], "t": ["a", None, "c"], "l": [[1], None, [4]]})
    assert data_version(dirty) == data_version(clean)


def test_run_and_time_are_not_part_of_it():
    one = pa.table({"record_id": [b"1"], "run_id": ["monday"], "created_at": [1]})
    two = pa.table({"record_id": [b"1"], "run_id": ["tuesday"], "created_at": [2]})
    assert data_version(one) == data_version(two) == data_version(pa.table({"record_id": [b"1"]}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"a": ["xy", "z"]}, {"a": ["x", "yz"]}, id="where one text ends"),
        pytest.param({"a": [""]}, {"a": pa.array([None], pa.string())}, id="empty is not null"),
        pytest.param({"a": ["1"]}, {"a": [1]}, id="a digit is not a number"),
        pytest.param({"a": [b"x"]}, {"a": ["x"]}, id="bytes are not text"),
        pytest.param({"ab": [1], "c": [2]}, {"a": [1], "bc": [2]}, id="where a name ends"),
        pytest.param({"a": [[], [1]]}, {"a": [[1], []]}, id="which list holds an item"),
        pytest.param({"a": [[None]]}, {"a": pa.array([None], pa.list_(pa.null()))}, id="a list of a null"),
        pytest.param({"a": [None, None]}, {"a": [None]}, id="how many rows"),
        pytest.param(
            {"a": pa.array([{"x": "1", "y": "2"}])},
            {"a": pa.array([{"x": "2", "y": "1"}])},
            id="which field",
        ),
    ],
)
def test_what_differs_is_told_apart(one, other):
    rows = len(next(iter(one.values())))
    others = len(next(iter(other.values())))
    first = pa.table({"record_id": [bytes([n]) for n in range(rows)], **one})
    second = pa.table({"record_id": [bytes([n]) for n in range(others)], **other})
    assert data_version(first) != data_version(second)


def test_rows_that_share_a_key_are_ordered_by_what_else_they_say():
    pairs = pa.table({"record_id": [b"1", b"1", b"0"], "text": ["b", "a", "c"]})
    assert data_version(pairs) == data_version(pairs.take([1, 0, 2]))
    assert data_version(pairs, sort_by=["text"]) != data_version(pairs.set_column(1, "text", [["b", "a", "d"]]))


def test_columns_longer_than_a_window_are_hashed_whole():
    rows = 70_000  # one window is 65,536 rows
    ids = pa.array([n.to_bytes(4, "big") for n in range(rows)])
    values = pa.array(range(rows))
    whole = pa.table({"record_id": ids, "n": values})
    reversed_ = whole.take(list(range(rows - 1, -1, -1)))
    other = whole.set_column(1, "n", pa.concat_arrays([values.slice(0, rows - 1), pa.array([0])]))
    assert data_version(reversed_) == data_version(whole) != data_version(other)
