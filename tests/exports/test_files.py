"""Shards, checksums, and an export that is there already."""

import hashlib
import json

import pyarrow.parquet as pq
import pytest

from synth_dagster import exports
from synth_dagster.exports.base import Form, Origin
from synth_dagster.exports.files import BadOption, ShardSize, shard_size
from synth_dagster.exports.place import Folder
from synth_dagster.record_tables import to_table
from tests.exports.by_hand import ORIGIN, document, exported, lines_of, pair


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("50000", ShardSize(rows=50_000)),
        ("200MB", ShardSize(bytes=200_000_000)),
        ("1 gib", ShardSize(bytes=1 << 30)),
        ("512b", ShardSize(bytes=512)),
    ],
)
def test_a_shard_size_is_rows_or_bytes(text, size):
    assert shard_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "0MB", "-5", "many", "10 rows", "1e6", "5M", "9" * 16])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(BadOption, match=r"is no size of a shard. Give rows, such as 50000, or bytes, such as 200MB"):
        shard_size(text)


def test_shards_follow_each_other_and_each_names_its_records(tmp_path):
    records = [document(f"Text {n}.") for n in range(5)]
    form = Form(shard=ShardSize(rows=2))
    manifest = exported("trl", records, "document", to=tmp_path, form=form, copies=[1, 1, 1, 3, 1])
    files = manifest.splits["train"]["files"]
    assert files == [f"train/{n:05d}.jsonl" for n in range(4)] and manifest.rows == 7
    lines = [line for name in files for line in lines_of(tmp_path / name)]
    ids = [line for n in range(4) for line in (tmp_path / f"record_ids/train/{n:05d}.txt").read_text().split()]
    assert [line["text"] for line in lines] == [f"Text {n}." for n in (0, 1, 2, 3, 3, 3, 4)]
    assert ids == [document(line["text"]).record_id.hex() for line in lines]
    assert [manifest.files[name]["rows"] for name in files] == [2, 2, 2, 1]


def test_a_shard_in_bytes_ends_with_the_row_that_fills_it(tmp_path):
    form = Form(shard=ShardSize(bytes=100))
    manifest = exported("trl", [document("x" * 49 + str(n)) for n in range(4)], "document", to=tmp_path, form=form)
    # {"text": "..."} and the end of line are 63 bytes: two rows a file
    assert [manifest.files[name]["bytes"] for name in manifest.splits["train"]["files"]] == [126, 126]


@pytest.mark.parametrize("slug", exports.known())
def test_every_file_has_its_checksum_in_the_manifest(slug, tmp_path):
    exported(slug, [pair("Q?"), pair("R?")], "preference", to=tmp_path, form=Form(shard=ShardSize(rows=1)))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert there - {"manifest.json", "SHA256SUMS"} == set(manifest["files"])
    for name, facts in manifest["files"].items():
        data = (tmp_path / name).read_bytes()
        assert (facts["bytes"], facts["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_parquet_holds_the_records_with_ids_in_hexadecimal(tmp_path):
    records = [document(f"Text {n}.", attributes={"page": n}) for n in range(1_200)]
    exported("parquet", records, "document", to=tmp_path, copies=[2] + [1] * 1_199)
    found = pq.read_table(tmp_path / "train.parquet").to_pylist()
    wanted = to_table(records, "document").drop_columns(["run_id", "created_at"]).to_pylist()
    wanted = json.loads(json.dumps([wanted[0], *wanted], default=bytes.hex))
    assert found == wanted and found[0]["record_id"] == records[0].record_id.hex()
    assert not (tmp_path / "record_ids").exists()


# -------------------------------------------------------------------------------------------------- there already


def there(to, *, origin=ORIGIN, form=None, slug="trl"):
    return exports.exporter(slug).there("preference", to=Folder(to), origin=origin, form=form)


def test_an_export_knows_that_it_is_there(tmp_path):
    written = exported("trl", [pair("Q?")], "preference", to=tmp_path / "out")
    assert there(tmp_path / "out") == written


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"origin": Origin(dataset="demo_set", release="r0001", data_version="v2")}, id="other data"),
        pytest.param({"origin": Origin(dataset="demo_set", release="r0002", data_version="v1")}, id="other release"),
        pytest.param({"origin": Origin(dataset="demo_set", release="r0001")}, id="unknown data"),
        pytest.param({"form": Form(shard=ShardSize(rows=5))}, id="other shards"),
        pytest.param({"form": Form(only_chosen=True)}, id="other side"),
        pytest.param({"slug": "axolotl"}, id="other format"),
    ],
)
def test_another_export_is_not_this_one(other, tmp_path):
    exported("trl", [pair("Q?")], "preference", to=tmp_path / "out")
    assert there(tmp_path / "out", **other) is None


@pytest.mark.parametrize("harm", ["cut", "changed", "gone"])
def test_an_export_of_which_a_file_was_harmed_is_not_there(harm, tmp_path):
    exported("trl", [pair("Q?")], "preference", to=tmp_path / "out")
    data = tmp_path / "out/train.jsonl"
    if harm == "gone":
        data.unlink()
    else:
        text = data.read_text()
        data.write_text(text[:-5] if harm == "cut" else text.replace("Yes", "Yep"))
    assert there(tmp_path / "out") is None
    exported("trl", [pair("Q?")], "preference", to=tmp_path / "out")
    assert there(tmp_path / "out") is not None
