"""Gopher quality: a page for each rule, counted by hand, on both sides of its threshold."""

import pytest

from synth_dagster.methods.filter.gopher_quality import GopherQuality

PROSE = "the rain that fell and "  # 5 words of 3, 4, 4, 4, 3 letters; stop words: the, that, and


def page(words=50):
    """Prose of that many words on one line."""
    return " ".join((PROSE * words).split()[:words])


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        pytest.param(page(49), "too_few_words", id="49 words"),
        pytest.param(page(50), None, id="50 words"),
        pytest.param(page(100_000), None, id="100,000 words"),
        pytest.param(page(100_001), "too_many_words", id="100,001 words"),
        # (48 * 3 + 2 + 4) / 50 = 3.0 and (48 * 3 + 2 + 3) / 50 = 2.98
        pytest.param(" ".join(["the", "and"] * 24 + ["of", "that"]), None, id="mean length 3.0"),
        pytest.param(" ".join(["the", "and"] * 24 + ["of", "the"]), "short_words", id="mean length 2.98"),
        # (25 * 3 + 25 * 17) / 50 = 10; one letter more is 10.02
        pytest.param(" ".join(["the", "and"] * 12 + ["the"] + ["x" * 17] * 25), None, id="mean length 10"),
        pytest.param(" ".join(["the", "and"] * 12 + ["that"] + ["x" * 17] * 25), "long_words", id="mean length 10.02"),
        pytest.param(page(50) + " #" * 5, None, id="5 hashes for 50 words"),
        pytest.param(page(50) + " #" * 6, "hashes", id="6 hashes for 50 words"),
        pytest.param("… ... … … … " + page(50), None, id="5 ellipses for 50 words"),
        pytest.param("… ... … … … … " + page(50), "ellipses", id="6 ellipses for 50 words"),
        pytest.param("\n".join(["- " + page(6)] * 9 + [page(6)]), None, id="9 of 10 lines are bullets"),
        pytest.param("\n".join(["• " + page(6)] * 10), "bullet_lines", id="10 of 10 lines are bullets"),
        pytest.param("\n".join([page(20) + "..."] * 3 + [page(6)] * 7), None, id="3 of 10 lines end in an ellipsis"),
        pytest.param("\n".join([page(20) + "…"] * 4 + [page(6)] * 6), "ellipsis_lines", id="4 of 10 lines do"),
        pytest.param(page(40) + " 1234" * 10, None, id="40 of 50 words hold a letter"),
        pytest.param(page(40) + " 1234" * 11, "few_words_with_letters", id="40 of 51 words hold a letter"),
        pytest.param("rain " * 48 + "the with", None, id="two stop words"),
        pytest.param("rain " * 48 + "The the", "few_stop_words", id="one stop word twice"),
    ],
)
def test_default_thresholds(text, verdict, verdict_of):
    assert verdict_of(GopherQuality(), text) == verdict


def test_punctuation_is_no_word(verdict_of):
    assert verdict_of(GopherQuality(), page(49) + " -- !!! ...") == "too_few_words"


def test_contractions_and_compounds_are_two_words(verdict_of):
    # 46 words, do + n't, well + kept; the hyphen is a mark
    assert verdict_of(GopherQuality(), page(46) + " don't well-kept") is None
    assert verdict_of(GopherQuality(), page(45) + " don't well-kept") == "too_few_words"


def test_blank_lines_are_lines_as_in_the_official_code(verdict_of):
    # 10 bullets among 19 lines
    assert verdict_of(GopherQuality(min_words=1), "\n\n".join(["• " + page(6)] * 10)) is None


def test_line_breaks_of_every_kind_count_once(verdict_of):
    # 10 of 11 lines begin with a bullet: 0.909; with \r\n as two breaks they would be 10 of 21
    assert verdict_of(GopherQuality(), "\r\n".join(["- " + page(6)] * 10 + [page(6)])) == "bullet_lines"


def test_stop_words_are_a_setting_for_other_languages(verdict_of):
    text = "regen und wind " * 17
    assert verdict_of(GopherQuality(), text) == "few_stop_words"
    assert verdict_of(GopherQuality(stop_words=("und", "regen", "der")), text) is None


def test_a_page_of_many_blocks_has_the_numbers_of_the_whole(verdict_of):
    # 60,000 words in 3,000 lines are 300,000 characters, more than a block; nine lines of ten begin with a bullet
    text = "\n".join(("- " if number % 10 else "") + page(20) for number in range(3_000))
    assert verdict_of(GopherQuality(), text) is None
    assert verdict_of(GopherQuality(), "- " + text) == "bullet_lines"
