"""A sample of pages is sorted by topic and format, whatever the order of the choices."""

import asyncio
import random

import pytest

from synth_dagster.methods.refine.weborganizer_labels import WeborganizerLabels
from synth_dagster.parts.pages.web_domains import FORMATS, TOPICS
from synth_dagster.records import Document, digest
from synth_dagster.services import Unusable
from tests.scripted_teacher.sorting import SortingWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

KNOWN = {
    f"This page is number {number} of many.": (list(TOPICS)[number % 24], list(FORMATS)[number * 7 % 24])
    for number in range(200)
}


def documents(**fields):
    return [Document(body=text, record_id=digest("page", text), **fields) for text in KNOWN]


def judged(records, teacher, **settings):
    async def run():
        return [await WeborganizerLabels(**settings).refine(record, judge=teacher) for record in records]

    return asyncio.run(run())


def told(record):
    return record.attributes.get("weborganizer")


def test_every_page_is_sorted_as_the_judge_knows_it():
    teacher = ScriptedTeacher(SortingWorld(KNOWN))
    found = judged(documents(), teacher, share=1)
    assert [(told(one)["topic"], told(one)["format"]) for one in found] == [
        ({topic: 1.0}, {form: 1.0}) for topic, form in KNOWN.values()
    ]
    assert len(teacher.requests) == 2 * len(KNOWN) and told(found[0])["judge"] == "scripted-2026"


def test_another_order_of_the_choices_changes_fewer_than_one_label_in_twenty():
    first = judged(documents(), ScriptedTeacher(SortingWorld(KNOWN)), share=1, seed=1)
    second = judged(documents(), ScriptedTeacher(SortingWorld(KNOWN)), share=1, seed=2)
    changed = [a for a, b in zip(first, second, strict=True) if told(a)["topic"] != told(b)["topic"]]
    assert len(changed) < 0.05 * len(first)


class FirstLetter:
    """A judge that always likes the first choice: what it says depends on the order alone."""

    def answer(self, request):
        return "A"


def test_a_judge_that_likes_a_letter_spreads_its_votes_over_labels():
    (one,) = judged(documents()[:1], ScriptedTeacher(FirstLetter()), share=1, votes=8)
    assert max(told(one)["topic"].values()) <= 0.5 and sum(told(one)["topic"].values()) == pytest.approx(1)


def test_a_share_is_drawn_by_record_and_costs_two_calls_for_each_vote():
    teacher = ScriptedTeacher(SortingWorld(KNOWN))
    records = documents()
    found = judged(records, teacher, share=0.3, votes=3)
    asked = [new for old, new in zip(records, found, strict=True) if new is not old]
    # binomial of 200 at .3: mean 60, deviation 6.5; within five of them
    assert 27 < len(asked) < 93 and len(teacher.requests) == len(asked) * 2 * 3


def test_the_judge_is_shown_the_address_and_no_more_than_it_may_read():
    teacher = ScriptedTeacher(FirstLetter())
    judged([Document(body="x" * 60_000, url="https://example.org/a", record_id=digest("long"))], teacher, share=1)
    page = teacher.requests[0].tag("page")
    assert page.startswith("https://example.org/a\n\nxxx") and len(page) == 50_000


class Silent:
    async def tell(self, prompt, **given):
        raise Unusable("refused", "")


class Babble:
    def __init__(self):
        self.rng = random.Random(1)

    def answer(self, request):
        return self.rng.choice(["It is about law, I think.", '{"topic": ', "Z", "法律", "C or D"])


def test_no_document_is_lost_by_what_a_judge_says():
    for teacher in (Silent(), ScriptedTeacher(Babble())):
        found = judged(documents()[:30], teacher, share=1)
        assert [told(one)["topic"] for one in found] == [{}] * 30
        assert [told(one)["topic_without"] for one in found] == [1] * 30
        assert [one.body for one in found] == [one.body for one in documents()[:30]]


def test_a_page_without_words_is_not_asked_about():
    teacher = ScriptedTeacher(FirstLetter())
    blank = Document(body=" \n", record_id=digest("blank"))
    assert judged([blank], teacher, share=1) == [blank] and not teacher.requests
