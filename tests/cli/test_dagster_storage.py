"""Dagster's SQLite storage with connections kept: the same files, for one process and for others beside it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from sqlalchemy import Column, MetaData, String, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from synth_dagster.cli.dagster_storage import KEPT, KeptEventLog, kept

ALEMBIC_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def instance_of(folder: Path, *, keep: bool = True) -> dg.DagsterInstance:
    block = {"sqlite": {"base_dir": str(folder / "storage")}}
    overrides = {"storage": kept(block) if keep else block}
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=overrides))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with instance_of(tmp_path) as opened:
        yield opened


@dg.asset
def counted() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3})


def materialized(instance: dg.DagsterInstance) -> str:
    return dg.materialize([counted], instance=instance).run_id


def test_a_run_and_its_events_are_found_by_any_other_reader_of_dagsters_files(
    tmp_path: Path, instance: dg.DagsterInstance
):
    run_id = materialized(instance)
    with instance_of(tmp_path, keep=False) as other:
        assert other.get_run_by_id(run_id).is_success
        assert len(other.all_logs(run_id)) == len(instance.all_logs(run_id)) > 5
        found = other.get_latest_materialization_event(counted.key)
        assert found is not None and found.run_id == run_id


def test_what_another_process_writes_is_seen_while_connections_are_kept(tmp_path: Path, instance: dg.DagsterInstance):
    materialized(instance)
    with instance_of(tmp_path, keep=False) as other:
        run_id = materialized(other)
    assert instance.get_latest_materialization_event(counted.key).run_id == run_id
    assert instance.all_logs(run_id)


def test_only_a_few_databases_are_kept_open(instance: dg.DagsterInstance):
    runs = [materialized(instance) for _ in range(KEPT + 2)]
    log = instance.event_log_storage
    assert isinstance(log, KeptEventLog)
    assert len(log._engines) == KEPT  # Dagster still goes by the method that is overridden
    assert all(instance.all_logs(run) for run in runs)  # also of those that were closed meanwhile


def test_a_wiped_log_begins_anew(instance: dg.DagsterInstance):
    old = materialized(instance)
    instance.event_log_storage.wipe()
    new = materialized(instance)
    assert not instance.all_logs(old)
    assert instance.all_logs(new)


def test_other_storages_stay_as_they_are():
    postgres = {"postgres": {"postgres_url": {"env": "SOME_URL"}}}
    assert kept(postgres) == postgres


@pytest.mark.parametrize("made", [(), ("event_logs",), ("event_logs", "asset_keys", "alembic_version")])
def test_an_index_whose_maker_was_killed_gets_the_tables_that_it_lacks(tmp_path: Path, made: tuple[str, ...]):
    folder = tmp_path / "storage" / "history" / "runs"
    folder.mkdir(parents=True)
    tables = {**SqlEventLogStorageMetadata.tables, "alembic_version": ALEMBIC_VERSION}
    with closing(sqlite3.connect(folder / f"{INDEX_SHARD_NAME}.db")) as database:
        for name in made:
            database.execute(str(CreateTable(tables[name]).compile(dialect=sqlite.dialect())))
    with instance_of(tmp_path) as instance:
        instance.add_dynamic_partitions("batch", ["handbook:1"])
        assert instance.get_dynamic_partitions("batch") == ["handbook:1"]
        assert materialized(instance)
