"""C4 rules: a line or a page for each, on both sides of its threshold."""

import asyncio

import pytest

from synth_dagster.methods.refine.c4_quality import C4Quality, sentences
from synth_dagster.records import Document
from synth_dagster.services import Drop

FIVE = "It rained. We stayed in. She read a book. He slept. Then they left."


@pytest.mark.parametrize(
    ("line", "left"),
    [
        pytest.param("two words", None, id="2 words"),
        pytest.param("three words here", "three words here", id="3 words"),
        pytest.param("of " * 3 + "x" * 1000, "of " * 3 + "x" * 1000, id="a word of 1,000 characters"),
        pytest.param("of " * 3 + "x" * 1001, None, id="a word of 1,001 characters"),
        pytest.param("Please enable JavaScript in your browser", None, id="javascript"),
        pytest.param("Read our Privacy Policy before you go", None, id="policy"),
        pytest.param("We bake cookies every single day", "We bake cookies every single day", id="cookies to eat"),
        pytest.param("This site uses cookies to know you", None, id="cookies not to eat"),
        pytest.param("  As shown [12] there [edit] and [citation needed] here ", "As shown  there  and  here", id="["),
        pytest.param(
            r"In Markdown\[3\] a bracket \[edit\] is escaped", "In Markdown a bracket  is escaped", id="escaped"
        ),
        pytest.param(r"A formula \[x\] and \[\] are none", r"A formula \[x\] and \[\] are none", id="formulas"),
    ],
)
def test_lines_that_go_and_lines_that_stay(line, left):
    assert C4Quality().clean(f"{FIVE}\n{line}") == (FIVE if left is None else f"{FIVE}\n{left}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("It rained. We stayed in. She read a book. He slept.", "too_few_sentences", id="4 sentences"),
        pytest.param(FIVE + "\nLorem Ipsum dolor sit", "lorem_ipsum", id="filler"),
        pytest.param(FIVE + "\nif it rains { stay }", "curly_bracket", id="code"),
        pytest.param("", "too_few_sentences", id="nothing"),
        pytest.param("12 34 56\n" * 4, "too_few_sentences", id="numbers only"),
        pytest.param("人人生而自由 " * 5, "too_few_sentences", id="one line of a script without blanks"),
    ],
)
def test_pages_that_are_dropped(text, reason):
    assert C4Quality().clean(text) == Drop(reason)


def test_a_curly_bracket_in_a_line_that_goes_anyway_drops_nothing():
    assert C4Quality().clean(f"{FIVE}\nfunction(){{") == FIVE


def test_what_must_end_a_line_is_a_setting():
    text = f"{FIVE}\nhere is no end to it\nand here it trails off...\nHere it ends."
    assert C4Quality(terminal_punctuation=True).clean(text) == f"{FIVE}\nHere it ends."


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("One. Two! Three? Four", 4),
        ('He said "No." Then he left.', 2),
        ("Mr. Smith came, i.e. he was here.", 1),
        ("Wait... what is 3.14 for? Nothing", 2),
        ("J. Smith of the U.S. came. He left", 2),
        ("It stands there (since spring). They came [all of them]. He left", 3),
        ("They didn't. We don't. You can't", 3),
        ("It was late . Then they left", 2),
        ("Is it so? — ", 1),
        ("", 1),
    ],
)
def test_sentences(line, count):
    assert sentences(line) == count


def test_a_page_without_bad_lines_stays_the_record_that_it_is():
    page = Document(body=FIVE)
    assert asyncio.run(C4Quality().refine(page)) is page
    changed = asyncio.run(C4Quality().refine(Document(body=FIVE + "\nHome")))
    assert isinstance(changed, Document) and changed.body == FIVE


@pytest.mark.parametrize("piece", ["a.", ". ", "!", ").", "e.g. ", ".+", "- ", "(", "Mr. ? "])
def test_signs_without_end_are_read_once(piece):
    # a search that begins anew at each sign would take hours
    assert sentences(piece * (300_000 // len(piece)) + " x") >= 1
