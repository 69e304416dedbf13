"""Pairs are copied out of a page; what a model adds is refused; one call a page."""

import asyncio
import random

import pytest

from synth_dagster.methods.synthesize.redstone_qa import Pair, Pairs, RedstoneQa
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop, Unusable

PAGE = Document(
    body="Exam on rivers, spring term\n\n1. Which river runs through Corran?\na) the Pell\nb) the Sulmar\nc) the Weir\n"
    "d) none of them\nAnswer: b) the Sulmar. It rises in the hills and flows past the mill.\n\nPrint this page | Home",
    record_id=digest("page"),
)
QUESTION = "Which river runs through Corran?\na) the Pell\nb) the Sulmar\nc) the Weir\nd) none of them"
ANSWER = "b) the Sulmar. It rises in the hills and flows past the mill."


class Copyist:
    """Writes what it is told to, and counts."""

    def __init__(self, *pairs):
        self.pairs, self.calls = pairs, 0

    async def ask(self, prompt, /, *, into, sampling, page):
        self.calls += 1
        return Pairs(items=[Pair(exact_question=question, exact_answer=answer) for question, answer in self.pairs])


def made(teacher, page=PAGE, **settings):
    return asyncio.run(RedstoneQa(**settings).synthesize(page, writer=teacher))


def test_a_faithful_copy_is_kept_with_its_page_and_the_words_it_rests_on():
    teacher = Copyist((QUESTION, ANSWER))
    (found,) = made(teacher)
    assert (found.instruction, found.response, found.status) == (QUESTION, ANSWER, "current")
    assert [one.record_id for one in found.parents] == [PAGE.record_id] and found.evidence[0].text == ANSWER
    assert teacher.calls == 1


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ((QUESTION, "The Weir, since everybody in Corran says so."), "not_in_page"),
        (("What is the capital of the valley?", ANSWER), "not_in_page"),
        ((QUESTION, " "), "half_a_pair"),
        (("", ANSWER), "half_a_pair"),
    ],
)
def test_what_does_not_stand_in_the_page_is_eliminated(pair, reason):
    first, second = made(Copyist((QUESTION, ANSWER), pair))
    assert (first.status, second.status, second.reason) == ("current", "eliminated", reason)


def test_a_question_is_kept_once():
    assert [one.reason for one in made(Copyist((QUESTION, ANSWER), (QUESTION, ANSWER)))] == [None, "asked_before"]


WORDS = [
    f"{first}{last}" for first in ("bal", "cor", "den", "fen", "gal", "hol") for last in ("a", "en", "ik", "ost", "ul")
]


def sentence(rng, words, count):
    return " ".join(rng.choices(words, k=count)).capitalize() + "."


def test_of_a_hundred_invented_sentences_none_passes_and_of_a_hundred_copies_all():
    rng = random.Random(4)
    others = [word[::-1] + "x" for word in WORDS]
    for _ in range(100):
        answer = [sentence(rng, WORDS, rng.randint(5, 20)) for _ in range(rng.randint(1, 30))]
        page = Document(body=f"What is it? {' '.join(answer)} The end.", record_id=digest("p"))
        assert [one.status for one in made(Copyist(("What is it?", " ".join(answer))), page)] == ["current"]
        answer.insert(rng.randint(0, len(answer)), sentence(rng, others, rng.randint(10, 25)))
        assert isinstance(made(Copyist(("What is it?", " ".join(answer))), page), Drop)


def test_a_page_without_pairs_is_a_drop_with_what_was_said():
    found = made(Copyist())
    assert isinstance(found, Drop) and (found.reason, found.detail) == ("no_pair", "0 pairs were written")
    teacher = Copyist()
    assert made(teacher, Document(body=" \n")) == Drop("blank_page") and teacher.calls == 0


def test_an_answer_that_cannot_be_used_goes_to_the_runner():
    class Refuses:
        async def ask(self, prompt, /, **given):
            raise Unusable("refused", "no")

    with pytest.raises(Unusable):
        made(Refuses())
