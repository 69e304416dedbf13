"""What Dagster keeps: a run that has said something of what is erased is found wherever that is, and deleted."""

from contextlib import nullcontext
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from dagster._core.instance.ref import InstanceRef

from synth_dagster.governance.erase_dagster import Dagster, _schema, dagster_of
from synth_dagster.governance.erase_look import Wanted, look_at_file
from synth_dagster.governance.erase_search import Found, Tables, search_places
from synth_dagster.lake.shingles import Needles
from synth_dagster.records import digest
from tests.governance.erase_world import said

TOLD = dg.AssetKey(["tiny", "told"])
GONE, STAYS = said("a text that goes"), said("a text that stays")


@dg.op(config_schema={"text": str})
def telling(context):
    """A method that prints what it reads, as no method of ours does."""
    context.log.info("it says %s", context.op_config["text"])
    print(context.op_config["text"])
    context.log_event(dg.AssetMaterialization(TOLD, metadata={"said": context.op_config["text"]}))


@dg.job
def job():
    telling()


def opened(folder: Path, storage: dict) -> dg.DagsterInstance:
    logs = {
        "module": "dagster._core.storage.local_compute_log_manager",
        "class": "LocalComputeLogManager",
        "config": {"base_dir": str(folder / "logs")},
    }
    folder.mkdir(exist_ok=True)
    return dg.DagsterInstance.from_ref(
        InstanceRef.from_dir(str(folder), overrides={"storage": storage, "compute_logs": logs})
    )


def ran(instance: dg.DagsterInstance, text: str) -> str:
    config = {"ops": {"telling": {"config": {"text": text}}}}
    return job.execute_in_process(run_config=config, instance=instance).run_id


def wanted() -> Wanted:
    needles = Needles()
    needles.add(GONE)
    return Wanted.of(pa.array([digest("gone")], pa.binary()), needles)


def holding(places) -> list[str]:
    """What is found, in folders and on servers."""
    found = Found()
    search_places(wanted(), places, found, {})
    for name, place in places.items():
        for path in sorted(place.rglob("*")) if isinstance(place, Path) else ():
            if path.is_file():
                seen = look_at_file(path, wanted())
                found.add(f"{name}/{path.relative_to(place)}", {}, seen)
    return found.with_text


def is_cleaned_of_a_run(instance):
    stays, gone = ran(instance, STAYS), ran(instance, GONE)
    places, unsearched = dagster_of(instance, {})
    assert unsearched == [] and holding(places)
    assert Dagster(places, (), lambda: nullcontext(instance)).clean(wanted()) == 1
    assert holding(places) == []
    assert instance.get_run_by_id(gone) is None and not instance.all_logs(gone)
    assert instance.get_run_by_id(stays).is_success and instance.all_logs(stays)
    # an asset keeps a copy of its latest event, also of a run that is gone; now that of the run that stays is found
    assert instance.get_latest_materialization_event(TOLD).run_id == stays
    assert Dagster(places, (), lambda: nullcontext(instance)).clean(wanted()) == 0


def test_a_run_that_quotes_it_is_deleted_from_dagsters_files(tmp_path):
    with opened(tmp_path / "home", {"sqlite": {"base_dir": str(tmp_path / "elsewhere")}}) as instance:
        places, _ = dagster_of(instance, {"files": tmp_path / "own"})
        folders = {name: path.relative_to(tmp_path).as_posix() for name, path in places.items()}
        assert {"own", "home/logs"} <= set(folders.values())
        assert any(path.startswith("elsewhere") for path in folders.values())
        is_cleaned_of_a_run(instance)


@pytest.mark.prove
def test_a_run_that_quotes_it_is_deleted_from_a_server(tmp_path, postgres):
    postgres.run("create database dagster_erased encoding 'UTF8' template template0")
    address = postgres.url("dagster_erased").replace("postgresql://", "postgresql+psycopg2://")
    with opened(tmp_path / "home", {"postgres": {"postgres_url": address}}) as instance:
        places, _ = dagster_of(instance, {})
        assert [name for name, place in places.items() if isinstance(place, Tables)] == ["dagster runs"]
        is_cleaned_of_a_run(instance)
        # rows that were deleted are gone from the files of the tables too, not only from what they show
        (size,) = postgres.run("select pg_relation_size('event_logs')", "dagster_erased")
        left = postgres.run("select count(*) from event_logs", "dagster_erased")
        assert size[0] <= 8192 * max(1, left[0][0])


def test_a_storage_that_cannot_be_searched_is_named():
    with dg.DagsterInstance.ephemeral() as instance:
        _, unsearched = dagster_of(instance, {})
    assert [told.partition(",")[0] for told in unsearched] == ["Dagster's runs", "Dagster's events"]
    assert "InMemoryRunStorage" in unsearched[0]


def test_a_server_that_does_not_answer_is_named():
    found = Found()
    place = Tables(_schema("postgresql+psycopg2://someone:secret@127.0.0.1:1/nothing"))
    search_places(wanted(), {"dagster runs": place}, found, {})
    (told,) = found.not_searched
    assert told.startswith("dagster runs: The storage of Dagster") and "cannot be reached" in told
    assert "secret" not in told
