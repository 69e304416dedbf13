"""Delta tables are made so that text stays out of their log and old versions stay readable, and they move up."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_dagster.errors import LakeError
from synth_dagster.lake import tables
from synth_dagster.records import SCHEMA_VERSION

SCHEMA = pa.schema([("record_id", pa.binary()), ("text", pa.string()), ("batch", pa.string())])


@pytest.fixture
def path(tmp_path):
    tables.ensure(tmp_path / "table", SCHEMA, ["batch"])
    return tmp_path / "table"


def put(path, batch, name, rows=1) -> dict[str, int]:
    """A file that no commit names yet."""
    file = path / tables.partition_folder({"batch": batch}) / f"{name}.parquet"
    file.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"record_id": [b"1"] * rows, "text": ["SECRET"] * rows}), file)
    return {str(file.relative_to(path)): rows}


def commit(path, batch, name, **more) -> int:
    return tables.replace_partition(
        path, {"batch": batch}, put(path, batch, name), metadata={"commit_id": name}, **more
    )


def test_the_settings_that_governance_needs(path):
    settings = tables.open_table(path).metadata().configuration
    assert settings["delta.dataSkippingNumIndexedCols"] == "0"
    assert settings["delta.logRetentionDuration"] == "interval 36500 days"
    assert tables.schema_version(tables.open_table(path)) == SCHEMA_VERSION


def test_many_that_make_a_table_at_once_make_one(tmp_path):
    barrier = threading.Barrier(4)

    def make(_):
        barrier.wait()
        tables.ensure(tmp_path / "table", SCHEMA, ["batch"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
    assert tables.latest_version(tmp_path / "table") == 0


def test_a_commit_replaces_a_partition_and_says_its_own_version(path):
    assert [commit(path, "a", "one"), commit(path, "b", "two"), commit(path, "a", "three")] == [1, 2, 3]
    assert [(file.partition, file.rows) for file in tables.snapshot(path).files] == [(("a",), 1), (("b",), 1)]
    assert [file.path for file in tables.snapshot(path, 2).files] == ["batch=a/one.parquet", "batch=b/two.parquet"]
    assert tables.ever_added(path) == {"one", "two", "three"}


def test_what_is_shown_already_is_not_committed_again(path):
    version = commit(path, "a", "one")
    commit(path, "b", "two")
    assert commit(path, "a", "one") == version
    assert tables.latest_version(path) == 2


def test_the_log_has_row_counts_and_no_text(path):
    commit(path, "a", "one")
    log = (path / "_delta_log" / f"{1:020d}.json").read_text()
    (added,) = (json.loads(line)["add"] for line in log.splitlines() if '"add"' in line)
    assert json.loads(added["stats"]) == {"numRecords": 1}
    assert "SECRET" not in log


def test_a_conflict_is_tried_again_with_what_is_there_by_then(path, monkeypatch):
    """Another writer commits while we look: our first try fails, the second sees its file too."""
    seen = []

    def somebody_is_faster(there):
        seen.append([file.path for file in there])
        if len(seen) == 1:
            commit(path, "a", "faster")

    assert commit(path, "a", "ours", may_replace=somebody_is_faster) == 2
    assert seen == [[], ["batch=a/faster.parquet"]]
    assert [file.path for file in tables.snapshot(path).files] == ["batch=a/ours.parquet"]


def test_writers_that_are_always_slower_are_told(path, monkeypatch):
    monkeypatch.setattr(tables, "COMMIT_SECONDS", 0.0)
    numbers = iter(range(1000))
    with pytest.raises(LakeError, match="Other writers were faster"):
        commit(path, "a", "ours", may_replace=lambda there: commit(path, "b", f"faster{next(numbers)}") and None)


def test_columns_are_added_once(path):
    commit(path, "a", "one")
    for _ in range(2):
        tables.add_columns(path, [pa.field("stars", pa.int64()), pa.field("text", pa.string())])
    assert tables.snapshot(path).schema.names == [*SCHEMA.names, "stars"]
    assert tables.latest_version(path) == 2


def test_an_older_table_comes_up_step_by_step(path):
    """Version 0 has no column `stars`; the step from 0 to 1 adds it, and old rows have null there."""
    commit(path, "a", "one")
    tables.open_table(path).alter.set_table_properties({tables.VERSION_KEY: "0"}, raise_if_not_exists=False)

    def add_stars(table):
        from deltalake import Schema

        table.alter.add_columns(list(Schema.from_arrow(pa.schema([("stars", pa.int64())])).fields))

    for _ in range(2):
        tables.migrate(path, steps=[add_stars], newest=1)
    shown = tables.snapshot(path)
    assert shown.schema.names == [*SCHEMA.names, "stars"]
    assert tables.schema_version(tables.open_table(path)) == 1
    assert len(shown.files) == 1


def test_old_rows_have_null_in_a_column_that_a_migration_added(lake, write):
    lake.accept(write("notes:1"))
    tables.add_columns(lake.root / "demo" / "corpus", [pa.field("stars", pa.int64())])
    assert lake.read("demo", "corpus", columns=["stars"])["stars"].to_pylist() == [None] * 3
    assert lake.read("demo", "corpus", columns=["stars"], where="stars is null").num_rows == 3


def test_a_newer_table_is_refused_with_the_cure(path):
    tables.open_table(path).alter.set_table_properties({tables.VERSION_KEY: "99"}, raise_if_not_exists=False)
    with pytest.raises(LakeError, match=r"schema version 99.*upgrade"):
        tables.ensure(path, SCHEMA, ["batch"])


def test_a_table_that_another_program_has_changed_is_refused(path):
    """Rows that a deletion vector hides would come back: DuckDB reads the files as they are."""
    log = path / "_delta_log" / f"{1:020d}.json"
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7}
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    log.write_text(json.dumps({"protocol": protocol | features}) + "\n")
    with pytest.raises(LakeError, match="deletionVectors"):
        tables.snapshot(path)


def test_old_versions_outlive_a_checkpoint(path):
    for number in range(3):
        commit(path, "a", f"file{number}")
    tables.open_table(path).create_checkpoint()
    tables.open_table(path).cleanup_metadata()
    commit(path, "a", "last")
    assert [file.path for file in tables.snapshot(path, 1).files] == ["batch=a/file0.parquet"]
    assert tables.snapshot(path).files[0].rows == 1
