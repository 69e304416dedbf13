"""A new problem stays when it is new and its answer stands in a box; a leaked benchmark item is found afterwards."""

import asyncio
import re

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.methods.filter.decontaminate import Decontaminate
from synth_dagster.methods.synthesize.numinamath_synth import NuminamathSynth
from synth_dagster.parts.mathematics.answers import same_answer
from synth_dagster.records import Instruction, digest
from synth_dagster.scale.signals import compute_signals, judge
from synth_dagster.services import Drop, NoAncestors, Unusable
from tests.methods.filter import retold_items
from tests.scripted_teacher.anew import WHY, AnewWorld
from tests.scripted_teacher.arithmetic import answer_of
from tests.scripted_teacher.teacher import ScriptedTeacher


def seeds(count):
    texts = [
        f"Ivan owns {239 + n} beads. Ivan gives 17 beads to Omar. How many beads does he have in the end?"
        for n in range(count)
    ]
    return [Instruction.single(text, "The answer is: 1", record_id=digest("seed", text)) for text in texts]


def made(method, records, teacher):
    async def run():
        return await asyncio.gather(
            *(method.synthesize(one, writer=teacher) for one in records), return_exceptions=True
        )

    return asyncio.run(run())


def test_planted_faults_all_go_with_their_reason_and_nothing_else():
    world = AnewWorld({"same": 0.1, "unboxed": 0.1, "blank": 0.1})
    given = made(NuminamathSynth(problems=3), seeds(60), teacher := ScriptedTeacher(world))
    for seed, records in zip(seeds(60), given, strict=True):
        assert [one.reason for one in records] == [
            WHY.get(world.planted[seed.instruction, number]) for number in range(3)
        ]
        assert all([parent.record_id for parent in one.parents] == [seed.record_id] for one in records)
        kept = [one for one in records if one.status == "current"]
        assert all(same_answer(one.attributes["final_answer"], answer_of(one.instruction)) for one in kept)
    assert set(world.planted.values()) == {None, *WHY}
    assert len(teacher.requests) == 60 * 3 and {one.temperature for one in teacher.samplings} == {0.8}


def test_a_problem_that_came_before_is_not_kept_again():
    class Same(AnewWorld):
        def answer(self, request):
            return {"problem": "What is 2 plus 2?", "solution": r"It is \boxed{4}."}

    (records,) = made(NuminamathSynth(problems=3), seeds(1), ScriptedTeacher(Same()))
    assert [one.reason for one in records] == [None, "repeated_problem", "repeated_problem"]


def test_without_a_problem_nobody_is_asked():
    (dropped,) = made(NuminamathSynth(), [Instruction.single(" \n", "4")], teacher := ScriptedTeacher(AnewWorld()))
    assert isinstance(dropped, Drop) and dropped.reason == "blank_instruction" and teacher.requests == []


@pytest.mark.parametrize(
    ("fault", "reason"), [("refusal", "refused"), ("broken_json", "unparsable"), ("truncation", "cut")]
)
def test_an_answer_that_nobody_can_use_makes_a_reject_of_the_seed(fault, reason):
    (problem,) = made(NuminamathSynth(), seeds(1), ScriptedTeacher(AnewWorld(), faults={"refine": {fault: 1.0}}))
    assert isinstance(problem, Unusable) and problem.reason == reason


# ------------------------------------------------------------------------------------------------------ planted leaks


def test_a_hundred_leaked_items_are_found_verbatim_by_words_and_nearly_all_by_likeness(references):
    """40 verbatim, 30 with other numbers, 30 in other words, among 1,000 other problems."""
    items, retold = zip(*retold_items.items(), strict=True)
    renumbered = [re.sub(r"\d+", lambda one: f"{int(one[0]) + 7}", item) for item in items[40:70]]
    texts = [*items[:40], *renumbered, *retold[70:100], *retold_items.others(1_000)]
    ids = [number.to_bytes(4, "big") for number in range(len(texts))]
    flat = pa.table({"record_id": ids, "text": texts, "title": texts, "url": texts})
    services = {"references": references({"benchmarks": list(items)}), "ancestors": NoAncestors()}

    def dropped(**settings):
        chosen = Decontaminate(against="benchmarks", **settings)
        reasons = judge(chosen, compute_signals(chosen, flat, services=services))["reason"].to_pylist()
        return np.array([reason is not None for reason in reasons])

    by_words, by_likeness = dropped(mode="hash", n=10), dropped(mode="semantic", n=10)
    assert by_words[:40].all()
    both = by_words | by_likeness
    assert both[:100].mean() >= 0.9 > by_words[:100].mean()
    assert both[100:].mean() <= 0.01
