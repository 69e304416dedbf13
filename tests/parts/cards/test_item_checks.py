"""Facts are corrected by the pages that speak of them, and by no others."""

import asyncio

import pytest

from synth_dagster.parts.cards.item_checks import Item, by_pages, pages_from
from synth_dagster.services import Unusable

PAGES = pages_from(
    [
        {"title": "Lisbon", "text": "Lisbon is the capital of Portugal."},
        {"title": "lisbon", "text": "A second page."},
        {"title": "Nothing", "text": " "},
        {"text": "no title"},
    ]
)
ITEM = Item("What is the capital of Portugal?", "Porto")


class Checks:
    """A judge that names what it is told to, and corrects by the pages that it is shown."""

    def __init__(self, *names, confirms=True, fails=""):
        self.names, self.confirms, self.fails, self.shown = names, confirms, fails, []

    async def ask(self, prompt, /, *, into, **given):
        if into.__name__ == self.fails:
            raise Unusable("refused", "")
        self.shown.append(given)
        if into.__name__ == "Named":
            return into(entities=list(self.names))
        told = ITEM.label if self.confirms else "Lisbon"
        return into(correct=self.confirms, text=ITEM.text, label=told)


def checked(judge):
    return asyncio.run(by_pages(ITEM, judge, PAGES))


def test_pages_are_found_by_their_titles():
    assert PAGES == {"lisbon": "Lisbon is the capital of Portugal."}


def test_what_contradicts_a_page_is_corrected():
    found = checked(Checks("LISBON", "Paris", confirms=False))
    assert found.item == Item(ITEM.text, "Lisbon") and found.facts == {"pages": ["lisbon"], "corrected": True}


def test_what_a_page_confirms_stays():
    found = checked(Checks("Lisbon"))
    assert found.item == ITEM and found.facts == {"pages": ["lisbon"], "corrected": False}


@pytest.mark.parametrize("names", [(), ("Porto",), ("a", "b", "c", "Lisbon")])
def test_without_a_page_nobody_is_asked_to_confirm(names):
    judge = Checks(*names)  # the fourth name is one too many
    assert checked(judge).facts == {"pages": []} and len(judge.shown) == 1


@pytest.mark.parametrize("fails", ["Named", "Confirmed"])
def test_a_judge_that_refuses_leaves_the_item(fails):
    found = checked(Checks("Lisbon", fails=fails))
    assert found.item == ITEM and found.facts["error"] == "refused"
