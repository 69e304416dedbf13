"""FineWeb line rules: pages counted by hand."""

import pytest

from synth_dagster.methods.filter.fineweb_quality import FinewebQuality

LONG = "This line has more than thirty characters and ends well"  # 10 words, 55 characters


def lines(count, end="."):
    return [f"{LONG} {number:03d}{end}" for number in range(count)]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        # 3 of 4 lines repeat "Buy now": 14 of 25 characters; none ends a sentence
        pytest.param("Buy now\nBuy now\nBuy now\nHome", "few_sentences", id="menu"),
        pytest.param("It rained.\nIt rained.\nWe stayed in all day and read a novel.", "duplicate_lines", id="repeats"),
        pytest.param("A first full sentence of some length.\nAnd another, longer one follows it.", None, id="prose"),
        pytest.param("\n".join(lines(3) + lines(25, end="")[3:]), None, id="3 of 25 lines end a sentence: 0.12"),
        pytest.param("\n".join(lines(3) + lines(26, end="")[3:]), "few_sentences", id="3 of 26: 0.115"),
        pytest.param(
            "\n".join(f"A short line with words {n}." for n in range(67)) + "\n" + "\n".join(lines(33)),
            None,
            id="67 of 100 lines are short",
        ),
        pytest.param(
            "\n".join(f"A short line with words {n}." for n in range(68)) + "\n" + "\n".join(lines(32)),
            "short_lines",
            id="68 of 100 lines are short",
        ),
        # a repeated line of 5 characters in 500 is 0.01, in 499 a little more; newlines do not count
        pytest.param("Well.\nWell.\n" + "a word " * 69 + "at end.", None, id="1 % of characters are repeated"),
        pytest.param("Well.\nWell.\n" + "a word " * 69 + "an en.", "duplicate_lines", id="a little more"),
        # each line is a long word, a short one and a full stop: 9 newlines for 30 words are 0.3; 9 for 29 are more
        pytest.param("\n".join(f"{'x' * 30}{n} it." for n in range(10)), None, id="0.3"),
        pytest.param("\n".join([*(f"{'x' * 30}{n} it." for n in range(9)), "x" * 31 + " it"]), "list_like", id="0.31"),
    ],
)
def test_default_thresholds(text, verdict, verdict_of):
    assert verdict_of(FinewebQuality(), text) == verdict


def test_a_closing_quote_ends_no_sentence_as_in_the_official_code(verdict_of):
    assert verdict_of(FinewebQuality(), "\n".join(lines(4, end='."'))) == "few_sentences"
    assert verdict_of(FinewebQuality(), "\n".join(lines(4, end="。"))) is None


def test_blank_lines_are_not_duplicates(verdict_of):
    assert verdict_of(FinewebQuality(), "\n\n \n".join(lines(4))) is None


def test_the_number_of_the_paper_is_a_setting(verdict_of):
    text = "It rained all day long.\n" * 2 + LONG * 5 + "."  # 23 of 322 characters: 0.07
    assert verdict_of(FinewebQuality(), text) == "duplicate_lines"
    assert verdict_of(FinewebQuality(max_duplicate_characters=0.10), text) is None
