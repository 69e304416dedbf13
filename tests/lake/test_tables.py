"""Delta tables are made so that text stays out of their log and old versions stay readable, and they move up."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_dagster.errors import LakeError
from synth_dagster.lake import delta_log, tables
from synth_dagster.lake.delta_log import Place
from synth_dagster.record_tables import SCHEMA_VERSION
from synth_dagster.storage import open_store

SCHEMA = pa.schema([("record_id", pa.binary()), ("text", pa.string()), ("batch", pa.string())])


@pytest.fixture(params=["folder", "bucket"])
def unmade(request, tmp_path) -> Place:
    """Where no table is yet: in a folder and in a bucket."""
    store = request.getfixturevalue("bucket").store if request.param == "bucket" else open_store(tmp_path / "root")
    return Place.of(store, "demo/corpus")


@pytest.fixture
def place(unmade) -> Place:
    """A new table."""
    tables.ensure(unmade, SCHEMA, ["batch"])
    return unmade


def put(place, batch, name, rows=1) -> dict[str, int]:
    """A file that no commit names yet."""
    file = f"{tables.partition_folder({'batch': batch})}/{name}.parquet"
    table = pa.table({"record_id": [b"1"] * rows, "text": ["SECRET"] * rows})
    place.store.write(f"{place.name}/{file}", lambda out: pq.write_table(table, out), needed=1)
    return {file: rows}


def commit(place, batch, name, **more) -> int:
    return tables.replace_partition(
        place, {"batch": batch}, put(place, batch, name), metadata={"commit_id": name}, **more
    )


def log_of(place, version) -> str:
    return place.store.read(f"{place.name}/_delta_log/{version:020d}.json").decode()


def test_the_settings_that_governance_needs(place):
    settings = delta_log.open_table(place).metadata().configuration
    assert settings["delta.dataSkippingNumIndexedCols"] == "0"
    assert settings["delta.logRetentionDuration"] == "interval 36500 days"
    assert delta_log.schema_version(delta_log.open_table(place)) == SCHEMA_VERSION


def test_many_that_make_a_table_at_once_make_one(unmade):
    barrier = threading.Barrier(4)

    def make(_):
        barrier.wait()
        tables.ensure(unmade, SCHEMA, ["batch"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
    assert delta_log.latest_version(unmade) == 0


def test_a_commit_replaces_a_partition_and_says_its_own_version(place):
    assert [commit(place, "a", "one"), commit(place, "b", "two"), commit(place, "a", "three")] == [1, 2, 3]
    assert [(file.partition, file.rows) for file in delta_log.snapshot(place).files] == [(("a",), 1), (("b",), 1)]
    assert [file.path for file in delta_log.snapshot(place, 2).files] == ["batch=a/one.parquet", "batch=b/two.parquet"]
    assert delta_log.ever_added(place) == {"one", "two", "three"}


def test_what_is_shown_already_is_not_committed_again(place):
    version = commit(place, "a", "one")
    commit(place, "b", "two")
    assert commit(place, "a", "one") == version
    assert delta_log.latest_version(place) == 2


def test_the_log_has_row_counts_and_no_text(place):
    commit(place, "a", "one")
    log = log_of(place, 1)
    (added,) = (json.loads(line)["add"] for line in log.splitlines() if '"add"' in line)
    assert json.loads(added["stats"]) == {"numRecords": 1}
    assert "SECRET" not in log


def test_a_conflict_is_tried_again_with_what_is_there_by_then(place, monkeypatch):
    """Another writer commits while we look: our first try fails, the second sees its file too."""
    seen = []

    def somebody_is_faster(there):
        seen.append([file.path for file in there])
        if len(seen) == 1:
            commit(place, "a", "faster")

    assert commit(place, "a", "ours", may_replace=somebody_is_faster) == 2
    assert seen == [[], ["batch=a/faster.parquet"]]
    assert [file.path for file in delta_log.snapshot(place).files] == ["batch=a/ours.parquet"]


def test_writers_that_are_always_slower_are_told(place, monkeypatch):
    monkeypatch.setattr(tables, "COMMIT_SECONDS", 0.0)
    numbers = iter(range(1000))
    with pytest.raises(LakeError, match="Other writers were faster"):
        commit(place, "a", "ours", may_replace=lambda there: commit(place, "b", f"faster{next(numbers)}") and None)


def test_columns_are_added_once(place):
    commit(place, "a", "one")
    for _ in range(2):
        tables.add_columns(place, [pa.field("stars", pa.int64()), pa.field("text", pa.string())])
    assert delta_log.snapshot(place).schema.names == [*SCHEMA.names, "stars"]
    assert delta_log.latest_version(place) == 2


def test_an_older_table_comes_up_step_by_step(place):
    """Version 0 has no column `stars`; the step from 0 to 1 adds it, and old rows have null there."""
    commit(place, "a", "one")
    delta_log.open_table(place).alter.set_table_properties({delta_log.VERSION_KEY: "0"}, raise_if_not_exists=False)

    def add_stars(table):
        from deltalake import Schema

        table.alter.add_columns(list(Schema.from_arrow(pa.schema([("stars", pa.int64())])).fields))

    for _ in range(2):
        tables.migrate(place, steps=[add_stars], newest=1)
    shown = delta_log.snapshot(place)
    assert shown.schema.names == [*SCHEMA.names, "stars"]
    assert delta_log.schema_version(delta_log.open_table(place)) == 1
    assert len(shown.files) == 1


def test_old_rows_have_null_in_a_column_that_a_migration_added(lake, write):
    lake.accept(write("notes:1"))
    tables.add_columns(Place.of(lake.store, "demo/corpus"), [pa.field("stars", pa.int64())])
    assert lake.read("demo", "corpus", columns=["stars"])["stars"].to_pylist() == [None] * 3
    assert lake.read("demo", "corpus", columns=["stars"], where="stars is null").num_rows == 3


def test_a_newer_table_is_refused_with_the_cure(place):
    delta_log.open_table(place).alter.set_table_properties({delta_log.VERSION_KEY: "99"}, raise_if_not_exists=False)
    with pytest.raises(LakeError, match=r"schema version 99.*upgrade"):
        tables.ensure(place, SCHEMA, ["batch"])


def test_a_table_that_another_program_has_changed_is_refused(place):
    """Rows that a deletion vector hides would come back: DuckDB reads the files as they are."""
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7}
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    place.store.create(
        f"{place.name}/_delta_log/{1:020d}.json", json.dumps({"protocol": protocol | features}).encode() + b"\n"
    )
    with pytest.raises(LakeError, match="deletionVectors"):
        delta_log.snapshot(place)


def test_old_versions_outlive_a_checkpoint(place):
    for number in range(3):
        commit(place, "a", f"file{number}")
    delta_log.open_table(place).create_checkpoint()
    delta_log.open_table(place).cleanup_metadata()
    commit(place, "a", "last")
    assert [file.path for file in delta_log.snapshot(place, 1).files] == ["batch=a/file0.parquet"]
    assert delta_log.snapshot(place).files[0].rows == 1
