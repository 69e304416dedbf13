"""Instructions become harder round by round, what did not evolve is eliminated, and evidence stays evidence."""

import asyncio
from collections import Counter
from itertools import pairwise
from statistics import mean

import pytest

from synth_dagster.errors import OverBudget
from synth_dagster.methods.augment.evol_instruct import EvolInstruct
from synth_dagster.records import Instruction, Message, digest
from synth_dagster.services import Drop, Sampling, Unusable
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.worlds import ConstraintWorld, FactWorld, constraints_of, span_texts

WORLD = ConstraintWorld()
SEEDS = WORLD.instructions(100)
REASON = {"copy": "equal", "sorry": "apology", "stop_words": "says_nothing", "meta_words": "meta_words"}


def evolved(method, seeds, writer, judge=None, in_flight=64):
    async def run():
        turns = asyncio.Semaphore(in_flight)

        async def one(seed):
            async with turns:
                return await method.augment(seed, writer=writer, judge=judge or ScriptedTeacher(WORLD))

        return await asyncio.gather(*map(one, seeds), return_exceptions=True)

    return asyncio.run(run())


def depth(record):
    return 1 + depth(record.parents[0]) if record.attributes else 0


def standing(seed, variants, number):
    """The instruction as it stands after a round."""
    passed = [seed, *(variant for variant in variants if variant.status == "current")]
    return [record for record in passed if record.attributes.get("round", 0) <= number][-1]


def test_each_round_evolves_what_the_round_before_left():
    results = evolved(EvolInstruct(), SEEDS, ScriptedTeacher(WORLD))
    for seed, variants in zip(SEEDS, results, strict=True):
        assert [variant.attributes["round"] for variant in variants] == [1, 2, 3, 4]
        assert [variant.parents for variant in variants] == [(seed,), *((parent,) for parent in variants[:-1])]
        assert all(variant.model_id and variant.prompt_hash and variant.call_id for variant in variants)


def test_operations_are_drawn_uniformly_and_by_record():
    results = evolved(EvolInstruct(), SEEDS, ScriptedTeacher(WORLD))
    drawn = Counter(variant.attributes["operation"] for variants in results for variant in variants)
    # 400 draws of 5: mean 80, standard deviation 8; four of them on each side
    assert set(drawn) == {"constraint", "deepen", "concretise", "reason", "breadth"}
    assert all(48 <= count <= 112 for count in drawn.values())
    again = evolved(EvolInstruct(), reversed(SEEDS), ScriptedTeacher(WORLD))
    assert again[::-1] == results
    assert evolved(EvolInstruct(seed=1), SEEDS, ScriptedTeacher(WORLD)) != results


def test_planted_failures_are_eliminated_and_nothing_else_is():
    # 30 % over the four rules: two strike when evolving, two when what passed (85 %) is answered
    faults = {
        "evolve": {"copy": 0.075, "meta_words": 0.075},
        "answer": {"sorry": 0.075 / 0.85, "stop_words": 0.075 / 0.85},
    }
    writer, judge = ScriptedTeacher(WORLD, faults=faults), ScriptedTeacher(WORLD)
    variants = [variant for result in evolved(EvolInstruct(), SEEDS, writer, judge) for variant in result]
    planted = [planted_in(variant, writer) for variant in variants]
    counts = Counter(filter(None, planted))
    assert len(variants) == 400
    assert 80 <= sum(counts.values()) <= 160  # 120 expected, standard deviation 9
    assert min(counts[reason] for reason in REASON.values()) >= 12
    assert [variant.reason for variant in variants] == planted  # precision and recall are 1 for each rule


def planted_in(variant, writer):
    """The reason that a variant must be eliminated for. A reworded copy is answered, and that may be struck too."""
    reworded = variant.instruction.startswith("Please do this: ")
    return "equal" if reworded else REASON.get(writer.planted.get(variant.call_id))


def test_constraints_grow_with_the_round_and_lineage_counts_the_rounds_that_passed():
    faults = {"evolve": {"copy": 0.1, "meta_words": 0.1}, "answer": {"sorry": 0.1}}
    results = evolved(EvolInstruct(), SEEDS, ScriptedTeacher(WORLD, faults=faults))
    pairs = list(zip(SEEDS, results, strict=True))
    counts = [mean(len(constraints_of(standing(*pair, number).instruction)) for pair in pairs) for number in range(5)]
    assert all(earlier < later for earlier, later in pairwise(counts))
    for pair in pairs:
        assert depth(standing(*pair, 4)) == sum(variant.status == "current" for variant in pair[1])


def test_depth_adds_ten_to_twenty_words():
    results = evolved(EvolInstruct(), SEEDS, ScriptedTeacher(WORLD))
    growth = [
        len(variant.instruction.split()) - len(variant.parents[0].instruction.split())
        for variants in results
        for variant in variants
        if variant.attributes["operation"] != "breadth"
    ]
    assert mean(10 <= words <= 20 for words in growth) >= 0.9


def test_an_eliminated_round_leaves_the_instruction_as_it_was_and_asks_anew():
    writer = ScriptedTeacher(WORLD, faults={"evolve": {"copy": 1.0}})
    (variants,) = evolved(EvolInstruct(operations=("constraint",)), SEEDS[:1], writer)
    assert [(variant.status, variant.reason) for variant in variants] == [("eliminated", "equal")] * 4
    assert all(variant.parents == (SEEDS[0],) for variant in variants)
    # the same instruction and operation four times: an independent sample each, else a cache would repeat the failure
    asked = [request for request in writer.requests if request.task == "evolve"]
    assert len({request.user for request in asked}) == 1
    assert [request.sample for request in asked] == [1, 2, 3, 4]


def test_calls_use_the_sampling_of_the_card():
    writer, judge = ScriptedTeacher(WORLD), ScriptedTeacher(WORLD)
    evolved(EvolInstruct(rounds=1), SEEDS[:5], writer, judge)
    assert set(writer.samplings) == {Sampling(temperature=1.0, top_p=0.95, max_tokens=2_048)}
    assert {sampling.temperature for sampling in judge.samplings} == {0.0}
    assert writer.asked == {"evolve": 5, "answer": 5}
    assert judge.asked == {"equal": 5}


FACTS = FactWorld(entities=40)


class _Harder:
    """Evolves a grounded instruction by a requirement that its passage still answers."""

    def answer(self, request):
        if request.task == "evolve":
            return {"instruction": f"{request.tag('instruction')} Answer in sentence {request.sample}."}
        return {"equal": False, "reason": "longer"} if request.task == "equal" else None


def test_evidence_is_kept_and_checked_again():
    faults = {"answer": {"made_up_evidence": 0.15, "wrong_answer": 0.15}}
    writer = ScriptedTeacher(_Harder(), FACTS, faults=faults)
    seeds = FACTS.instructions()
    variants = [
        variant
        for result in evolved(
            EvolInstruct(rounds=2, operations=("constraint",)), seeds, writer, ScriptedTeacher(_Harder())
        )
        for variant in result
    ]
    kept = [variant for variant in variants if variant.status == "current"]
    assert len(variants) == 2 * len(seeds)
    for variant in variants:
        assert (variant.reason == "unsupported") == (variant.call_id in writer.planted)
    spans = [span for variant in kept for span in variant.evidence]
    assert len(spans) == len(kept)
    assert span_texts(spans, FACTS.documents()) == [span.text for span in spans]
    assert all("<passage>" in request.user for request in writer.requests)


def test_a_round_whose_answer_cannot_be_used_does_not_cost_the_others():
    writer = ScriptedTeacher(WORLD, faults={"evolve": {"truncation": 0.25}, "answer": {"broken_json": 0.25}})
    results = evolved(EvolInstruct(), SEEDS, writer)
    variants = [variant for result in results if not isinstance(result, Unusable) for variant in result]
    reasons = Counter(variant.reason for variant in variants)
    assert set(reasons) == {None, "cut", "unparsable"}
    for variant in variants:
        assert (variant.call_id in writer.planted) == (variant.status == "eliminated")


def test_a_record_for_which_no_round_gave_anything_is_a_reject():
    refusing = ScriptedTeacher(WORLD, faults={"evolve": {"refusal": 1.0}})
    (result,) = evolved(EvolInstruct(), SEEDS[:1], refusing)
    assert isinstance(result, Unusable)
    assert result.reason == "refused"
    judge = ScriptedTeacher(WORLD, faults={"equal": {"broken_json": 1.0}})
    (result,) = evolved(EvolInstruct(), SEEDS[:1], ScriptedTeacher(WORLD), judge)
    assert result.reason == "unparsable"


def test_a_spent_budget_stops_the_record():
    class Spent(ScriptedTeacher):
        async def ask(self, prompt, /, **values):
            if len(self.requests) == 3:
                raise OverBudget("the cap is reached")
            return await super().ask(prompt, **values)

    (result,) = evolved(EvolInstruct(), SEEDS[:1], Spent(WORLD))
    assert isinstance(result, OverBudget)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param(Instruction.single(" ", "x"), "blank_instruction", id="blank"),
        pytest.param(Instruction(), "blank_instruction", id="no turn"),
        pytest.param(
            Instruction(messages=[Message("user", "a"), Message("assistant", "b"), Message("user", "c")]),
            "conversation",
            id="two user turns",
        ),
    ],
)
def test_what_cannot_be_evolved_costs_no_call(record, reason):
    writer = ScriptedTeacher(WORLD)
    assert evolved(EvolInstruct(), [record], writer) == [Drop(reason)]
    assert writer.requests == []


def test_an_operation_named_twice_is_refused():
    with pytest.raises(ValueError, match="named twice"):
        EvolInstruct(operations=("reason", "reason"))


def test_one_and_sixty_four_in_flight_give_the_same_records():
    faults = {"evolve": {"copy": 0.1, "truncation": 0.1}, "answer": {"sorry": 0.1, "broken_json": 0.1}}
    alone = evolved(EvolInstruct(), SEEDS, ScriptedTeacher(WORLD, faults=faults, jitter=9), in_flight=1)
    teacher = ScriptedTeacher(WORLD, faults=faults, jitter=9)
    crowd = evolved(EvolInstruct(), SEEDS, teacher, in_flight=64)
    assert teacher.most_in_flight > 8
    assert list(map(_comparable, alone)) == list(map(_comparable, crowd))


def _comparable(result):
    return (result.reason, result.raw) if isinstance(result, Unusable) else result


def test_equal_texts_of_two_records_draw_their_own_operations():
    twins = [Instruction.single("Name a river.", "", record_id=digest(number)) for number in range(20)]
    results = evolved(EvolInstruct(rounds=1), twins, ScriptedTeacher(WORLD))
    assert len({variants[0].attributes["operation"] for variants in results}) > 1
