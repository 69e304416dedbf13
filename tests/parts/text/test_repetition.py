"""Repeated runs of words, against the plain scan that defines them."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.text.english_words import words_of
from synth_dagster.parts.text.repetition import REPEATED, TOP, Pieces, repeated_runs


def scanned(words, n):
    """Characters in runs that were seen before; after such a run the scan goes on behind it."""
    seen, at, characters = set(), 0, 0
    while at + n <= len(words):
        run = tuple(words[at : at + n])
        if run in seen:
            characters += sum(map(len, run))
            at += n
        else:
            seen.add(run)
            at += 1
    return characters


def commonest(words, n):
    """Characters of all places of the commonest run, blanks included; of equals the first."""
    runs = Counter(" ".join(words[at : at + n]) for at in range(len(words) - n + 1))
    ((run, times),) = runs.most_common(1) or [("", 0)]
    return len(run) * times


# few different words, so that runs overlap themselves in every way
TEXTS = st.lists(st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=80).map(" ".join), min_size=1, max_size=4)


def runs_of(texts, size):
    (run,) = [repeated_runs(run.words) for run in words_of(texts, size)]
    return run


@given(TEXTS)
def test_runs_are_those_of_the_plain_scan(texts):
    found = runs_of(texts, 1 << 18)
    for number, words in enumerate(text.split() for text in texts):
        assert {n: found[f"repeated_{n}"][number] for n in REPEATED} == {n: scanned(words, n) for n in REPEATED}
        assert {n: found[f"top_{n}"][number] for n in TOP} == {n: commonest(words, n) for n in TOP}


@given(st.text(alphabet="ab \n", max_size=60), st.sampled_from(["\n+", "\n{2,}"]))
def test_lines_and_paragraphs_are_those_of_a_plain_split(text, pattern):
    import re

    parts = re.split(pattern, text)
    again = [part for place, part in enumerate(parts) if part in parts[:place]]
    pieces, repeated, characters = Pieces.split(pa.array([text]), pattern).repeated(1)
    assert (pieces[0], repeated[0], characters[0]) == (len(parts), len(again), sum(map(len, again)))


@pytest.mark.prove
def test_a_million_equal_words_settle_at_once():
    # the first run of n is read, then every n-th place is a hit: (1,000,000 - 1) // n runs of n letters
    found = runs_of(["x " * 1_000_000], 1 << 18)
    assert {n: found[f"repeated_{n}"][0] for n in REPEATED} == {n: (1_000_000 - 1) // n * n for n in REPEATED}
