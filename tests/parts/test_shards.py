"""A change touches the shards around it, and no others."""

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.parts.shards import digest_of, shards, valleys
from synth_dagster.records import Json

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Note:
    """The least that can be sharded."""

    native_key: str
    text: str = ""
    locator: str = ""
    repeat: int = 1

    def identity(self) -> Json:
        return self.text


def notes(count: int, prefix: str = "note") -> list[Note]:
    return [Note(f"{prefix}-{n}", f"text {n}", json.dumps({"n": n})) for n in range(count)]


FIVE_THOUSAND = notes(5_000)


def changed(before, after, target=100) -> int:
    """How many shards of the second list are not in the first, key and digest alike."""
    had = {(shard.key, shard.digest) for shard in shards(before, target=target)}
    return sum(1 for shard in shards(after, target=target) if (shard.key, shard.digest) not in had)


def test_shards_hold_every_item_once_and_about_the_target():
    found = list(shards(FIVE_THOUSAND, target=100))
    assert sum(shard.count for shard in found) == 5_000
    assert 35 <= len(found) <= 65  # 5,000 / 100 = 50
    assert min(shard.count for shard in found) > 50 and max(shard.count for shard in found) <= 400


def test_a_shard_starts_where_its_first_item_stands():
    place = 0
    for shard in shards(FIVE_THOUSAND, target=100):
        assert json.loads(shard.start) == {"n": place}
        assert shard.digest == digest_of(FIVE_THOUSAND[place : place + shard.count])
        place += shard.count


def test_keys_are_unique_and_safe_in_paths_and_sql():
    wild = [Note(f"../'; drop table\n{n} é \0 %", "t") for n in range(2_000)]
    keys = [shard.key for shard in shards(wild, target=50)]
    assert keys[0] == "start" and len(set(keys)) == len(keys) > 20
    assert all(re.fullmatch(r"[a-z0-9_:-]+", key) for key in keys)


@pytest.mark.parametrize("target", [10, 100, 700])
@given(place=st.integers(0, 5_000), seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_an_insertion_touches_at_most_three_shards(place, seed, target):
    added = [*FIVE_THOUSAND[:place], Note(f"new-{seed}", "new"), *FIVE_THOUSAND[place:]]
    assert changed(FIVE_THOUSAND, added, target) <= 3


@given(place=st.integers(0, 4_999))
@settings(max_examples=40, deadline=None)
def test_a_deletion_touches_at_most_three_shards(place):
    assert changed(FIVE_THOUSAND, [*FIVE_THOUSAND[:place], *FIVE_THOUSAND[place + 1 :]]) <= 3


@given(place=st.integers(0, 4_999), text=st.text(max_size=5))
@settings(max_examples=40, deadline=None)
def test_an_edit_touches_at_most_three_shards(place, text):
    edited = [*FIVE_THOUSAND[:place], Note(f"note-{place}", "edited " + text), *FIVE_THOUSAND[place + 1 :]]
    assert 1 <= changed(FIVE_THOUSAND, edited) <= 3


@given(count=st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_an_append_touches_the_end_only(count):
    # 60 new items at the end, in shards of more than 50: the last shard, and at most two made of it and the new ones
    assert changed(FIVE_THOUSAND, [*FIVE_THOUSAND, *notes(count, "appended")]) <= 3


def test_an_unreadable_line_changes_its_shard():
    edited = [*FIVE_THOUSAND[:2_500], Note("note-2500", "x"), *FIVE_THOUSAND[2_501:]]
    assert changed(FIVE_THOUSAND, edited) >= 1


def test_an_item_that_only_moves_in_its_file_changes_nothing():
    moved = [Note(note.native_key, note.text, json.dumps({"n": n + 7})) for n, note in enumerate(FIVE_THOUSAND)]
    assert changed(FIVE_THOUSAND, moved) == 0


def test_equal_items_without_end_are_cut_at_the_largest_size():
    same = [Note("same", "same")] * 1_000
    found = list(shards(same, target=50))
    assert sum(shard.count for shard in found) == 1_000
    assert max(shard.count for shard in found) <= 200  # four targets
    assert len({shard.key for shard in found}) == len(found)


@pytest.mark.parametrize("count", [0, 1, 2, 50, 51])
def test_short_lists_are_one_shard(count):
    found = list(shards(notes(count), target=100))
    assert [shard.count for shard in found] == ([count] if count else [])


def test_a_target_of_one_makes_a_shard_of_each():
    assert [shard.count for shard in shards(notes(5), target=1)] == [1] * 5


def test_another_process_cuts_alike():
    code = (
        "import sys; sys.path.insert(0, 'tests/parts')\n"
        "from test_shards import FIVE_THOUSAND, shards\n"
        "print([(s.key, s.digest) for s in shards(FIVE_THOUSAND[:500], target=20)])"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )
    assert there.stdout.strip() == str([(s.key, s.digest) for s in shards(FIVE_THOUSAND[:500], target=20)])


def test_items_are_not_held():
    """A stream of large items is sharded while at most a neighbourhood of hashes waits."""
    alive = Counter()

    class Large:
        def __init__(self, number):
            self.native_key, self.locator, self.repeat = str(number), "", 1
            alive["now"] += 1
            alive["most"] = max(alive["most"], alive["now"])

        def __del__(self):
            alive["now"] -= 1

        def identity(self):
            return self.native_key

    assert sum(shard.count for shard in shards((Large(n) for n in range(2_000)), target=100)) == 2_000
    assert alive["most"] <= 3


@given(st.lists(st.integers(0, 30), max_size=80), st.integers(0, 6))
@settings(max_examples=200, deadline=None)
def test_a_valley_is_the_leftmost_smallest_of_its_neighbourhood(heights, reach):
    def is_valley(i):
        window = heights[i - reach : i + reach + 1]
        return reach <= i < len(heights) - reach and window.index(min(window)) == reach

    assert list(valleys(heights, reach)) == [is_valley(i) for i in range(len(heights))]


def test_a_shuffled_list_keeps_no_shard():
    shuffled = random.Random(3).sample(FIVE_THOUSAND, 5_000)
    assert changed(FIVE_THOUSAND, shuffled) == len(list(shards(shuffled, target=100)))
