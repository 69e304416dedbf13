"""An S3 of our own on loopback: moto's server, started once for the tests that ask for it, with a bucket for each.

tests/conftest.py offers `moto` and `bucket` to every test.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from synth_dagster.storage import S3Options, Store, open_store

KEY, SECRET, REGION = "testing-key", "testing-secret", "us-east-1"


@dataclass(frozen=True)
class Bucket:
    """A new bucket of the server, and how to reach it."""

    name: str
    endpoint: str
    cache: Path

    @property
    def url(self) -> str:
        return f"s3://{self.name}/prefix"

    @property
    def options(self) -> S3Options:
        return S3Options(
            endpoint_url=self.endpoint,
            region=REGION,
            access_key_id=KEY,
            secret_access_key=SECRET,
            attempts=3,
            cache=self.cache,
        )

    @property
    def env(self) -> Mapping[str, str]:
        """The same for a process: what an operator would set."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "SYNTH_CACHE": str(self.cache),
        }

    @property
    def store(self) -> Store:
        return open_store(self.url, self.options)

    @property
    def client(self) -> Any:
        """boto3's own client, to look at the bucket from outside."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def every_key(self) -> list[str]:
        """Every key of the bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]


# A process of its own: deltalake holds Python's lock during some requests, and a server in a thread could not answer.
# It ends with its standard input, so also when the tests are killed.
SERVER = """
import logging, sys
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of an S3 server."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        yield server.stdout.readline().strip()
        server.stdin.close()


@pytest.fixture
def bucket(moto, tmp_path, monkeypatch) -> Bucket:
    """A new bucket. What this machine knows of S3 is out of sight."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    return new_bucket(moto, tmp_path / "cache")


def new_bucket(moto: str, cache: Path) -> Bucket:
    """A new bucket, for fixtures that outlive a test."""
    found = Bucket(f"bucket-{uuid4().hex}", moto, cache)
    found.client.create_bucket(Bucket=found.name)
    return found
