"""Records that consist of lines, paragraphs or long runs of words of others: shares counted by hand, and set by set."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.methods.dedup.line_dedup import LineDedup
from synth_dagster.methods.dedup.paragraph_dedup import ParagraphDedup
from synth_dagster.methods.dedup.substring_dedup import SubstringDedup
from tests.methods.dedup.pools import duplicates_in, pool_of

WORDS = [f"{first}{second}{last}" for first in "bdfgk" for second in "aeiou" for last in "lmnrstvz"]


def duplicates(method, texts, priorities=None):
    """For each text the number of the text that it duplicates; its own where it is kept."""
    found = method.cluster(pool_of(texts, priorities))
    return duplicates_in(found)


A, B, C, D = "one two three four", "five six seven eight", "nine ten eleven twelve", "red green blue yellow"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        # 4 of 8 words are seen, then 8 of 8: 4 in text 0 first and 4 in text 1, of which the first is named
        pytest.param([f"{A}\n{B}", f"{A}\n{C}", f"{C}\n{A}"], [0, 1, 0], id="half stays and all goes"),
        # 16 of 20 words are .8
        pytest.param([f"{A}\n{B}\n{C}\n{D}", f"{D}\n{C}\n{B}\n{A}\nx y z w"], [0, 0], id="just enough"),
        # 16 of 21
        pytest.param([f"{A}\n{B}\n{C}\n{D}", f"{D}\n{C}\n{B}\n{A}\nx y z w v"], [0, 1], id="just too little"),
        pytest.param([f"{A}\n{B}", f"{C}\n{D}", f"{A}\n{B}\n{C}"], [0, 1, 0], id="who holds most is named"),
        pytest.param([A, f"{A.upper()}!\r\n\r\n", "Menu"], [0, 0, 2], id="case, signs and line ends"),
        pytest.param(["", None, " \n", "Menu", "Menu", "!!!"], [0, 0, 2, 3, 3, 5], id="no lines: the text itself"),
        # text 1 goes for text 0; what it alone had beside that goes with it, so text 2 stays
        pytest.param(
            [f"{A}\n{B}\n{C}\n{D}", f"{A}\n{B}\n{C}\n{D}\nx y z", "x y z"], [0, 0, 2], id="nobody goes for who went"
        ),
    ],
)
def test_lines_that_were_seen_before(texts, expected):
    assert duplicates(LineDedup(), texts) == expected


def test_paragraphs_are_what_blank_lines_separate():
    one, two = f"{A}\n{B}", f"{C}\n{D}"
    assert duplicates(ParagraphDedup(), [f"{one}\n\n{two}", f"{two}\n \n{one}", f"{A}\n\n{B}\n{C}"]) == [0, 0, 2]


def test_the_priority_says_who_is_read_first():
    assert duplicates(LineDedup(), [A, A, A], [2, 1, 1]) == [1, 1, 1]
    assert duplicates(LineDedup(), [f"{A}\n{B}", A], [1, 0]) == [0, 1]


def line_by_line(texts, threshold):
    """The rule as a person reads it: in order, against the lines of those kept so far."""
    kept, seen = [], set()
    for text in texts:
        lines = [line.split() for line in text.split("\n") if len(line.split()) >= 2] or [[text]]
        words = sum(map(len, lines))
        if sum(len(line) for line in lines if " ".join(line) in seen) / words >= threshold:
            kept.append(False)
        else:
            kept.append(True)
            seen |= {" ".join(line) for line in lines}
    return kept


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["a b", "c d e", "f g", "h i", "j k l m"]), min_size=1, max_size=5), max_size=12),
    st.sampled_from([0.3, 0.5, 0.8, 1.0]),
)
def test_it_is_what_reading_record_by_record_finds(bodies, threshold):
    texts = ["\n".join(lines) for lines in bodies]
    found = duplicates(LineDedup(threshold=threshold), texts)
    assert [own == kept for own, kept in enumerate(found)] == line_by_line(texts, threshold)
    assert all(found[kept] == kept for kept in found), "whom a duplicate names is kept"


def runs(words, length):
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]


def run_by_run(texts, length, threshold):
    """The rule as a person reads it: in order, against the runs of those kept so far, wherever they stand there."""
    kept, seen = [], set()
    for words in texts:
        inside = {at + step for at, run in enumerate(runs(words, length)) if run in seen for step in range(length)}
        kept.append(not inside or len(inside) / len(words) < threshold)
        seen |= set(runs(words, length)) if kept[-1] else set()
    return kept


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("ab"), max_size=9) | st.lists(st.sampled_from("abc"), max_size=20), max_size=8),
    st.sampled_from([2, 3, 5]),
    st.sampled_from([0.3, 0.6, 0.8, 1.0]),
)
def test_runs_of_words_are_those_that_a_search_finds(bodies, length, threshold):
    found = duplicates(SubstringDedup(words=length, threshold=threshold), [" ".join(words) for words in bodies])
    assert [own == kept for own, kept in enumerate(found)] == run_by_run(bodies, length, threshold)
    assert all(found[kept] == kept for kept in found), "whom a duplicate names is kept"


def test_a_copy_in_other_surroundings_is_found_and_a_short_quotation_is_not():
    rng = random.Random(1)
    page, own = rng.choices(WORDS, k=300), rng.choices(WORDS, k=300)
    copied = [*own[:20], *page[100:220], *own[20:40]]  # 120 of 160 words lie in a run of the page
    quoted = [*own[50:250], *page[100:140], *own[250:]]
    texts = [" ".join(words) for words in (page, copied, quoted)]
    assert duplicates(SubstringDedup(threshold=0.75), texts) == [0, 0, 2]
    assert duplicates(SubstringDedup(threshold=0.76), texts) == [0, 1, 2]
    assert duplicates(SubstringDedup(threshold=0.01), texts) == [0, 0, 2], "40 words are no run of 50"


@pytest.mark.parametrize("method", [LineDedup(), ParagraphDedup(), SubstringDedup(words=5)])
def test_many_equal_texts_go_in_one_round(method):
    found = duplicates(method, ["The same sentence stands here over and over again."] * 20_000)
    assert found == [0] * 20_000
