"""RefinedWeb's line rules, one line each, on every page alike."""

import json
from pathlib import Path

import pytest

from synth_dagster.methods.refine.refinedweb_lines import RefinedwebLines
from synth_dagster.services import Drop

LINE = "The river was high in spring and the bridge had to be closed for two days to all traffic."
PAGE = "\n".join([LINE] * 6)


@pytest.mark.parametrize(
    ("line", "bad"),
    [
        ("BUY NOW and save", False),  # 6 of 13 letters: .46
        ("BUY IT NOW or go", True),  # 8 of 12: .67
        ("12 345 678", True),
        ("12 345 - 6.7", False),  # marks are no digits
        ("\uff11\uff12 \u0663\u0664", True),
        ("ŁÓDŹ ŻÓŁĆ I ŚLĄSK", True),
        ("ΆΈΉΊ ΌΎΏ", True),
        ("中文 字", False),  # a script without capitals
        ("Sign\u00a0in to go on", True),
        ("12 345 km", False),
        ("3 likes", True),
        ("3 likes more", False),
        ("Home", True),
        ("Home page", False),
        ("Sign in to go on", True),
        ("sign-up now", True),
        ("Please sign in", False),
        ("Sign inside the box", False),
        ("To read more...", True),
        ("Read more about it", False),
        ("You have 3 items in cart", True),
        ("1 item in cart today", True),
    ],
)
def test_one_line_a_rule(line, bad):
    assert RefinedwebLines().is_bad(line) == bad


def test_the_rules_hold_on_the_second_page_as_on_the_first():
    # in the official code the patterns are used up after one page
    method = RefinedwebLines()
    page = f"{PAGE}\nSign in here"
    assert [method.cleaned(page), method.cleaned(page)] == [PAGE, PAGE]


def test_a_page_goes_when_more_than_a_twentieth_of_its_words_do():
    # 114 words: five bad ones are 4.2 % of 119, seven 5.8 % of 121
    method = RefinedwebLines()
    assert method.cleaned(f"{PAGE}\nSign in to go on") == PAGE
    assert method.cleaned(f"{PAGE}\nSign in to go on\nHome\nMenu") == Drop(
        "bad_lines", "7 of 121 words stand in lines that are no text"
    )


@pytest.mark.parametrize("text", ["", "\n\n", LINE, f"{LINE}\n\n{LINE}\n"])
def test_what_has_no_bad_line_stays_as_it_is(text):
    assert RefinedwebLines().cleaned(text) == text


# Lines of ours and whether they go, and pages with so many bad lines of five words and of one, and whether they go:
# written down from microsoft/RedStone's rules at e731748, with its patterns in a tuple.
RELEASED = json.loads((Path(__file__).parents[2] / "fixtures/redstone_verdicts.json").read_text("utf-8"))
# there "sign in" may be the beginning of a word, and there must be several items
OTHERWISE = {"Sign inside the box", "1 item in cart today"}


def test_lines_go_as_by_the_released_rules():
    lines = RELEASED["lines"]
    assert len(lines) == 62 and 20 < sum(goes for _, goes in lines) < 45
    assert {line for line, goes in lines if RefinedwebLines().is_bad(line) != goes} == OTHERWISE


@pytest.mark.parametrize(("fives", "ones", "goes"), RELEASED["shares"])
def test_pages_go_as_by_the_released_rules(fives, ones, goes):
    page = "\n".join([LINE] * 6 + ["Sign in to go on"] * fives + ["Home"] * ones)
    assert isinstance(RefinedwebLines().cleaned(page), Drop) == goes
