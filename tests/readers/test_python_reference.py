"""The reference of the running Python, whatever its version: no hashes, but what must hold of any."""

import json
import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from synth_dagster.parts.shards import digest_of, shards
from synth_dagster.readers.base import DeliveryChanged
from synth_dagster.readers.places import Places
from synth_dagster.readers.python_reference import PythonReference, title_of, without_underlines

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    return list(PythonReference().items(Places(tmp_path_factory.mktemp("project"))))


def test_every_topic_is_an_item_in_order(items):
    assert [item.native_key for item in items] == sorted(topics)
    assert len(items) >= 60


def test_an_item_says_what_it_is(items):
    item = next(item for item in items if item.native_key == "assert")
    assert item.title == 'The "assert" statement'
    assert (item.license, item.lang, item.url) == ("PSF-2.0", "en", None)
    assert item.attributes == {
        "python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
        "topic": "assert",
    }
    assert item.text.startswith('The "assert" statement\n\nAssert statements')


def test_the_text_is_verbatim_but_for_the_underlines(items):
    for item in items:
        kept = [line for line in topics[item.native_key].split("\n") if line in set(item.text.split("\n"))]
        assert [line for line in item.text.split("\n") if line] == [line for line in kept if line]


def test_underlines_go_and_tables_and_code_stay():
    text = "Title\n=====\n\n|===|\n\n   x\n   ===\n\nShort\n===\n\nPart\n----\ntext"
    assert without_underlines(text) == "Title\n\n|===|\n\n   x\n   ===\n\nShort\n===\n\nPart\ntext"
    assert title_of(text) == "Title" and title_of("none") is None


def test_reading_starts_at_any_topic(items, tmp_path):
    for place in (0, 1, len(items) // 2, len(items) - 1):
        assert list(PythonReference().items(Places(tmp_path), start=items[place].locator)) == items[place:]
    with pytest.raises(DeliveryChanged, match="no topic 'print'"):
        PythonReference().items(Places(tmp_path), start=json.dumps({"topic": "print"}))


def test_shards_are_read_back_alone(items, tmp_path):
    for shard in shards(items, target=20):
        rest = list(PythonReference().items(Places(tmp_path), start=shard.start))
        assert digest_of(rest[: shard.count]) == shard.digest


def test_no_record_text_is_golden_but_two_processes_agree(items):
    code = (
        "from pathlib import Path; from synth_dagster.parts.shards import digest_of\n"
        "from synth_dagster.readers.places import Places\n"
        "from synth_dagster.readers.python_reference import PythonReference\n"
        "print(digest_of(PythonReference().items(Places(Path()))))"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert there.stdout.strip() == digest_of(items)
