"""A dataset of the hub is streamed through the reader; a hub with a bad day, or one that refuses, is a sentence.

One process reads all of it, because HF_ENDPOINT counts when the packages are imported, and that takes seconds.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.fake_hub import Repository, fake_hub

pytest.importorskip("datasets", reason="datasets is not installed (the extra is `huggingface`)")
FIRST, SECOND = "1" * 40, "2" * 40
READ = """
import json, sys
from pathlib import Path
from synth_dagster.errors import SynthError
from synth_dagster.readers.huggingface import HuggingFace
from synth_dagster.readers.places import Places

for line in sys.stdin:
    start, settings = json.loads(line)
    found, said = [], None
    try:
        for item in HuggingFace(**settings).items(Places(Path(sys.argv[1])), start=start):
            found.append([item.native_key, getattr(item, "text", None), item.locator])
    except SynthError as error:
        said = str(error)
    print(json.dumps([found, said]), flush=True)
"""


def lines(word, count=5):
    return "".join(json.dumps({"id": n, "text": f"{word} {n}."}) + "\n" for n in range(count)).encode()


@pytest.fixture(scope="module")
def hub():
    files = {
        FIRST: {"train.jsonl": lines("Text")},
        SECOND: {"train.jsonl": lines("Other"), "test.jsonl": lines("T", 1)},
    }
    with fake_hub(
        notes=Repository(files, {"main": SECOND, "v1": FIRST}),
        broken=Repository({FIRST: {"train.jsonl": lines("Text") + b'{"id": 5, "te'}}, {"main": FIRST}),
        gated=Repository(files, {"main": FIRST}, gated=True),
    ) as hub:
        yield hub


def reader(endpoint, folder, **env):
    command = [sys.executable, "-c", READ, str(folder)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    given = {**kept, "HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1", **env}
    return subprocess.Popen(
        command, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def read(hub, tmp_path_factory):
    """What the reader gives for some settings, and what it says: `read(path, start=..., revision=...)`."""
    process = reader(hub.address, tmp_path_factory.mktemp("hub"))

    def read_all(path="acme/notes", start=None, **settings):
        hub.asked.clear()
        process.stdin.write(json.dumps([start, {"path": path, **settings}]) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, process.stderr.read()
        return json.loads(answer)

    yield read_all
    process.communicate(timeout=60)


@pytest.mark.prove
def test_rows_are_streamed_with_their_places_and_reading_can_begin_at_any(read):
    found, said = read(revision="v1")
    assert said is None
    assert [(key, text) for key, text, _ in found] == [(f"train#{n}", f"Text {n}.") for n in range(5)]
    assert read(revision="v1", start=found[3][2]) == [found[3:], None]


@pytest.mark.prove
def test_a_revision_pins_what_is_read_and_without_one_the_branch_is(read, hub):
    found, said = read(revision=FIRST)
    assert (len(found), said) == (5, None)
    files = [line for line in hub.asked if "/resolve/" in line]
    assert files and all(f"/resolve/{FIRST}/" in line for line in files)
    assert [text for _, text, _ in read()[0]][:1] == ["Other 0."]
    assert [text for _, text, _ in read(split="test")[0]] == ["T 0."]


@pytest.mark.prove
@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"path": "acme/nothing"}, ["'acme/nothing'", "Check its name"], id="no such dataset"),
        pytest.param({"revision": "v9"}, ["'acme/notes'", "v9", "revision"], id="no such revision"),
        pytest.param({"split": "dev"}, ["'acme/notes' (split 'dev')", "train"], id="no such split"),
        pytest.param({"path": "acme/gated"}, ["'acme/gated'", "HF_TOKEN"], id="gated"),
        pytest.param({"path": "acme/broken"}, ["'acme/broken'", "cannot be read"], id="a file that is broken"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(read, given, words):
    found, said = read(**given)
    assert said and "\n" not in said and all(word in said for word in words), (len(found), said)


@pytest.mark.prove
def test_offline_is_said_with_the_way_to_read_it_all_the_same(hub, tmp_path):
    process = reader(hub.address, tmp_path, HF_HUB_OFFLINE="1")
    out, trace = process.communicate(json.dumps([None, {"path": "acme/notes"}]), timeout=120)
    assert out, trace
    found, said = json.loads(out)
    assert found == [] and "'acme/notes'" in said and "HF_HUB_OFFLINE" in said, said
