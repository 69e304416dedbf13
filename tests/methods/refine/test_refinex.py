"""RefineX: whatever is answered, the new text is the old one with characters left out."""

import asyncio
import random

import pytest

from synth_dagster.methods.refine.refinex import Refinex
from synth_dagster.parts.pages.edit_programs import is_subsequence
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.teacher import ScriptedTeacher

PAGE = "Home | About\nThe river [edit] rises in the hills.\nIt runs to the sea.\nAll rights reserved"
CLEAN = "The river rises in the hills.\nIt runs to the sea."


class Expert:
    """Gives the page that `cleaned` makes of what it is shown."""

    def __init__(self, cleaned):
        self.cleaned, self.seen = cleaned, []

    def answer(self, request):
        self.seen.append(request)
        return f"Noise goes.\n<page>\n{self.cleaned(request.tag('page'))}\n</page>"


def doc(body, **more):
    return Document(body=body, record_id=digest(body), **more)


def refined(document, world, **settings):
    return asyncio.run(Refinex(**settings).refine(document, refiner=ScriptedTeacher(world)))


def test_an_experts_deletions_are_executed():
    document = doc(PAGE)
    found = refined(document, Expert(lambda page: CLEAN))
    assert found.body == CLEAN and found.parents == (document,) and found.model_id is None
    assert found.attributes["refinex"]["program"].split("\n") == [
        "remove_lines(line_start=0, line_end=0)",
        "remove_lines(line_start=3, line_end=3)",
        'remove_str(line=1, text="[edit] ")',
    ]


def test_a_correction_is_not_learnt():
    page = PAGE.replace("hills", "hils")
    found = refined(doc(page), Expert(lambda _: CLEAN))  # writes "hills"
    assert found.body == CLEAN.replace("hills", "hils")


@pytest.mark.parametrize("characters", [19, 20])
def test_a_long_insertion_is_refused_and_noted(characters):
    found = refined(doc(PAGE), Expert(lambda page: f"{CLEAN}{'!' * characters}"))
    refused = characters >= 20
    assert found.body == (PAGE if refused else CLEAN)
    assert found.attributes["refinex"].get("left_alone") == ({"insertion": 1} if refused else None)


@pytest.mark.parametrize(("gone", "edited"), [("123456789", False), ("1234567890", True)])
def test_less_than_ten_characters_are_nothing(gone, edited):
    document = doc(f"It runs {gone} to the sea.")
    found = refined(document, Expert(lambda page: page.replace(gone, "")))
    assert (found is not document) == edited


def test_a_model_may_write_the_program_itself():
    class Writes:
        def answer(self, request):
            return 'remove_lines(0, 0)\nremove_str(1, " [edit]")\nnormalize("sea", "lake")'

    found = refined(doc(PAGE), Writes(), writes="program")
    assert found.body == "The river rises in the hills.\nIt runs to the sea.\nAll rights reserved"
    assert found.attributes["refinex"]["errors"] == 1  # a replacement is no operation of this method


def test_windows_share_no_line_and_are_shown_what_came_before():
    lines = [f"Line {number} tells of the river." for number in range(30)]
    world = Expert(lambda page: "\n".join(line for line in page.split("\n") if not line.startswith("Line 1")))
    # 26 or 27 characters and a line break: seven lines fit into 200
    found = refined(doc("\n".join(lines)), world, window_characters=200, before_lines=2)
    assert found.body == "\n".join(line for line in lines if not line.startswith("Line 1"))
    shown = [line for request in world.seen for line in request.tag("page").split("\n")]
    assert shown == lines
    assert world.seen[0].tag("before") == "" and world.seen[1].tag("before") == "\n".join(lines[5:7])


def test_answers_that_are_no_page_leave_the_window_alone():
    class Chats:
        def answer(self, request):
            return "This page is fine." if "river" in request.tag("page") else "<page>\n</page>"

    document = doc(f"{PAGE}\n" + "Read more\n" * 30)
    found = refined(document, Chats(), window_characters=200)
    assert found.attributes["refinex"]["left_alone"] == {"no_page": 1}
    assert "river" in found.body and found.body.count("Read more") < 30


def test_what_cannot_be_used_is_a_reject_only_if_nothing_else_came():
    with pytest.raises(Unusable):
        asyncio.run(
            Refinex().refine(doc(PAGE), refiner=ScriptedTeacher(Expert(str), faults={"completion": {"refusal": 1.0}}))
        )
    cut = ScriptedTeacher(Expert(lambda page: CLEAN), faults={"completion": {"truncation": 1.0}})
    found = asyncio.run(Refinex().refine(doc(PAGE), refiner=cut))
    assert found.body == PAGE and found.attributes["refinex"]["left_alone"] == {"cut": 1}


def test_nothing_is_dropped_and_a_line_without_end_is_left_alone():
    assert refined(doc(" \n "), Expert(str)) == Drop("blank_document")
    assert refined(doc(PAGE), Expert(lambda page: "")) == Drop("nothing_left")
    world = Expert(str)
    found = refined(doc("word " * 5_000), world)
    assert found.attributes["refinex"]["left_alone"] == {"long_line": 1} and world.seen == []


def test_a_hallucinating_expert_adds_nothing_to_any_document():
    """A tenth of the answers has an insertion of 20 characters or more; those and no others are refused."""
    invented = set()

    class Hallucinates(Expert):
        def answer(self, request):
            clean = "\n".join(line for line in request.tag("page").split("\n") if not line.startswith("Share"))
            if share(request.key, "insertion") < 0.1:
                invented.add(clean.split("\n")[0])
                clean += " And then there came a dragon."
            return f"<page>\n{clean}\n</page>"

    rng = random.Random(5)
    for number in range(200):
        lines = [f"Document {number}."] + [
            rng.choice(["It runs to the sea.", "Share this on Friendbook"]) for _ in range(8)
        ]
        document = doc("\n".join([*lines, "Share this page"]))
        found = refined(document, Hallucinates(str))
        assert is_subsequence(found.body, document.body)
        refused = found.attributes.get("refinex", {}).get("left_alone") == {"insertion": 1}
        assert refused == (lines[0] in invented)
        assert refused == ("Share" in found.body) and "dragon" not in found.body
    assert len(invented) > 5
