"""Two releases as a page: what has changed stands on it, nothing runs on it, and no name is more than text."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from synth_dagster.governance.diff import Change, diff
from synth_dagster.governance.diff_page import diff_page
from synth_dagster.governance.page import POLICY
from synth_dagster.lake.lake import Lake
from synth_dagster.records import digest
from tests.governance.test_diff import AFTER, BEFORE, publish

EVIL = "<img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    """The tags of a page with their attributes, and its words."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    lake = Lake.open(tmp_path_factory.mktemp("diff") / "lake")
    publish(lake, "r0001", BEFORE, words=4, licence="MIT")
    publish(lake, "r0002", AFTER, words=6, licence="CC0-1.0", mix="m2")
    return diff(lake, "demo", "r0001", "r0002")


def rows_of(html, section):
    """The cells of a section, row by row."""
    (body,) = re.findall(rf'<section id="{section}".*?</section>', html, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [[re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td.*?</td>", row)] for row in rows]


def test_what_has_changed_stands_on_it(found):
    html = diff_page(found)
    assert "demo: r0001 → r0002" in html and "The rules of the mix are others." in html
    goes = digest("goes").hex()[:12]
    assert ["kept", "dropped by minhash:duplicate", goes, "1"] in rows_of(html, "verdicts")
    # tokens of the kept records: 10 + 20 + 40 and 10 + 30 + 50; (90 - 70) / 70 = 28.6 %
    assert ["tokens", "70", "90", "+28.6%"] in rows_of(html, "measured")
    assert ["rules__words", "4", "6", "+50.0%"] in rows_of(html, "measured")
    assert ["CC0-1.0", "0", "0.0%", "3", "100.0%"] in rows_of(html, "shares")
    assert ["added", "notes:r0002", "1"] in rows_of(html, "batches")
    assert ["judged", "6", "6", "-"] in rows_of(html, "measured")
    assert ["state", "accepted", "accepted"] in rows_of(html, "releases")


def test_nothing_is_loaded_and_nothing_runs(found):
    page = Elements(diff_page(found))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "object", "base"}
    assert ("meta", POLICY) in [(tag, attributes.get("content")) for tag, attributes in page.tags]
    assert all(attributes["href"].startswith("#") for tag, attributes in page.tags if tag == "a")


def test_no_name_is_more_than_text(found):
    evil = replace(
        found,
        before=dict(found.before) | {"release": EVIL, "recipe": EVIL},
        changes=[Change(EVIL, EVIL, 1, [EVIL])],
        shares={"source": {EVIL: (1, 2)}},
        signals={EVIL: (1.0, 2.0)},
        batches={"added": [EVIL], "removed": [], "changed": []},
        unread=[EVIL],
    )
    page = Elements(diff_page(evil))
    assert "img" not in {tag for tag, _ in page.tags} and sum(EVIL in words for words in page.words) >= 8
    assert [attributes for tag, attributes in page.tags if any(name.startswith("on") for name in attributes)] == []


def test_a_release_beside_itself_is_the_same_to_the_byte(found):
    same = replace(found, same_bytes=True, same_rules=True, changes=[])
    words = Elements(diff_page(same)).words
    assert "The same records, to the byte." in words and "The rules are the same." in words


def test_a_long_comparison_is_cut_and_says_so(found):
    many = {f"forum {number}": (1, 1) for number in range(50_000)}
    batches = {"added": list(many), "removed": [], "changed": []}
    html = diff_page(replace(found, shares={"source": many}, batches=batches))
    # of 50,000 a table shows 40, a list 10
    assert len(html) < 100_000 and "and 49,960 more" in html and "and 49990 more" in html
