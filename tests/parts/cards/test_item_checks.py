"""Facts are corrected by the pages that speak of them, labels by programs that say the same, and nothing else."""

import asyncio

import pytest

from synth_dagster.parts.cards.item_checks import Item, by_pages, by_program, pages_from
from synth_dagster.services import Limits, Ran, Unusable

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


class Programs:
    """A writer, a judge and a sandbox at once: what each program prints, in order; None where it fails."""

    def __init__(self, *prints):
        self.prints, self.asked = prints, []

    async def ask(self, prompt, /, *, into, sample=0, **given):
        self.asked.append(into.__name__)
        return into(program=str(sample)) if into.__name__ == "Program" else into(same=False)

    async def run(self, program, /, **_):
        said = self.prints[int(program.split()[0])]
        return Ran("failed", errors="it broke") if said is None else Ran("finished", f"\nthe result is: {said}\n")


@pytest.mark.parametrize(
    ("prints", "label", "tried", "agrees"),
    [
        pytest.param(("5",), "5", 1, True, id="it agrees"),
        pytest.param(("7", "5"), "5", 2, True, id="the second one agrees: the first was wrong"),
        pytest.param(("7", "7"), "7", 2, False, id="two say the same"),
        pytest.param((None, "7", "8", "7"), "7", 4, False, id="two of three that ran"),
        pytest.param(("7", "8", "9", None), "7", 4, False, id="none says the same as another"),
    ],
)
def test_a_label_goes_where_two_programs_say_the_same_or_the_attempts_are_over(prints, label, tried, agrees):
    known = Programs(*prints)
    found = asyncio.run(by_program(Item("2 + 3?", "5"), known, known, known, attempts=4, limits=Limits()))
    assert found.item.label == label
    assert (found.facts["attempts"], found.facts["agrees"]) == (tried, agrees)
    # what a program before it said already is not put to the judge again
    assert known.asked.count("SameAnswer") == len({one for one in prints[:tried] if one not in (None, "5")})


def test_without_a_program_that_runs_a_label_stays():
    known = Programs(None, None)
    found = asyncio.run(by_program(Item("2 + 3?", "5"), known, known, known, attempts=2, limits=Limits()))
    assert found.item.label == "5" and found.facts == {"attempts": 2, "error": "program_failed"}
