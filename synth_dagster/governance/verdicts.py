"""What releases decided about records, for one record or for all that a source reaches."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from synth_dagster.lake.lake import Lake
from synth_dagster.lake.rows import local_file, rows_at
from synth_dagster.runner.verdicts import VERDICTS

TOLD = ("release", "verdict", "reason", "duplicate_of", "score", "rank", "copies")


def verdicts_of(lake: Lake, dataset: str, ids: pa.Array) -> dict[bytes, list[dict[str, Any]]]:
    """Each record's verdicts, by release; nothing for one that is not of the mix's stage.

    A release's verdicts are a file that is sorted by record, so those of a few records are read without a query.
    """
    found: dict[bytes, list[dict[str, Any]]] = {}
    if VERDICTS not in lake.stages(dataset):
        return found
    _, shown = lake.snapshot(dataset, VERDICTS)
    for file in sorted(shown.files, key=lambda file: file.partition):
        (release,) = file.partition
        for row in rows_at(local_file(lake, dataset, VERDICTS, file.path), ids, TOLD).to_pylist():
            told = {name: row.get(name) for name in TOLD}
            told |= {"release": release, "duplicate_of": _hex(told["duplicate_of"])}
            found.setdefault(row["record_id"], []).append(told)
    return found


def counted(lake: Lake, dataset: str, ids: pa.Array) -> list[dict[str, Any]]:
    """For each release: how many of the records were kept, and how many dropped for which reason."""
    sql = """select release, verdict, reason, count(*) as records from verdicts semi join wanted using (record_id)
             group by all order by release, records desc, reason"""
    states = {release.release: release.state for release in lake.meta.releases(dataset)}
    found: dict[str, dict[str, Any]] = {}
    for row in _asked(lake, dataset, ids, sql).to_pylist():
        empty = {"dataset": dataset, "release": row["release"], "state": states.get(row["release"])}
        told = found.setdefault(row["release"], empty | {"kept": 0, "dropped": {}})
        if row["verdict"] == "kept":
            told["kept"] += row["records"]
        else:
            told["dropped"][row["reason"]] = row["records"]
    return list(found.values())


def kept(lake: Lake, dataset: str, ids: pa.Array) -> pa.Array:
    """Those of the records that some release that stands has kept, sorted."""
    standing = [release.release for release in lake.meta.releases(dataset) if release.state == "accepted"]
    sql = """select distinct record_id from verdicts semi join wanted using (record_id)
             where verdict = 'kept' and list_contains($standing, release) order by record_id"""
    return _asked(lake, dataset, ids, sql, {"standing": standing})["record_id"].combine_chunks()


def judged(lake: Lake, dataset: str, *, verdict: str | None, release: str | None, reason: str | None) -> pa.Array:
    """The records of which some release decided so, sorted; every part that is not None has to hold."""
    given = {"verdict": verdict, "release": release, "reason": reason}
    wanted = {name: word for name, word in given.items() if word is not None}
    if VERDICTS not in lake.stages(dataset):
        return pa.array([], pa.binary())
    where = " and ".join(f"{name} = ${name}" for name in wanted) or "true"
    with lake.connect(dataset, stages=[VERDICTS]) as connection:
        rows = connection.sql(f"select distinct record_id from verdicts where {where} order by 1", params=wanted)
        return rows.to_arrow_table()["record_id"].combine_chunks()


def _asked(lake: Lake, dataset: str, ids: pa.Array, sql: str, values: Mapping[str, Any] | None = None) -> pa.Table:
    if VERDICTS not in lake.stages(dataset):
        return pa.table({"record_id": pa.array([], pa.binary())})
    with lake.connect(dataset, stages=[VERDICTS]) as connection:
        connection.register("wanted", pa.table({"record_id": ids}))
        return connection.sql(sql, params=dict(values or {})).to_arrow_table()


def _hex(value: bytes | None) -> str | None:
    return value.hex() if value else None
