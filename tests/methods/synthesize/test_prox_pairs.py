"""Pairs of ProX: the rule's calls, programs without an error, and the prompts by which `prox` asks."""

import asyncio

import pytest
from pydantic import ValidationError

from synth_dagster.methods.refine.prox import Prox
from synth_dagster.methods.synthesize.prox_pairs import ProxPairs
from synth_dagster.records import Document, digest
from synth_dagster.services import Call, Drop
from tests.scripted_teacher.teacher import ScriptedTeacher

PAGE = (
    "Home | About\nThe river rises in the hills and runs for ninety miles to the sea.\nIt is slow.\nAll rights reserved"
)
PROGRAM = "remove_lines(line_start=0, line_end=0)\nremove_lines(line_start=3, line_end=3)"


class Large:
    """Scores a page and writes a program for each of its windows."""

    def __init__(self, educational=4, clean=3, program=PROGRAM):
        self.scores, self.program = {"educational": educational, "clean": clean}, program

    def answer(self, request):
        return self.program


class Asked(ScriptedTeacher):
    """A teacher that gives the scores of its world where it is asked for some."""

    def __init__(self, world):
        super().__init__(world)
        self.scored = 0

    async def ask(self, prompt, /, *, into, **given):
        self.scored += 1
        reply = into.model_validate(self.worlds[0].scores)
        reply.answered_by(Call(digest("scores", given["document"]), "scripted", prompt.hash))
        return reply


def doc(body=PAGE):
    return Document(body=body, record_id=digest(body), title="Rivers")


def pairs(world, document=None, **settings):
    teacher = Asked(world)
    found = asyncio.run(ProxPairs(**settings).synthesize(document or doc(), refiner=teacher))
    return found, teacher.scored + len(teacher.requests)


def test_36_pairs_of_scores_give_the_calls_of_the_rule():
    kept = set()
    for educational in range(6):
        for clean in range(6):
            ((found, *_), _) = pairs(Large(educational, clean), chunks=False)
            assert found.response in ("keep_doc()", "drop_doc()")
            kept |= {(educational, clean)} if found.response == "keep_doc()" else set()
    # three points and more in whatever state: 3 * 6; two points where it is clean by four and five
    assert kept == {(e, c) for e in (3, 4, 5) for c in range(6)} | {(2, 4), (2, 5)}


def test_a_page_that_stays_has_its_windows_and_one_that_goes_has_none():
    (whole, window), calls = pairs(Large())
    assert (whole.response, window.response, calls) == ("keep_doc()", PROGRAM, 2)
    assert whole.attributes["edit_pair"] == {"educational": 4, "clean": 3}
    assert window.attributes["edit_pair"] == {"first_line": 0} and all(
        one.parents == (doc(),) for one in (whole, window)
    )
    (only,), calls = pairs(Large(educational=0))
    assert (only.response, calls) == ("drop_doc()", 1)


def test_the_first_turns_are_those_that_prox_sends():
    asked = []

    class Listens(Large):
        def answer(self, request):
            asked.append((request.system, request.user))
            return "keep_doc()" if request.tag("document") else self.program

    asyncio.run(Prox().refine(doc(), refiner=ScriptedTeacher(Listens())))
    found, _ = pairs(Large())
    assert [tuple(turn.content for turn in one.messages[:-1]) for one in found] == asked


@pytest.mark.parametrize(
    ("program", "right"),
    [
        pytest.param("keep_chunk()", "keep_chunk()", id="nothing to do"),
        pytest.param('normalize("slow", "")', 'normalize(source_str="slow", target_str="")', id="in the one form"),
        pytest.param("remove_lines(0, 9)", None, id="lines that were not shown"),
        pytest.param('normalize("fast", "")', None, id="a string that is not there"),
        pytest.param('remove_str(1, "slow")', None, id="another method's operation"),
        pytest.param("I would remove line 0.", None, id="no call"),
    ],
)
def test_a_program_with_an_error_is_no_pair(program, right):
    found, _ = pairs(Large(program=program), documents=False)
    if right is None:
        assert isinstance(found, Drop) and (found.reason, found.detail) == ("wrong_program", "wrong_program 1")
    else:
        assert [one.response for one in found] == [right]


def test_a_blank_page_asks_nobody_and_a_step_that_makes_nothing_is_refused():
    found, calls = pairs(Large(), doc(" \n"))
    assert (found.reason, calls) == ("blank_document", 0)
    with pytest.raises(ValidationError, match="makes no pair"):
        ProxPairs(documents=False, chunks=False)
