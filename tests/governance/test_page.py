"""The page of records: nothing in a record can be more than words, and what a record rests on is marked."""

import re
from html.parser import HTMLParser

import pytest

from synth_dagster.governance.page import MOST_CHARACTERS, POLICY, Card, Section, Text, marked, page

EVIL = """</pre></style><script>alert(1)</script><img src=x onerror=alert(1)> & "quoted" 'so'"""


class Tags(HTMLParser):
    """Every tag of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_no_word_of_a_record_becomes_a_tag():
    card = Card(EVIL, {EVIL: EVIL}, [(EVIL, [Text(EVIL, EVIL, [(2, 20)]), Text("rationale", EVIL)])])
    found = Tags(page(EVIL, {EVIL: EVIL}, [Section(EVIL, EVIL, [card])]))
    assert {"script", "img"}.isdisjoint(found.tags)
    assert found.text.count("alert(1)") >= 2 * 8  # it stands there as words: in title, facts, headings and texts


def test_a_page_may_load_and_run_nothing():
    html = page("t", {}, [])
    assert f'content="{POLICY}"' in html
    assert POLICY.startswith("default-src 'none'") and "script-src" not in POLICY
    assert not re.search(r"(src|href)=\"(?!data:)", html)


def test_a_section_without_records_says_so():
    assert "Nothing to show." in page("t", {}, [Section("Not kept", "0 of 0", [])])


def test_evidence_is_marked_where_it_stands():
    assert marked("The heron eats <fish>.", [(4, 9), (15, 21)]) == (
        "The <mark>heron</mark> eats <mark>&lt;fish&gt;</mark>."
    )


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ([(0, 4), (2, 6)], "<mark>abcd</mark><mark>ef</mark>gh"),
        ([(6, 99)], "abcdef<mark>gh</mark>"),
        ([(5, 5), (7, 3), (-4, 2), (99, 100)], "abcdefgh"),
    ],
    ids=["overlapping", "beyond the end", "impossible"],
)
def test_marks_that_do_not_fit_do_no_harm(marks: list[tuple[int, int]], said: str):
    assert marked("abcdefgh", marks) == said


def test_of_a_long_text_the_part_around_its_evidence_is_shown():
    text = "x" * 10_000 + "HERE" + "y" * 10_000
    shown = marked(text, [(10_000, 10_004)])
    assert "<mark>HERE</mark>" in shown and shown.startswith("… x")
    assert len(shown) < MOST_CHARACTERS + 100
    assert f"and {20_004 - (10_000 - 300) - MOST_CHARACTERS:,} more characters" in shown
