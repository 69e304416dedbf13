"""From a text and its cleaned form to the deletions in between."""

import random

import pytest

from synth_dagster.parts.pages.deletions import difference
from synth_dagster.parts.pages.edit_programs import Program, RemoveLines, RemoveText, executed, is_subsequence

WORDS = [
    "a",
    "an",
    "the",
    "river",
    "bank",
    "of",
    "on",
    "in",
    "home",
    "sea",
    "see",
]  # few and short: lines and pieces repeat all the time


def test_lines_and_pieces_of_lines():
    before = "Home | About\nThe river [edit] rises here.\nIt is slow.\n--\nShare"
    after = "The river rises here.\nIt is slow."
    told = difference(before, after)
    assert told.program.operations == (RemoveLines(0, 0), RemoveLines(3, 4), RemoveText(1, "[edit] "))
    # 12 + 1, 2 + 1 and 5 + 1 characters with their line breaks, and 7 of the piece
    assert (told.deleted, told.longest_other, told.skipped) == (13 + 3 + 6 + 7, 0, 0)


def test_numbers_begin_where_they_are_told_to():
    assert difference("a\nb", "b", first=100).program == Program((RemoveLines(100, 100),))


def test_a_piece_that_stands_twice_in_its_line_is_skipped():
    told = difference("ab X cd X ef", "ab cd X ef")
    assert told.program.operations == () and told.skipped == 1
    assert told.longest_other == 0


@pytest.mark.parametrize(
    ("before", "after", "longest"),
    [
        pytest.param("the cat", "the big cat", 4, id="insertion"),
        pytest.param("teh cat\nx", "the cat", 3, id="typo"),
        pytest.param("a\nb", "a\nsomething new\nb", 13, id="line"),
        # one -> three, two -> four, and a blank and five are new
        pytest.param("one two", "three four five", 5 + 4 + 5, id="another text"),
        pytest.param("Menu | Home\nIt recieves letters.", "It receives letters.", 8, id="a line gone and a typo"),
    ],
)
def test_what_is_no_deletion_is_measured(before, after, longest):
    assert difference(before, after).longest_other == longest


def cut(rng, line):
    """The line without one or two pieces."""
    for _ in range(rng.randint(1, 2)):
        start = rng.randint(0, len(line))
        line = line[:start] + line[start + rng.randint(0, 12) :]
    return line


def test_a_thousand_random_deletions_come_back_exactly():
    exact = skipped = 0
    for seed in range(1_400):
        rng = random.Random(seed)
        old = [" ".join(rng.choices(WORDS, k=rng.randint(0, 9))) for _ in range(rng.randint(1, 12))]
        new = [cut(rng, line) if rng.random() < 0.3 else line for line in old if rng.random() < 0.7]
        before, after = "\n".join(old), "\n".join(new)
        told = difference(before, after)
        done = executed(before, told.program)
        assert told.longest_other == 0 and done.errors == 0
        assert is_subsequence(done.text, before)
        if told.skipped:
            skipped += 1
        else:
            assert done.text == after
            exact += 1
    assert exact >= 1_000 and skipped < 400  # these words repeat far more than a page's do


def test_of_lines_that_lost_a_piece_that_stands_in_them_once_none_is_skipped():
    exact = 0
    for seed in range(1_150):
        rng = random.Random(seed)
        words = ("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(150))
        old = [" ".join(next(words) for _ in range(rng.randint(0, 9))) for _ in range(rng.randint(1, 12))]
        cuts = [(rng.randint(0, len(line)), rng.randint(1, 12) if rng.random() < 0.3 else 0) for line in old]
        pieces = [line[start : start + size] for line, (start, size) in zip(old, cuts, strict=True)]
        left = [line[:start] + line[start + size :] for line, (start, size) in zip(old, cuts, strict=True)]
        new = [line for line in left if rng.random() < 0.7]
        if all(old[row].find(piece, old[row].find(piece) + 1) < 0 for row, piece in enumerate(pieces) if piece):
            told = difference("\n".join(old), "\n".join(new))
            assert told.skipped == 0 and executed("\n".join(old), told.program).text == "\n".join(new)
            exact += 1
    assert exact >= 1_000


def test_pages_without_end_are_compared_all_the_same():
    line = " ".join(map(str, range(20_000)))
    assert difference(line, line[:50_000]).deleted == len(line) - 50_000
    assert difference("word " * 20_000, "word " * 10_000).skipped == 1
    assert difference(line, line[:40_000].replace("1", "x")).longest_other > 20
    lines = "\n".join(f"line {n % 7}" for n in range(3_000))
    assert difference(lines, lines[500:9_000] + "\nnew and never seen before").longest_other >= 20
