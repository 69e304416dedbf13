"""Questions stay where some of the solutions agree and some do not, with the answer that most of them give."""

import asyncio
from math import sqrt

import pytest

from synth_dagster.methods.refine.phi4_plurality import Phi4Plurality
from synth_dagster.records import Instruction, Message, digest
from synth_dagster.services import Answer, Call, Drop, Unusable
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.teacher import ScriptedTeacher


def question(number=0, answer="4"):
    asked = f"What are {number} and {4 - number}?"
    return Instruction.single(asked, f"The answer is: {answer}", record_id=digest("question", number, answer))


class Votes:
    """A writer whose answers end as they are told to; None refuses."""

    models = ("scripted",)

    def __init__(self, *answers):
        self.answers, self.asked = answers, 0

    async def tell(self, prompt, /, *, sample=0, **given):
        self.asked += 1
        call = Call(digest("call", sample), "scripted", prompt.hash)
        if self.answers[sample] is None:
            raise Unusable("refused", "No.", call)
        return Answer(f"Way {sample}.\nThe answer is: {self.answers[sample]}", "stop", call)


def refined(record, writer, **settings):
    return asyncio.run(Phi4Plurality(**settings).refine(record, writer=writer))


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        pytest.param("4 4 4 4 4 4 4 4", "too_easy", id="all agree"),
        pytest.param("1 2 3 4 5 6 7 8", "too_hard", id="all differ"),
        pytest.param("4 4 4 5 5 7 8 9", ("4", 3 / 8), id="three of eight"),
        pytest.param("5 4 4.0 5 7 4 8 9", ("4", 3 / 8), id="the same number in another form"),
        pytest.param("5 5 4 4 7 8 9 1", ("5", 2 / 8), id="the first of equals"),
        pytest.param("2x+2 2(x+1) x 1 2 3 5 7", ("2x+2", 2 / 8), id="formulas"),
    ],
)
def test_the_vote_decides(answers, outcome):
    writer = Votes(*answers.split())
    found = refined(question(), writer)
    assert writer.asked == 8  # calls for each question
    if isinstance(outcome, str):
        assert isinstance(found, Drop) and found.reason == outcome
        return
    answer, part = outcome
    assert found.attributes["plurality"] == {"answer": answer, "share": part}
    assert found.attributes["final_answer"] == answer and found.attributes["declared_answer"] == "4"
    first = answers.split().index(answer)
    assert found.response.startswith(f"Way {first}.") and found.call_id == digest("call", first)


class Right:
    """A world in which each answer is right with the same chance; wrong ones are all alike."""

    def __init__(self, chance):
        self.chance = chance

    def answer(self, request):
        return f"The answer is: {4 if share(request.key, 'right') < self.chance else 5}"


@pytest.mark.parametrize("chance", [0.9, 0.7])
def test_right_answers_at_rate_q_drop_q_to_the_eighth_as_too_easy(chance):
    writer, count = ScriptedTeacher(Right(chance)), 250
    found = [refined(question(number), writer) for number in range(count)]
    easy = sum(isinstance(one, Drop) and one.reason == "too_easy" for one in found) / count
    # .9^8 = .430, .7^8 = .058; all wrong, which is as easy, comes with .3^8 < .0001
    expected = chance**8 + (1 - chance) ** 8
    assert abs(easy - expected) < 3 * sqrt(expected * (1 - expected) / count)


def test_the_answer_of_most_replaces_a_declared_one_that_is_wrong():
    found = refined(question(answer="9"), Votes(*["4", "4", "4", "5", "5", "7", "8", "9"]))
    assert found.attributes["agrees_with_declared"] is False and found.attributes["declared_answer"] == "9"
    assert "The answer is: 4" in found.response


def test_a_question_without_an_answer_gets_one_and_earlier_turns_stay():
    turns = (Message("system", "Be brief."), Message("user", "Why?"), Message("assistant", "So."))
    record = Instruction(messages=(*turns, Message("user", "What are 2 and 2?")), record_id=b"q" * 16)
    found = refined(record, Votes(*["4", "4", "5", "6", "7", "8", "9", "1"]))
    assert found.messages[:4] == record.messages and found.messages[4].role == "assistant"
    assert "declared_answer" not in found.attributes


def test_answers_that_cannot_be_used_have_no_vote():
    found = refined(question(), Votes("4", "4", None, None, "5", None, "6", "7"))
    assert found.attributes["plurality"] == {"answer": "4", "share": 2 / 8}
    assert refined(question(), Votes("4", *[None] * 7)).reason == "too_hard"  # nobody agrees with it
    assert refined(question(), Votes(*[" "] * 8)).reason == "no_final_answer"
    with pytest.raises(Unusable):
        refined(question(), Votes(*[None] * 8))


@pytest.mark.parametrize(("asked", "reason"), [(" ", "blank_instruction"), ("word " * 2_001, "too_long")])
def test_what_is_no_question_is_dropped_before_anyone_is_asked(asked, reason):
    writer = Votes()
    found = refined(Instruction.single(asked, "4", record_id=b"q"), writer)
    assert isinstance(found, Drop) and found.reason == reason and writer.asked == 0
