"""A conversation that was delivered joins a later stage as it is; everything else about it is as with any record."""

import json
from dataclasses import replace

import pytest

from synth_dagster.errors import LakeError
from synth_dagster.method import Refiner
from synth_dagster.recipe import Step
from synth_dagster.records import Document
from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.stage import run_stage
from tests.runner.by_hand import ByHand

TWO = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
  - {name: talks, reader: files, path: inbox/talks/, license: MIT, joins: generated_instructions, human_share: 0.25}
teachers:
  writer: {use: embedded}
stages:
  seed_corpus: [pii]
  generated_instructions:
    - grounded_qa: {per_passage: 1}
  filtered_mix:
    of: generated_instructions
expect: {min_keep_rate: 0.1, max_reject_rate: 0.9}
"""
PAIRS = TWO.replace("joins: generated_instructions", "joins: preference_pairs").replace(
    "  filtered_mix:\n    of: generated_instructions",
    "  preference_pairs:\n    - ultrafeedback: {completions: 2}\n  filtered_mix:\n    of: preference_pairs",
)
TALKS = [
    {
        "id": "one",
        "topic": "boats",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Who keeps the boats?"},
            {"role": "assistant", "content": "Ask ann@harbour.net."},
            {"role": "user", "content": "And the nets?"},
            {"role": "assistant", "content": "Ben does."},
        ],
    },
    {"id": "two", "instruction": "Where is Pell?", "input": "", "output": "In the hills."},
]
PAIR = {"id": "p", "prompt": "Where is Pell?", "chosen": "In the hills.", "rejected": "By the sea.", "score_chosen": 9}


def deliver(hand, records, source="talks"):
    path = hand.project.root / "inbox" / source / "a.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def of_talks(hand, stage):
    rows = hand.project.rows(stage, where="source = 'talks' and status = 'current'")
    return {json.loads(row["attributes"])["native_key"].partition("#")[2]: row for row in rows}


def turns(messages):
    return [(message["role"], message["content"]) for message in messages]


@pytest.fixture
def joined(by_hand):
    """A project in which notes are taught from and talks join."""

    def start(recipe=TWO, talks=TALKS) -> ByHand:
        hand = by_hand(recipe)
        hand.project.deliver(["The river Ard rises in the hills of Pell."])
        deliver(hand, talks)
        return hand

    return start


def test_conversations_join_beside_what_a_teacher_writes_and_are_not_asked_about(joined):
    hand = joined()
    hand.batches()
    methods = sorted(row["method"] for row in hand.project.rows("generated_instructions"))
    assert methods == ["adopted", "adopted", "grounded_qa"]
    assert hand.project.teachers.teacher.calls == 1
    two = of_talks(hand, "generated_instructions")["two"]
    assert turns(two["messages"]) == [("user", "Where is Pell?"), ("assistant", "In the hills.")]


def test_what_the_corpus_redacts_is_redacted_in_the_turns(joined):
    hand = joined()
    hand.batches()
    one = of_talks(hand, "generated_instructions")["one"]
    assert [role for role, _ in turns(one["messages"])] == ["system", "user", "assistant", "user", "assistant"]
    assert "harbour" not in str(one) and "@example" in one["messages"][2]["content"]


def test_an_adopted_record_has_the_lineage_and_terms_of_what_was_delivered(joined):
    hand = joined()
    hand.batches()
    above, one = of_talks(hand, "seed_corpus")["one"], of_talks(hand, "generated_instructions")["one"]
    (parent,) = one["parents"]
    assert (parent["record_id"], parent["stage"], parent["relation"]) == (above["record_id"], "seed_corpus", "adopted")
    assert (one["license"], one["human_share"], one["synthetic_depth"], one["model_id"]) == ("MIT", 0.25, 0, None)
    assert json.loads(one["attributes"])["topic"] == "boats"
    assert json.loads(one["attributes"])["form"] == "openai"


def test_a_pair_joins_the_preferences_by_way_of_the_instructions(joined):
    hand = joined(PAIRS, [PAIR])
    hand.batches()
    asked, pair = of_talks(hand, "generated_instructions")["p"], of_talks(hand, "preference_pairs")["p"]
    assert turns(asked["messages"]) == [("user", "Where is Pell?"), ("assistant", "In the hills.")]
    assert (turns(pair["prompt"]), turns(pair["chosen"]), turns(pair["rejected"])) == (
        [("user", "Where is Pell?")],
        [("assistant", "In the hills.")],
        [("assistant", "By the sea.")],
    )
    assert (pair["chosen_score"], pair["rejected_score"], pair["parents"][0]["record_id"]) == (
        9,
        None,
        asked["record_id"],
    )
    assert (asked["method"], pair["method"]) == ("adopted", "adopted")


def test_a_pair_that_joins_the_instructions_is_its_prompt_and_better_answer(joined):
    hand = joined(TWO, [PAIR])
    hand.batches()
    assert turns(of_talks(hand, "generated_instructions")["p"]["messages"])[-1] == ("assistant", "In the hills.")


@pytest.mark.parametrize(
    ("recipe", "record", "reason"),
    [
        pytest.param(TWO, {"text": "It rained."}, "not_a_conversation", id="a text among conversations"),
        pytest.param(PAIRS, TALKS[1], "not_a_preference", id="a conversation among pairs"),
        pytest.param(PAIRS, {"text": "It rained."}, "not_a_preference", id="a text among pairs"),
    ],
)
def test_what_does_not_fit_the_stage_that_it_joins_is_a_reject_of_the_corpus(recipe, record, reason, joined):
    hand = joined(recipe, [PAIR, {"id": "bad", **record}])
    hand.batches()
    assert [row["reason"] for row in hand.lake.read("tiny", "rejects").to_pylist()] == [reason]
    assert list(of_talks(hand, "seed_corpus")) == ["p"]


def test_a_second_run_makes_nothing_and_a_change_of_the_steps_leaves_adopted_batches_alone(joined):
    hand = joined()
    assert {batch.partition(":")[0] for batch in hand.batches()["generated_instructions"]} == {"notes", "talks"}
    assert hand.batches() == {}
    hand.project.write_recipe(TWO.replace("per_passage: 1", "per_passage: 2"))
    assert [batch.partition(":")[0] for batch in hand.batches()["generated_instructions"]] == ["notes"]


def test_a_source_that_no_longer_joins_is_taught_from(joined):
    hand = joined()
    hand.batches()
    hand.project.write_recipe(TWO.replace(", joins: generated_instructions", ""))
    made = hand.batches()
    assert {batch.partition(":")[0] for batch in made["generated_instructions"]} == {"talks"}
    assert {row["method"] for row in hand.project.rows("generated_instructions")} == {"grounded_qa"}


def test_a_conversation_that_joins_the_corpus_is_a_text_that_is_never_cut(by_hand):
    recipe = TWO.replace("joins: generated_instructions", "chunk: {max_words: 20, min_words: 0}")
    hand = by_hand(recipe)
    hand.project.deliver(["The river Ard rises in the hills of Pell."])
    deliver(hand, [{"id": "long", "instruction": "Say it. " * 30, "output": "It. " * 30}])
    hand.batches()
    (row,) = of_talks(hand, "seed_corpus").values()
    assert row["text"].startswith("### user\n\nSay it.") and "### assistant" in row["text"]


class Shouting(Refiner[Document]):
    """A step that knows nothing of transcripts."""

    slug = "shouting"
    paper = "interpretation"

    async def refine(self, record: Document, /) -> Document:
        return record.but(body=record.body.upper())


def test_a_transcript_that_a_step_broke_is_a_reject_that_says_so(joined, monkeypatch):
    hand = joined(talks=TALKS[1:])
    context = hand.context
    monkeypatch.setattr(type(context.recipe), "stage", _with_step(type(context.recipe).stage, Shouting()))
    plan_batches(context)
    hand.accepted(run_stage(context, "seed_corpus", "talks:start"))
    outcome = run_stage(context, "generated_instructions", "talks:start")
    (reject,) = hand.lake.candidate_rejects(outcome.candidate).to_pylist()
    assert (reject["reason"], reject["step"]) == ("transcript_broken", "adopted")
    assert "take that step out" in reject["detail"]


def _with_step(stage_of, method):
    def stage(recipe, name):
        found = stage_of(recipe, name)
        return replace(found, steps=(Step(method.slug, method.slug, method, 1),)) if name == "seed_corpus" else found

    return stage


def test_a_corpus_that_moved_on_between_two_stages_is_told(joined):
    hand = joined(PAIRS, [PAIR])
    plan_batches(hand.context)
    batch = "talks:start"
    for stage in ("seed_corpus", "generated_instructions"):
        hand.accepted(run_stage(hand.context, stage, batch))
    deliver(hand, [{**PAIR, "prompt": "Where is Corran?"}])
    plan_batches(hand.context)
    hand.accepted(run_stage(hand.context, "seed_corpus", batch))
    with pytest.raises(LakeError, match="the corpus changed after the stage above was made"):
        run_stage(hand.context, "preference_pairs", batch)
