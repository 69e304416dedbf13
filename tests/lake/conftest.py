"""A lake in a temporary folder, and small tables of documents to put in it."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Candidate
from synth_dagster.record_tables import REJECT, to_table
from synth_dagster.records import Document, Parent, digest
from tests.moto_server import Bucket

Write = Callable[..., Candidate]


@pytest.fixture
def metadata(tmp_path) -> str | Path:
    """Where a lake keeps its metadata. Tests that hold for every database have a fixture of this name with `either`."""
    return tmp_path / "lake" / "meta.sqlite"


DATABASES = ("sqlite", "postgres")


def either(request: pytest.FixtureRequest) -> str | Path:
    """A new SQLite file or a new schema of Postgres, by the fixture's parameter."""
    if request.param == "postgres":
        return request.getfixturevalue("schema")
    return request.getfixturevalue("tmp_path") / "lake" / "meta.sqlite"


@pytest.fixture
def lake(tmp_path, metadata) -> Lake:
    return Lake.open(tmp_path / "lake", metadata=metadata)


def in_bucket(bucket: Bucket) -> Lake:
    """A lake in a bucket, with its metadata in a file beside the cache."""
    return Lake.open(bucket.url, metadata=bucket.cache.parent / "meta.sqlite", s3=bucket.options)


def documents(batch: str, count: int, *, text: str = "hello", run_id: str = "run-1") -> pa.Table:
    return to_table([document(batch, number, text=text, run_id=run_id) for number in range(count)], "document")


def document(batch: str, number: int, *, text: str = "hello", run_id: str = "run-1", parents=()) -> Document:
    said = f"{text} {number}"
    return Document(
        record_id=digest(batch, number, text),
        content_hash=digest(said),
        source="notes",
        batch=batch,
        method="chunk",
        model_id="extractor-1" if parents else None,
        body=said,
        run_id=run_id,
        parents=parents,
    )


def parent_of(record: Document, stage: str) -> Parent:
    return Parent(record.record_id, stage, record.batch)


def rejects(batch: str, *reasons: str, stage: str = "corpus") -> pa.Table:
    rows = [
        {"reject_id": digest(batch, reason), "stage": stage, "batch": batch, "reason": reason, "raw": "what came"}
        for reason in reasons
    ]
    return pa.Table.from_pylist(rows, schema=REJECT)


def write_to(lake: Lake, batch: str, table: pa.Table, *, stage: str = "corpus", run_id: str = "run-1", **more):
    given = {"rejects": None, "inputs": {}, "details": {}} | more
    return lake.write_candidate(
        "demo", stage, batch, table, run_id=run_id, session_id="s", code_version="c", recipe_hash="h", **given
    )


@pytest.fixture
def write(lake) -> Write:
    """Write documents as a candidate of demo/corpus."""

    def write(batch: str, count: int = 3, *, text: str = "hello", run_id: str = "run-1", **more) -> Candidate:
        return write_to(lake, batch, documents(batch, count, text=text, run_id=run_id), run_id=run_id, **more)

    return write
