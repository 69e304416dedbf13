"""One batch of a row stage: what it is made from, when it is current, and what a bad day leaves behind."""

import pytest

from synth_dagster.errors import LakeError, MethodError, TeacherError, UnknownName
from synth_dagster.method import Filter, Synthesizer
from synth_dagster.methods.synthesize import grounded_qa
from synth_dagster.prompt import Prompt
from synth_dagster.recipe.makeup import differences
from synth_dagster.recipe.wording import prompts_of
from synth_dagster.records import Document, Instruction
from synth_dagster.runner.current import is_settled
from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.services import needs_teacher, wanted
from synth_dagster.runner.stage import run_stage
from synth_dagster.services import Embedder, References, Teacher, role_of
from tests.assets.project import LINES, ONLY_CORPUS, TAUGHT, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

BATCH = "notes:start"


def planned(by_hand, recipe=ONLY_CORPUS, lines=LINES, **more):
    hand = by_hand(recipe, **more)
    hand.project.deliver(lines)
    plan_batches(hand.context)
    return hand


def test_records_of_a_delivery_are_roots_with_the_terms_of_their_source(by_hand):
    hand = planned(by_hand)
    hand.accepted(run_stage(hand.context, "seed_corpus", BATCH))
    for row in hand.project.rows("seed_corpus"):
        assert (row["parents"], row["synthetic_depth"], row["human_share"]) == ([], 0, 1.0)
        assert (row["license"], row["lang"], row["source"], row["run_id"]) == ("CC0-1.0", "en", "notes", "by-hand")


def test_equal_texts_in_two_places_are_two_records_of_one_content(by_hand):
    hand = planned(by_hand, lines=[LINES[0], LINES[0]])
    hand.accepted(run_stage(hand.context, "seed_corpus", BATCH))
    rows = hand.project.rows("seed_corpus")
    assert len({row["record_id"] for row in rows}) == 2 and len({row["content_hash"] for row in rows}) == 1


def test_the_same_delivery_in_another_project_has_the_same_version(by_hand, tmp_path_factory):
    one = planned(by_hand)
    other = ByHand(small_project(tmp_path_factory.mktemp("other") / "q", ONLY_CORPUS, Programs(EchoTeacher())))
    other.project.deliver(LINES)
    plan_batches(other.context)
    versions = {run_stage(hand.context, "seed_corpus", BATCH).candidate.data_version for hand in (one, other)}
    assert len(versions) == 1


def test_what_is_current_is_not_made_again_and_settled_only_when_its_gate_passed(by_hand):
    hand = planned(by_hand)
    first = run_stage(hand.context, "seed_corpus", BATCH)
    assert first.made and not is_settled(hand.context, "seed_corpus", BATCH)
    again = run_stage(hand.context, "seed_corpus", BATCH)  # as after a crash before the gate
    assert not again.made and again.candidate.candidate_id == first.candidate.candidate_id
    hand.accepted(first)
    assert is_settled(hand.context, "seed_corpus", BATCH)
    hand.lake.meta.record_gate(first.candidate.candidate_id, passed=False, suite="edited", checks=[])
    assert not is_settled(hand.context, "seed_corpus", BATCH)


def test_an_edited_prompt_makes_a_batch_stale_and_records_name_the_text_that_made_them(by_hand, monkeypatch):
    hand = planned(by_hand, TAUGHT)
    hand.accepted(run_stage(hand.context, "seed_corpus", BATCH))
    first = run_stage(hand.context, "generated_instructions", BATCH)
    hand.accepted(first)
    before = grounded_qa.QUESTIONS
    edited = Prompt(user=before["span"].user + " Be brief.", system=before["span"].system)
    monkeypatch.setattr(grounded_qa, "QUESTIONS", before | {"span": edited})
    assert not is_settled(hand.context, "generated_instructions", BATCH)
    assert is_settled(hand.context, "seed_corpus", BATCH)
    second = run_stage(hand.context, "generated_instructions", BATCH)
    assert second.made and second.candidate.data_version != first.candidate.data_version
    meta = hand.lake.meta
    for made, prompt in ((first, before["span"]), (second, edited)):
        rows = hand.lake.candidate_table(made.candidate).to_pylist()
        assert {row["prompt_hash"] for row in rows} == {prompt.hash}
        assert meta.prompt(prompt.hash) == (prompt.system, prompt.user)
    was, now = (meta.made_by(made.candidate.code_version) for made in (first, second))
    assert differences(was, now) == ["prompt QUESTIONS[span] of grounded_qa was edited"]
    monkeypatch.setattr(grounded_qa, "QUESTIONS", before)  # taken back: what was accepted is current again
    assert is_settled(hand.context, "generated_instructions", BATCH) is False  # the newer one awaits its gate
    again = run_stage(hand.context, "generated_instructions", BATCH)
    assert again.candidate.candidate_id == first.candidate.candidate_id


def test_a_source_that_changed_after_planning_writes_nothing(by_hand):
    hand = planned(by_hand)
    hand.project.deliver(LINES[::-1])
    with pytest.raises(LakeError, match="The source 'notes' changed after its batches were planned"):
        run_stage(hand.context, "seed_corpus", BATCH)
    assert hand.project.candidates("seed_corpus") == []


def test_a_batch_without_a_version_above_or_of_an_unknown_name_is_said(by_hand):
    hand = planned(by_hand, TAUGHT)
    with pytest.raises(LakeError, match="'seed_corpus' has no accepted version of batch 'notes:start'"):
        run_stage(hand.context, "generated_instructions", BATCH)
    with pytest.raises(UnknownName, match="Did you mean 'notes:start'"):
        run_stage(hand.context, "seed_corpus", "notes:strat")


def test_a_batch_that_is_no_longer_delivered_is_not_made(by_hand):
    hand = planned(by_hand, ONLY_CORPUS.replace("lang: en}", "lang: en, shard: 2}"), [f"Note {n}." for n in range(20)])
    before = {one.batch for one in hand.lake.meta.planned("tiny")}
    hand.project.deliver(["Note 0."])
    (gone, *_) = sorted(before - {one.batch for one in plan_batches(hand.context).active})
    with pytest.raises(LakeError, match=f"No delivery of 'tiny' has the batch '{gone}' now"):
        run_stage(hand.context, "seed_corpus", gone)


class Failing(EchoTeacher):
    """An echo that is gone after three answers."""

    async def ask(self, prompt, /, **given):
        if self.calls == 3:
            raise TeacherError("The endpoint is down.")
        return await super().ask(prompt, **given)


def test_a_teacher_that_fails_half_way_leaves_no_candidate_and_its_cost_is_written_down(by_hand):
    hand = planned(by_hand, TAUGHT, teacher=Failing())
    hand.accepted(run_stage(hand.context, "seed_corpus", BATCH))
    with pytest.raises(TeacherError, match="The endpoint is down"):
        run_stage(hand.context, "generated_instructions", BATCH)
    assert hand.project.candidates("generated_instructions") == []
    assert hand.lake.sessions.usage(session_id="by-hand").calls == 3


def test_details_count_and_never_quote(by_hand):
    hand = planned(by_hand, TAUGHT)
    hand.accepted(run_stage(hand.context, "seed_corpus", BATCH))
    details = run_stage(hand.context, "generated_instructions", BATCH).candidate.details
    assert (details["inputs"], details["status"], details["unusable"]) == (6, {"current": 6}, 0)
    assert details["methods"] == {"grounded_qa": 6} and details["steps"] == ["grounded_qa"]
    assert details["teacher"]["writer"]["calls"] == 6
    assert not any(line in str(details) for line in LINES)


# --------------------------------------------------------------------------------------------------------- services


class Asking(Synthesizer[Document, Instruction]):
    paper = "interpretation"

    async def synthesize(self, record: Document, /, *, teacher: Teacher, judge: Teacher, embed: Embedder) -> list:
        return []


class Reading(Filter):
    paper = "interpretation"

    def measure(self, flat, /, *, references: References):
        return {}

    def rules(self):
        return {}


class Asks(Synthesizer[Document, Instruction]):
    paper = "interpretation"

    async def synthesize(self, record: Document, /, *, budget: int) -> list:
        return []


class Mute(Synthesizer[Document, Instruction]):
    paper = "interpretation"


def test_a_method_gets_the_services_that_its_verb_names():
    assert wanted(Asking().synthesize) == {"teacher": Teacher, "judge": Teacher, "embed": Embedder}
    assert (role_of("teacher"), role_of("judge")) == ("writer", "judge")
    assert needs_teacher([Asking()]) and not needs_teacher([Reading()])


def test_a_service_that_nobody_offers_and_a_verb_that_is_not_there_are_bugs_of_the_method():
    with pytest.raises(MethodError, match="asks for 'budget', which no service answers"):
        wanted(Asks().synthesize)
    Mute.slug = "mute"
    with pytest.raises(MethodError, match="'mute' has no 'synthesize', the verb of its kind"):
        needs_teacher([Mute()])


def test_the_prompts_that_a_method_may_send_are_found_also_in_its_tables():
    from synth_dagster.catalog import methods

    free = [
        method for method in methods().values() if not any(one.is_required() for one in method.model_fields.values())
    ]
    made = [method() for method in free if method.kind == "synthesize"]
    talking = [method for method in made if needs_teacher([method])]
    assert talking
    for method in talking:
        found = prompts_of(method)
        assert found and all(prompt.hash == name for name, prompt in found.items())
