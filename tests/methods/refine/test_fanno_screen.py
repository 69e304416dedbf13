"""Padding and advertisements go before anything is paid for, and nothing else."""

import asyncio

import pytest

from synth_dagster.methods.refine.fanno_screen import FannoScreen
from synth_dagster.records import Document
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.paragraphs import ParagraphWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

GOOD = "The ferry crosses at noon. It has a bell of tin."
PADDED = "The ferry is good. The ferry is good. The ferry is good."
SELLING = "Buy now: the best ferry tickets. Call us for the offer of the week."


def screened(body, judge=None, **settings):
    judge = judge or ScriptedTeacher(ParagraphWorld())
    document = Document(body=body, record_id=b"d")
    kept = asyncio.run(FannoScreen(**settings).refine(document, judge=judge))
    return document, kept, [request.task for request in judge.requests]


def test_a_good_document_stays_as_it_is_and_costs_two_calls():
    document, kept, asked = screened(GOOD)
    assert kept is document and asked == ["padded", "advertisement"]


def test_padding_costs_one_call_and_an_advertisement_two():
    _, padded, asked = screened(PADDED)
    assert isinstance(padded, Drop) and padded.reason == "padded" and asked == ["padded"]
    _, selling, asked = screened(SELLING)
    assert isinstance(selling, Drop) and selling.reason == "advertisement" and asked == ["padded", "advertisement"]


def test_a_document_of_nothing_costs_none_and_a_long_one_is_shown_from_its_beginning():
    _, blank, asked = screened(" \n")
    assert isinstance(blank, Drop) and blank.reason == "blank_document" and asked == []
    judge = ScriptedTeacher(ParagraphWorld())
    screened(" ".join(f"word{number}" for number in range(9_000)), judge, shown_tokens=60)
    assert all(len(request.tag("text").split()) == 60 for request in judge.requests)


@pytest.mark.parametrize(("fault", "reason"), [("refusal", "refused"), ("broken_json", "unparsable")])
def test_a_verdict_that_cannot_be_read_is_a_reject(fault, reason):
    with pytest.raises(Unusable, match=reason):
        screened(GOOD, ScriptedTeacher(ParagraphWorld(), faults={"padded": {fault: 1.0}}))
