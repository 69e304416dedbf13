"""Deliveries as people make them: real files in a project folder of the test."""

import json
from pathlib import Path

import pytest

from synth_dagster.readers.base import Item, Unreadable
from synth_dagster.readers.files import Files
from synth_dagster.readers.places import Places

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture
def deliver(tmp_path):
    """Writes a file of the project: text, bytes, or a list of JSON values as lines."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(value) + "\n" for value in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def read(tmp_path):
    """What the `files` reader makes of a path of the project."""

    def read_all(path="inbox", *, start=None, optional=False, **settings) -> list[Item | Unreadable]:
        return list(Files(path=path, **settings).items(Places(tmp_path), start=start, optional=optional))

    return read_all


@pytest.fixture
def reasons(read):
    """Native key or location -> reason, of what could not be read; and the texts of what could."""

    def split_up(path="inbox", **settings):
        found = read(path, **settings)
        texts = [item.text for item in found if isinstance(item, Item)]
        return texts, {item.reject.location: item.reject.reason for item in found if isinstance(item, Unreadable)}

    return split_up


@pytest.fixture
def shared():
    """A folder of real data beside the checkout."""

    def folder(name):
        if not (SHARED / name).is_dir():
            pytest.skip(f"../shared/data/{name} is not here")
        return SHARED / name

    return folder
