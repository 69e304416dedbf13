"""The same store twice: a folder, and a bucket of a server on loopback."""

import pytest

from synth_dagster.storage import Store, open_store


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path) -> Store:
    return request.getfixturevalue("bucket").store if request.param == "bucket" else open_store(tmp_path / "root")


@pytest.fixture
def put(store):
    def put(name: str, data: bytes = b"data", *, keep: bool = False) -> None:
        store.write(name, lambda file: file.write(data), needed=len(data), keep=keep)

    return put
