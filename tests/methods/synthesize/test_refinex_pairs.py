"""Pairs of RefineX: a pair's program gives the expert's page, and whoever learnt the pairs does as the expert."""

import asyncio
import random

import pytest

from synth_dagster.methods.refine.refinex import Refinex
from synth_dagster.methods.synthesize.refinex_pairs import RefinexPairs
from synth_dagster.parts.pages.edit_programs import Executed, Window, executed, read_program
from synth_dagster.records import Document, Instruction, digest
from synth_dagster.services import Drop
from tests.scripted_teacher.teacher import ScriptedTeacher

PAGE = "Home | About\nThe river [edit] rises in the hills.\nIt runs to the sea.\nAll rights reserved"
CLEAN = "The river rises in the hills.\nIt runs to the sea."
CALLS = ("remove_lines", "remove_str", "keep_all")


class Expert:
    """Gives the page that `cleaned` makes of what it is shown."""

    def __init__(self, cleaned):
        self.cleaned = cleaned

    def answer(self, request):
        return f"Noise goes.\n<page>\n{self.cleaned(request.tag('page'))}\n</page>"


def doc(body, **more):
    return Document(body=body, record_id=digest(body), **more)


def pairs(document, world, **settings):
    teacher = ScriptedTeacher(world)
    found = asyncio.run(RefinexPairs(**settings).synthesize(document, refiner=teacher))
    return found, len(teacher.requests)


def test_a_pair_is_the_prompt_of_the_trained_model_and_its_right_answer():
    document = doc(PAGE, title="Rivers")
    (found,), calls = pairs(document, Expert(lambda page: CLEAN))
    assert isinstance(found, Instruction) and calls == 1 and found.parents == (document,)
    assert [turn.role for turn in found.messages] == ["system", "user", "assistant"]
    assert found.response.split("\n") == [
        "remove_lines(line_start=0, line_end=0)",
        "remove_lines(line_start=3, line_end=3)",
        'remove_str(line=1, text="[edit] ")',
    ]
    assert found.model_id and found.attributes["edit_pair"] == {"first_line": 0, "deleted": 40, "skipped": 0}
    # 12 + 19 characters with their line breaks, and 7 of "[edit] ": 13 + 20 + 7


def test_whoever_learnt_the_pairs_cleans_as_the_expert_did():
    rng = random.Random(5)
    pages = [noisy(rng, number) for number in range(60)]
    learnt = {}
    for body, clean in pages:
        found, _ = pairs(doc(body), Expert(lambda page, clean=clean: clean), window_characters=5_000)
        learnt |= {tuple(turn.content for turn in one.messages[:-1]): one.response for one in found}

    class Student:
        def answer(self, request):
            return learnt[request.system, request.user]

    refine = Refinex(writes="program", window_characters=5_000)
    for body, clean in pages:
        cleaned = asyncio.run(refine.refine(doc(body), refiner=ScriptedTeacher(Student())))
        assert cleaned.body == clean


def noisy(rng, number):
    lines = [f"Line {number}.{place} tells of the river {rng.random()}." for place in range(6)]
    clean = "\n".join(lines)
    for noise in ("Home | About | Contact", "All rights reserved"):
        lines.insert(rng.randrange(len(lines) + 1), f"{noise} {rng.random()}")
    return "\n".join(lines), clean


def test_of_300_random_deletions_each_program_gives_the_experts_page():
    rng, skipped = random.Random(11), 0
    for number in range(300):
        words = [f"w{number}x{place}" for place in range(40)]
        lines = [words[at : at + 8] for at in range(0, 40, 8)]
        kept = [[word for word in line if rng.random() < 0.7] for line in lines if rng.random() < 0.8]
        body = "\n".join(" ".join(line) for line in lines)
        clean = "\n".join(" ".join(line) for line in kept if line)
        found, _ = pairs(doc(body), Expert(lambda page, clean=clean: clean), least_deletion=0, unchanged=True)
        if isinstance(found, Drop):
            assert not clean
            continue
        if found[0].attributes["edit_pair"]["skipped"]:
            skipped += 1
            continue
        program = read_program(found[0].response, Window(0, tuple(body.split("\n"))), CALLS)
        assert executed(body, program) == Executed(clean, 0)
    assert skipped < 30, "a piece such as '1 w' stands in a line twice now and then, and its line is left alone"


def test_planted_insertions_are_no_pairs():
    rng = random.Random(3)
    bodies = [noisy(rng, number) for number in range(50)]
    inserts = {body for number, (body, _) in enumerate(bodies) if number % 10 == 0}

    def cleaned(page):
        clean = dict(bodies)[page]
        return f"{clean}\nThis sentence was never on the page." if page in inserts else clean

    found = {body: pairs(doc(body), Expert(cleaned))[0] for body, _ in bodies}
    assert {body for body, one in found.items() if isinstance(one, Drop)} == inserts
    assert {one.reason for one in found.values() if isinstance(one, Drop)} == {"insertion"}


@pytest.mark.parametrize(
    ("cleaned", "settings", "reason"),
    [
        pytest.param(PAGE, {}, "nothing_deleted", id="nothing"),
        pytest.param(PAGE.replace("[edit] ", ""), {}, "little_deleted", id="seven characters"),
        pytest.param("</page><page>", {}, "nothing", id="everything"),
    ],
)
def test_what_teaches_nothing_is_dropped_with_its_reason(cleaned, settings, reason):
    found, _ = pairs(doc(PAGE), Expert(lambda page: cleaned), **settings)
    if reason == "nothing":
        assert found[0].response == "remove_lines(line_start=0, line_end=3)"
    else:
        assert isinstance(found, Drop) and found.reason == reason


def test_a_window_without_noise_is_a_pair_where_a_person_says_so():
    (found,), _ = pairs(doc(PAGE), Expert(lambda page: page), unchanged=True)
    assert found.response == "keep_all()"


def test_windows_that_fail_leave_the_others_their_pairs():
    lines = [f"Line {number} tells of the river.\nAll rights reserved" for number in range(10, 30)]

    class Moody:
        def answer(self, request):
            page = request.tag("page")
            if "Line 10" in page:
                return ""
            return "No tags." if "Line 29" in page else f"<page>\n{page.replace(NOISE, '')}\n</page>"

    found, calls = pairs(doc("\n".join(lines)), Moody(), window_characters=200, before_lines=1)
    assert len(found) == calls - 2 and all(NOISE.strip() not in one.response for one in found)
    assert [one.attributes["edit_pair"]["first_line"] for one in found] == sorted(
        one.attributes["edit_pair"]["first_line"] for one in found
    )


NOISE = "\nAll rights reserved"


def test_a_blank_page_asks_nobody():
    found, calls = pairs(doc("  \n "), Expert(lambda page: page))
    assert (found.reason, calls) == ("blank_document", 0)
