"""Whatever stands in a delivery: one item or reject for each row, in order, from any place on, squeezed or not."""

import csv
import gzip
import io
import json

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.readers.base import Item
from synth_dagster.readers.files import Files
from synth_dagster.readers.places import Places

GOOD = st.fixed_dictionaries(
    {"text": st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip)},
    optional={"id": st.integers(0, 5), "topic": st.none() | st.lists(st.integers(), max_size=2)},
)
BAD = st.sampled_from([b"{", b"null", b'{"text": 5}', b"\xff", b'{"text": " "}', b"x" * 300, b'{"text": "\\ud800"}'])
LINES = st.lists(GOOD.map(lambda value: json.dumps(value).encode()) | BAD, min_size=1, max_size=20)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
TABLE = st.lists(st.lists(CELLS, min_size=1, max_size=3).filter(lambda row: row != [""]), min_size=1, max_size=15)
slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def items_of(root, name, start=None, **how):
    return list(Files(path=name, max_line_bytes=250, **how).items(Places(root), start=start))


def check_places(root, name, everything):
    for place, item in enumerate(everything):
        assert items_of(root, name, item.locator) == everything[place:]


@slow
@given(LINES, st.sampled_from([b"\n", b"\r\n", b"\n\n \n"]), st.booleans())
def test_lines_of_json(tmp_path, lines, end, is_ended):
    data = end.join(lines) + (end if is_ended else b"")
    (tmp_path / "a.jsonl").write_bytes(data)
    found = items_of(tmp_path, "a.jsonl")
    assert len(found) == len(lines) and len({item.native_key for item in found}) == len(lines)
    for line, item in zip(lines, found, strict=True):
        if isinstance(item, Item):
            assert item.text == json.loads(line)["text"]
    check_places(tmp_path, "a.jsonl", found)
    for suffix, squeezed in ((".gz", gzip.compress(data)), (".zst", pa.compress(data, codec="zstd", asbytes=True))):
        (tmp_path / f"a.jsonl{suffix}").write_bytes(squeezed)
        again = items_of(tmp_path, f"a.jsonl{suffix}")
        assert [item.identity() for item in again] == [item.identity() for item in found]


@slow
@given(st.lists(GOOD, min_size=1, max_size=15), st.sampled_from([None, 0, 3]), st.booleans())
def test_arrays_of_json(tmp_path, rows, indent, is_ascii):
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=indent, ensure_ascii=is_ascii), encoding="utf-8")
    found = items_of(tmp_path, "a.json")
    assert len(found) == len(rows)
    for row, item in zip(rows, found, strict=True):
        assert not isinstance(item, Item) or item.text == row["text"]
    check_places(tmp_path, "a.json", found)


@slow
@given(TABLE)
def test_tables(tmp_path, rows):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["text", "topic"], *rows])
    (tmp_path / "a.csv").write_bytes(file.getvalue().encode())
    found = items_of(tmp_path, "a.csv")
    assert len(found) == len(rows) and len({item.native_key for item in found}) == len(rows)
    for row, item in zip(rows, found, strict=True):
        if isinstance(item, Item):
            assert [item.text, item.attributes["topic"] or ""] == row
        else:
            assert item.reject.reason in ("ragged_row", "missing_field", "blank_text", "line_too_long")
    check_places(tmp_path, "a.csv", found)


@slow
@given(st.binary(max_size=400), st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.parquet", "a.pdf", "a.txt.gz"]))
def test_bytes_of_any_kind_end_in_items_or_rejects(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    found = items_of(tmp_path, name)
    assert found
    check_places(tmp_path, name, found)
