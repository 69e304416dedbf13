"""Documents of raw HTML become text with formulas; others stay."""

import asyncio

from synth_dagster.methods.refine.redstone_extract import RedstoneExtract
from synth_dagster.records import Document
from synth_dagster.services import Drop
from tests.parts.text.test_html_formulas import PAGE


def refined(body):
    return asyncio.run(RedstoneExtract().refine(Document(body=body)))


def test_a_page_becomes_text_and_says_what_it_held():
    found = refined(PAGE.format('<script type="math/tex">\\frac{-b}{2a}</script>'))
    assert "$\\frac{-b}{2a}$" in found.body and "<p>" not in found.body
    assert found.attributes["redstone"] == {"formulas": 1, "code": 0}


def test_what_is_no_html_stays_and_a_page_of_nothing_is_dropped():
    plain = Document(body="If a < b and b > c, then ...")
    assert asyncio.run(RedstoneExtract().refine(plain)) is plain
    assert refined("<html><body></body></html>") == Drop("no_main_text")
