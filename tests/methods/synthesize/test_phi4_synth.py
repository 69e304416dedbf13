"""A passage becomes four kinds of material, which a critic scores and the writer improves, never to a lower score."""

import asyncio
from collections import Counter

import pytest

from synth_dagster.methods.synthesize.phi4_synth import Phi4Synth
from synth_dagster.records import Document
from synth_dagster.services import Call, Drop, Unusable
from tests.scripted_teacher.lessons import FLAW, LessonWorld, passages
from tests.scripted_teacher.teacher import ScriptedTeacher


def made_of(method, records, writer, critic=None):
    async def run():
        return await asyncio.gather(
            *(method.synthesize(one, writer=writer, critic=critic or writer) for one in records), return_exceptions=True
        )

    return asyncio.run(run())


def pieces(method, records, writer, critic=None):
    return [one for made in made_of(method, records, writer, critic) for one in made]


def test_a_passage_costs_four_drafts_and_a_judgment_of_each_piece():
    writer, critic = ScriptedTeacher(LessonWorld()), ScriptedTeacher(LessonWorld(), models=("critic",))
    made = pieces(Phi4Synth(), passages(), writer, critic)
    assert {one.status for one in made} == {"current"}
    # two key steps and three pieces of each of four passages
    assert (len(made), len(writer.requests), len(critic.requests)) == (4 * 5, 4 * 4, 4 * 5)
    assert Counter(one.attributes["technique"] for one in made)["qa_extraction"] == 8


def test_a_flawed_piece_costs_a_revision_and_another_judgment():
    writer, critic = ScriptedTeacher(LessonWorld(flawed=1.0)), ScriptedTeacher(LessonWorld(), models=("critic",))
    made = pieces(Phi4Synth(), passages(), writer, critic)
    assert {one.attributes["revisions"] for one in made} == {1}
    assert (len(writer.requests), len(critic.requests)) == (4 * 4 + 20, 2 * 20)
    assert all(one.attributes["rubric_scores"] == [3.0, 5.0] for one in made)


def test_of_planted_flaws_none_is_left_and_no_revision_lowers_the_score():
    world = LessonWorld(flawed=0.5, skill=0.7, worse=0.3)
    made = pieces(Phi4Synth(revisions=5), passages(40), ScriptedTeacher(world))
    current = [one for one in made if one.status == "current"]
    assert len(current) > 150 and not any(FLAW in one.text() for one in current)
    for one in made:
        standing = one.attributes["rubric_scores"][0]
        for score in one.attributes["rubric_scores"]:
            standing = max(standing, score)
        # what stands in the end scores as high as the best that was ever judged
        assert (standing >= 4) == (one.status == "current")


def test_without_revisions_what_is_flawed_goes():
    made = pieces(Phi4Synth(revisions=0), passages(20), ScriptedTeacher(LessonWorld(flawed=0.4)))
    assert all((one.reason == "low_score") == (FLAW in one.text()) for one in made)
    assert Counter(one.reason for one in made)["low_score"] > 10


def test_a_step_rests_on_words_that_stand_in_the_passage():
    made = pieces(Phi4Synth(techniques=("qa_extraction",)), passages(40), ScriptedTeacher(LessonWorld(invented=0.3)))
    reasons = Counter(one.reason for one in made)
    assert reasons.keys() == {None, "evidence_not_found"} and reasons["evidence_not_found"] > 10
    for one in (one for one in made if one.status == "current"):
        (span,), (passage,) = one.evidence, one.parents
        assert passage.body[span.start : span.end] == span.text


def test_a_discussion_is_a_conversation_of_several_turns():
    (made,) = made_of(Phi4Synth(techniques=("discussion",)), passages(1), ScriptedTeacher(LessonWorld()))
    assert [turn.role for turn in made[0].messages] == ["user", "assistant"] * 2


def test_no_more_steps_than_wanted_are_taken():
    made = pieces(Phi4Synth(techniques=("qa_extraction",), questions=1), passages(4), ScriptedTeacher(LessonWorld()))
    assert len(made) == 4


class Says(ScriptedTeacher):
    """A writer that gives a reply of its own for drafts, or for revisions alone."""

    def __init__(self, turns, *, only_revisions=False, world=None):
        super().__init__(world or LessonWorld())
        self.turns, self.only_revisions = turns, only_revisions

    async def ask(self, prompt, /, *, into, **given):
        reply = await super().ask(prompt, into=into, **given)
        if into.__name__ == "Turns" and ("critique" in given or not self.only_revisions):
            told = into.model_validate({"turns": [{"question": q, "answer": a} for q, a in self.turns]})
            told.answered_by(reply.call)
            return told
        return reply


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], "blank"),
        ([(" ", "An answer.")], "blank"),
        ([("Why?", " ")], "blank"),
        ([("Why?", passages(1)[0].body)], "copy_of_passage"),
    ],
)
def test_what_is_no_material_goes_without_a_critic(turns, reason):
    critic = ScriptedTeacher(LessonWorld())
    made = pieces(Phi4Synth(techniques=("exercise",)), passages(1), Says(turns), critic)
    assert [one.reason for one in made] == [reason] and critic.requests == []


def test_a_question_that_another_technique_asked_goes():
    made = pieces(Phi4Synth(techniques=("exercise", "reasoning")), passages(1), Says([("Why is it so?", "It is.")]))
    assert [one.reason for one in made] == [None, "repeated_question"]


def test_a_revision_that_is_none_leaves_the_draft():
    writer = Says([], only_revisions=True, world=LessonWorld(flawed=1.0))
    made = pieces(Phi4Synth(techniques=("exercise",)), passages(1), writer)
    assert [(one.reason, one.attributes["revisions"]) for one in made] == [("low_score", 0)]


class Refuses:
    models = ("scripted",)

    async def ask(self, prompt, /, **given):
        raise Unusable("refused", "No.", Call(bytes(16), "scripted", prompt.hash))


def test_a_writer_that_always_refuses_leaves_a_reject_and_a_critic_that_does_a_reason():
    assert all(isinstance(one, Unusable) for one in made_of(Phi4Synth(), passages(2), Refuses()))
    made = pieces(Phi4Synth(), passages(2), ScriptedTeacher(LessonWorld()), Refuses())
    assert {one.reason for one in made} == {"critique_refused"}


@pytest.mark.parametrize(
    ("task", "fault", "reason"),
    [
        ("questions", "broken_json", "unparsable"),
        ("turns", "truncation", "cut"),
        ("rubric", "broken_json", "critique_unparsable"),
    ],
)
def test_what_a_teacher_spoils_has_its_reason_and_the_rest_goes_on(task, fault, reason):
    made = pieces(Phi4Synth(), passages(12), ScriptedTeacher(LessonWorld(), faults={task: {fault: 0.3}}))
    reasons = Counter(one.reason for one in made)
    assert reasons.keys() == {None, reason}


@pytest.mark.parametrize(("body", "reason"), [(" \n", "blank_passage"), ("word " * 3_000, "too_long")])
def test_what_is_no_passage_is_dropped_before_anyone_is_asked(body, reason):
    writer = ScriptedTeacher(LessonWorld())
    (dropped,) = made_of(Phi4Synth(), [Document(body=body, record_id=b"d" * 16)], writer)
    assert isinstance(dropped, Drop) and dropped.reason == reason and writer.requests == []


def test_another_order_of_answers_changes_nothing():
    worlds = [LessonWorld(flawed=0.5, skill=0.6, invented=0.2) for _ in range(2)]
    plain = pieces(Phi4Synth(), passages(8), ScriptedTeacher(worlds[0]))
    late = pieces(Phi4Synth(), passages(8), ScriptedTeacher(worlds[1], jitter=7))
    assert [(one.content(), one.attributes, one.reason) for one in plain] == [
        (one.content(), one.attributes, one.reason) for one in late
    ]
