"""Runs that stand twice: every one of them is found, by a search of each run and by a sort of all suffixes as well."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synth_dagster.parts.similarity import suffix_runs
from synth_dagster.parts.similarity.suffix_runs import repeated_runs, spans_of
from synth_dagster.parts.text.hashed_words import Hashed, mixed, offsets_of, rolling

TEXTS = st.lists(st.text("ab", max_size=12) | st.text("abc", max_size=30), max_size=6)


def hashed(texts):
    """Letters are words here."""
    letters = np.array([ord(letter) for text in texts for letter in text], np.uint64)
    return Hashed(mixed(letters), offsets_of(np.array([len(text) for text in texts], np.int64)))


def found(texts, length):
    """The runs as (text, start) in sets of equal ones, and the words in them as (text, start, length)."""
    words = hashed(texts)
    runs = repeated_runs(words, length)
    owners = np.searchsorted(words.offsets, runs.places, side="right") - 1
    equal = defaultdict(set)
    for number, owner, place in zip(runs.numbers, owners, runs.places, strict=True):
        equal[int(number)].add((int(owner), int(place - words.offsets[owner])))
    spans = spans_of(words, runs.places, length)
    stretches = zip(spans.owners.tolist(), spans.starts.tolist(), spans.lengths.tolist(), strict=True)
    return {frozenset(places) for places in equal.values()}, list(stretches)


def by_search(texts, length):
    """Every run beside every other one."""
    starts = [(text, at) for text in range(len(texts)) for at in range(len(texts[text]) - length + 1)]
    run = {(text, at): texts[text][at : at + length] for text, at in starts}
    return {frozenset(same) for one in starts if len(same := {other for other in starts if run[other] == run[one]}) > 1}


def by_suffixes(texts, length):
    """A whole suffix array: neighbours in it that have so many letters in common, and theirs, are equal runs."""
    suffixes = sorted((text[at:], number, at) for number, text in enumerate(texts) for at in range(len(text)))
    groups = [{suffixes[0][1:]}] if suffixes else []
    for (before, *_), (suffix, *place) in pairwise(suffixes):
        common = next((n for n, (a, b) in enumerate(zip(before, suffix, strict=False)) if a != b), None)
        if (min(len(before), len(suffix)) if common is None else common) < length:
            groups.append(set())
        groups[-1].add(tuple(place))
    return {frozenset(group) for group in groups if len(group) > 1}


def stretches_of(groups, texts, length):
    """Letter by letter: which lie in a run that stands twice, as stretches."""
    inside = {(text, at + step) for group in groups for text, at in group for step in range(length)}
    spans = []
    for text, letters in enumerate(texts):
        for at in range(len(letters)):
            if (text, at) in inside and (text, at - 1) not in inside:
                end = next(end for end in range(at, len(letters) + 1) if (text, end) not in inside)
                spans.append((text, at, end - at))
    return spans


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(2, 9))
@example(["abcabc"], 3)
@example(["aaaaaaa", "aaa"], 3)
@example(["xabcdy", "abcd", "zabcd"], 3)
@example(["", "ab", "", "ab"], 2)
def test_runs_and_spans_are_those_of_a_search_and_of_a_suffix_array(texts, length):
    runs, spans = found(texts, length)
    assert runs == by_search(texts, length) == by_suffixes(texts, length)
    assert spans == stretches_of(runs, texts, length)


@pytest.mark.parametrize(
    ("texts", "spans"),
    [
        pytest.param(["xxabcdefyy", "abcdef"], [(0, 2, 6), (1, 0, 6)], id="longer than the shortest: one span"),
        pytest.param(["abcx", "yabc"], [(0, 0, 3), (1, 1, 3)], id="at the head and at the end"),
        pytest.param(["ab", "ab"], [], id="one word too short"),
        pytest.param(["abcZabc"], [(0, 0, 3), (0, 4, 3)], id="within one text"),
        pytest.param(["aaaa"], [(0, 0, 4)], id="a run that overlaps itself"),
        pytest.param(["abcd", "abc", "bcd"], [(0, 0, 4), (1, 0, 3), (2, 0, 3)], id="two that overlap: one span"),
        pytest.param(["abcxyz", "abc", "xyz"], [(0, 0, 6), (1, 0, 3), (2, 0, 3)], id="two that meet: one span"),
        pytest.param(["abc", "xabcd", "yabce"], [(0, 0, 3), (1, 1, 3), (2, 1, 3)], id="the end of a text is none"),
        pytest.param(["ab", "cab", "c"], [], id="no run crosses from a text into the next"),
    ],
)
def test_spans_by_hand(texts, spans):
    assert found(texts, 3)[1] == spans


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(2, 7), st.sampled_from([0, 1, 2]))
def test_no_hash_decides_what_is_equal(texts, length, bits):
    """With hashes of nearly no bits all places have to be sorted; what is found stays the same."""

    def weak(hashes, n):
        return rolling(hashes, n) & np.uint64((1 << bits) - 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suffix_runs, "rolling", weak)
        patch.setattr(suffix_runs, "_AT_ONCE", 5)
        assert found(texts, length)[0] == by_search(texts, length)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=60), st.data())
def test_a_rolling_hash_is_the_polynomial_of_its_run(hashes, data):
    n = data.draw(st.integers(1, len(hashes)))
    factor, expected = 0x9E3779B97F4A7C15, []
    for at in range(len(hashes) - n + 1):
        value = 0
        for one in hashes[at : at + n]:
            value = (value * factor + one) % 2**64
        expected.append(value)
    assert rolling(np.array(hashes, np.uint64), n).tolist() == expected


def test_a_long_copy_and_a_short_one_among_many_words():
    words = np.random.default_rng(3).integers(0, 2**63, 1 << 14).astype(np.uint64)
    half = 1 << 13
    texts = Hashed(np.concatenate([words, words[:half], words[100:200]]), offsets_of(np.array([1 << 14, half, 100])))
    runs = repeated_runs(texts, 20)
    # each place of the first half but the last 19, twice; and the 81 places of the third text once more
    assert len(runs.places) == 2 * (half - 19) + 81
    assert len(np.unique(runs.numbers)) == half - 19
    spans = spans_of(texts, runs.places, 20)
    assert (spans.owners.tolist(), spans.lengths.tolist()) == ([0, 1, 2], [half, half, 100])
    assert np.unique(runs.places - runs.firsts()).tolist() == [0, 1 << 14, (3 << 13) - 100]
