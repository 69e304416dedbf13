"""Gopher repetition: a page for each of the thirteen rules, on both sides of its threshold."""

from itertools import count, product

import pytest

from synth_dagster.methods.filter.gopher_repetition import GopherRepetition

NAMES = ["".join(letters) for letters in product("abcdefghijk", repeat=3)]  # words of 3 letters, each once


def filled(text, characters):
    """The text with one more word, so long that the whole has this many characters."""
    missing = characters - len(text) - 1
    assert missing > 0
    return f"{text} {'z' * missing}"


def repeating(phrase, times, characters):
    """A phrase at several places of a page of that many characters, with another word after each."""
    return filled(" ".join(f"{phrase} {name}" for name, _ in zip(NAMES, range(times), strict=False)), characters)


def twice(passages, words, characters):
    """Passages of that many words of 3 letters, each written twice, with other words between."""
    names = iter(NAMES)
    texts = [" ".join(next(names) for _ in range(words)) for _ in range(passages)]
    return filled(" ".join(f"{text} {next(names)}x" for text in texts * 2), characters)


def paragraphs(again, separator, *, of=10):
    """Paragraphs or lines of 20 words, and one short one that stands there once more than `again`."""
    numbers = count()
    prose = [" ".join(f"w{next(numbers)}" for _ in range(20)) for _ in range(of - again - 1)]
    return separator.join(prose + ["so"] * (again + 1))


def lines_twice(characters, separator):
    """Five words of 10 letters as lines of their own, each twice among 20 lines, on a page of that many characters."""
    lines = [part for number, name in enumerate("abcde" * 2) for part in (name * 10, f"u{number}")]
    return filled(separator.join(lines), characters)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        pytest.param(paragraphs(3, "\n\n"), None, id="3 of 10 paragraphs stood before"),
        pytest.param(paragraphs(4, "\n\n"), "repeated_paragraphs", id="4 of 10 paragraphs did"),
        pytest.param(paragraphs(3, "\n"), None, id="3 of 10 lines stood before"),
        pytest.param(paragraphs(4, "\n"), "repeated_lines", id="4 of 10 lines did"),
        # 5 * 10 letters / 250 = 0.2
        pytest.param(lines_twice(250, "\n\n"), None, id="0.2 of characters in repeated paragraphs"),
        pytest.param(lines_twice(249, "\n\n"), "characters_in_repeated_paragraphs", id="more"),
        pytest.param(lines_twice(250, "\n"), None, id="0.2 of characters in repeated lines"),
        pytest.param(lines_twice(249, "\n"), "characters_in_repeated_lines", id="more of them"),
        # "ab cd" 4 times: 20 / 100; "ab cd ef" 9 times: 72 / 400; "ab cd ef gh" 16 times: 176 / 1100
        pytest.param(repeating("ab cd", 4, 100), None, id="top pair 0.20"),
        pytest.param(repeating("ab cd", 4, 99), "top_2", id="top pair above"),
        pytest.param(repeating("ab cd ef", 9, 400), None, id="top three 0.18"),
        pytest.param(repeating("ab cd ef", 9, 399), "top_3", id="top three above"),
        pytest.param(repeating("ab cd ef gh", 16, 1100), None, id="top four 0.16"),
        pytest.param(repeating("ab cd ef gh", 16, 1099), "top_4", id="top four above"),
        # blanks between the words of a repeated run do not count: 5 passages * 5 words * 3 letters = 75 of 500
        pytest.param(twice(5, 5, 500), None, id="five words 0.15"),
        pytest.param(twice(5, 5, 499), "repeated_5", id="five words above"),
        pytest.param(twice(7, 6, 900), None, id="six words 126 / 900 = 0.14"),
        pytest.param(twice(7, 6, 899), "repeated_6", id="six words above"),
        pytest.param(twice(13, 7, 2100), None, id="seven words 273 / 2100 = 0.13"),
        pytest.param(twice(13, 7, 2099), "repeated_7", id="seven words above"),
        pytest.param(twice(5, 8, 1000), None, id="eight words 120 / 1000 = 0.12"),
        pytest.param(twice(5, 8, 999), "repeated_8", id="eight words above"),
        pytest.param(twice(11, 9, 2700), None, id="nine words 297 / 2700 = 0.11"),
        pytest.param(twice(11, 9, 2699), "repeated_9", id="nine words above"),
        pytest.param(twice(1, 10, 300), None, id="ten words 30 / 300 = 0.10"),
        pytest.param(twice(1, 10, 299), "repeated_10", id="ten words above"),
        pytest.param("", "empty", id="nothing"),
        pytest.param(None, "empty:no_value", id="no text"),
    ],
)
def test_default_thresholds(text, verdict, verdict_of):
    assert verdict_of(GopherRepetition(), text) == verdict


@pytest.mark.parametrize(
    "text", ["word", "12345", "الكل", "人人生而自由", "\x00\x01\x02", "\u202e\u200b", "😀", " \n\t "]
)
def test_a_text_that_repeats_nothing_stays_whatever_its_script(text, verdict_of):
    assert verdict_of(GopherRepetition(), text) is None


def test_one_word_over_and_over_goes_by_its_pairs(verdict_of):
    # all pairs are the same: 3 characters * 999 pairs of 1,999 characters
    assert verdict_of(GopherRepetition(), " ".join("x" * 1000)) == "top_2"


def test_verdicts_do_not_depend_on_the_other_records_of_a_batch(verdict_of, verdicts_of):
    pages = [twice(5, 5, 499), "", twice(5, 5, 500), "word", paragraphs(4, "\n\n"), twice(1, 10, 299)] * 3
    assert verdicts_of(GopherRepetition(), pages) == [verdict_of(GopherRepetition(), page) for page in pages]
