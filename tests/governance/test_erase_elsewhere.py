"""Erasing where a team keeps things: metadata and answers on Postgres, the lake and answers in a bucket."""

import json
import subprocess
import sys
import zlib
from dataclasses import asdict, dataclass

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_dagster.governance.erase import Asked, Surroundings, erase, is_cut_short, plan, resume
from synth_dagster.lake.lake import Lake
from synth_dagster.records import digest
from tests.governance.erase_world import BATCHES, PARENTS, STANDS, World, check, plant
from tests.moto_server import Bucket
from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.prove


@dataclass
class Servers:
    """Where the world stands, to be read by other means than those that erase."""

    postgres: PostgresServer
    bucket: Bucket

    def said(self) -> str:
        """All that rows, objects and their old versions say, unpacked."""
        return "\n".join([*map(_unpacked, self._rows()), *map(_unpacked, self._objects())])

    def _rows(self):
        with psycopg.connect(self.postgres.url()) as connection:
            tables = connection.execute(
                "select schemaname, tablename from pg_tables where schemaname like 'test_%'"
            ).fetchall()
            for schema, table in tables:
                for row in connection.execute(f'select * from {schema}."{table}"').fetchall():
                    yield from (value.encode() if isinstance(value, str) else value for value in row)

    def _objects(self):
        client = self.bucket.client
        pages = client.get_paginator("list_object_versions").paginate(Bucket=self.bucket.name)
        for found in (one for page in pages for one in page.get("Versions", ())):
            version = {"VersionId": found["VersionId"]} if found["VersionId"] != "null" else {}
            yield client.get_object(Bucket=self.bucket.name, Key=found["Key"], **version)["Body"].read()


def _unpacked(value) -> str:
    if not isinstance(value, bytes):
        return ""
    if value[:4] == b"PAR1":
        return str(pq.read_table(pa.BufferReader(value)).to_pylist())
    try:
        return zlib.decompress(value).decode()
    except zlib.error:
        return value.decode("utf-8", "replace").replace("&#32;", " ")


@pytest.fixture
def servers(postgres, bucket) -> Servers:
    return Servers(postgres, bucket)


def planted(folder, servers: Servers, *, lake: str, metadata: str, answers: str) -> World:
    """The world of the tests of erasure, with each part where it is said to be."""
    s3 = servers.bucket.options
    places = {
        "folder": folder / "lake",
        "bucket": servers.bucket.url,
        "postgres": servers.postgres.url(schema=f"test_{digest(str(folder)).hex()}"),
        "answers bucket": f"s3://{servers.bucket.name}/answers",
    }
    opened = Lake.open(places[lake], metadata=places[metadata], s3=s3 if lake == "bucket" else None)
    around = Surroundings(places[answers], s3 if answers == "answers bucket" else None, folder)
    return plant(folder, PARENTS, stages=STANDS, batches=BATCHES, lake=opened, around=around)


@pytest.mark.parametrize(
    ("lake", "metadata", "answers", "versions"),
    [
        pytest.param("folder", "postgres", "postgres", False, id="a folder, all else on Postgres"),
        pytest.param("bucket", "postgres", "answers bucket", True, id="a bucket that keeps versions, answers too"),
    ],
)
def test_a_source_goes_wherever_it_stands(tmp_path, servers, lake, metadata, answers, versions):
    if versions:
        servers.bucket.client.put_bucket_versioning(
            Bucket=servers.bucket.name, VersioningConfiguration={"Status": "Enabled"}
        )
    world = planted(tmp_path, servers, lake=lake, metadata=metadata, answers=answers)
    before, kept = world.rows(), world.answers()
    dry = plan(world.lake, Asked("demo", source="forum")).as_json()
    # as in a folder: fb, q2, q3, p2, p3 and the four children in their past versions; five answers of nobody else
    assert (dry["records"], dry["meant"], dry["calls"], dry["calls_shared"]) == (9, 1, 5, 1)
    gone = {world.texts[name] for name in world.below("fb")}
    there = servers.said()
    # fb is in the lake, and no answer; its four descendants are in both
    assert sum(text in there for text in gone) == (5 if lake == "bucket" else 4)
    receipt = erase(world.lake, Asked("demo", source="forum"), world.around, None)
    check(world, receipt, ["fb"], before, kept)
    left = servers.said()
    assert not any(text in left for text in gone)
    assert not any(digest(name).hex() in left for name in world.below("fb"))
    searched = {place.partition("/")[0] for place in receipt["proof"]["before"]["with_text"]}
    assert "answers" in searched
    assert not any("not searched there" in told for told in receipt["proof"]["not_searched"])
    if versions:
        assert receipt["counts"]["old_versions_removed"] > 0


KILLED = """
import json, os, signal, sys
from pathlib import Path
from synth_dagster.governance.erase import Asked, Surroundings, erase
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.postgres import PostgresDatabase
from synth_dagster.storage import S3Options
from synth_dagster.storage.bucket import BucketStore
from synth_dagster.teacher.caches.bucket import BucketCache

told = json.loads(sys.argv[1])
left = told["steps"]

def counted(work):
    def count(*given, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*given, **named)
    return count

for owner, works in (
    (BucketStore, ("write", "create", "remove", "erase", "erase_old")),
    (PostgresDatabase, ("transaction",)),
    (BucketCache, ("forget",)),
):
    for work in works:
        setattr(owner, work, counted(getattr(owner, work)))
s3 = S3Options(**told["s3"] | {"cache": Path(told["s3"]["cache"])})
around = Surroundings(told["answers"], s3, Path(told["project"]))
erase(Lake.open(told["lake"], metadata=told["metadata"], s3=s3), Asked("demo", source="forum"), around, None)
print("steps left", left)
"""


@pytest.mark.parametrize(
    "steps", [5, 70, 150]
)  # of about 200: before anything is gone, in the middle, and near the end
def test_an_erasure_that_was_killed_is_gone_on_with_there_too(tmp_path, servers, steps):
    world = planted(tmp_path, servers, lake="bucket", metadata="postgres", answers="answers bucket")
    before, kept = world.rows(), world.answers()
    told = {
        "steps": steps,
        "lake": servers.bucket.url,
        "metadata": servers.postgres.url(schema=f"test_{digest(str(tmp_path)).hex()}"),
        "answers": world.around.answers,
        "project": str(tmp_path),
        "s3": asdict(servers.bucket.options) | {"cache": str(servers.bucket.cache)},
    }
    command = [sys.executable, "-c", KILLED, json.dumps(told)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr or done.stdout
    receipts = resume(world.lake, world.around, None)
    if not receipts:  # the kill came before it was written down what is to be done
        receipts = [erase(world.lake, Asked("demo", source="forum"), world.around, None)]
    check(world, receipts[0], ["fb"], before, kept)
    assert not is_cut_short(world.lake) and resume(world.lake, world.around, None) == []
    left = servers.said()
    assert not any(world.texts[name] in left or digest(name).hex() in left for name in world.below("fb"))
