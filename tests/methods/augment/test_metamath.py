"""Numbers are hidden as the released code hides them, and only what ends in the known answer is kept."""

import asyncio
from collections import Counter
from math import sqrt
from random import Random

import pytest

from synth_dagster.methods.augment.metamath import Metamath, masked, split_clause
from synth_dagster.parts.mathematics.answers import final_answer, number_of, same_answer
from synth_dagster.parts.mathematics.word_problems.facts import in_digits
from synth_dagster.parts.mathematics.word_problems.making import make
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.parts.mathematics.word_problems.writing import say, state
from synth_dagster.records import Instruction, digest
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.teacher import ScriptedTeacher

JANET = (
    "Janet sells 16 eggs, eats three for breakfast, keeps four. She sells the rest for $2 per egg at 50% profit (5-day "
    "week). How much does she make?"
)


def choose(_, choices):
    return choices[0]


class MathWorld:
    """Word problems with an exact solver. `wrong` is the share of solutions that end in another number."""

    def __init__(self, wrong=0.0):
        self.wrong, self.spoiled = wrong, []

    @staticmethod
    def instructions(count):
        made = []
        for seed in range(count):
            rng = Random(seed)
            problem = make(rng)
            answer = in_digits(solve(problem, choose).answer)
            text = say(problem, lambda _, choices, rng=rng: rng.choice(choices))
            made.append(
                Instruction.single(text, f"The answer is: {answer}", record_id=digest("problem", seed), source="world")
            )
        return made

    def answer(self, request):
        if request.task == "rephrase":
            rng = Random(request.key)
            return {"question": say(read(request.tag("problem")), lambda _, choices: rng.choice(choices))}
        if request.task == "declare":
            return {"statement": state(request.tag("clause"), request.tag("answer"))}
        problem = read(request.tag("problem"))
        solution = problem and solve(problem, choose)
        if solution is None:
            return "The problem does not say."
        number = solution.answer
        if share(request.key, "wrong") < self.wrong:
            self.spoiled.append(request.key)
            number += 1
        what = "value of x" if problem.told is not None else "answer"
        return f"Step {request.sample}. The {what} is: {in_digits(number)}"


def augmented(method, records, teacher):
    async def run():
        return await asyncio.gather(
            *(method.augment(record, writer=teacher) for record in records), return_exceptions=True
        )

    return asyncio.run(run())


def variants(method, records, teacher):
    return [variant for made in augmented(method, records, teacher) for variant in made]


# ---------------------------------------------------------------------------------------------------- the rules by hand


def test_one_sentence_gives_the_four_masked_variants_of_the_released_code():
    found = list(masked(JANET))
    assert [one.masked for one in found] == ["16", "three", "2", "50"]  # not "four." and not "(5-day"
    assert [
        next(new for old, new in zip(JANET.split(" "), one.question.split(" "), strict=True) if old != new)
        for one in found
    ] == ["x", "x", "$x", "x%"]


@pytest.mark.parametrize(
    ("token", "hidden"),
    [("$4.", "$x."), ("20%,", "x%,"), ("1,200", "x"), ("half", "x"), ("sixteen", "x")]
    + [(token, None) for token in ("seventeen", "x2", "3:30", "2-day", "(3)", "1+1", "2*3", '"7"', "a", "...")],
)
def test_which_tokens_are_numbers(token, hidden):
    assert [one.question for one in masked(token)] == ([hidden] if hidden else [])


def test_another_sign_for_the_unknown():
    assert [one.question for one in masked("Add 2.", "X")] == ["Add X."]


@pytest.mark.parametrize(
    ("question", "clause"),
    [
        pytest.param(
            "Eddy buys x jars of hair gel, and pays $4 each. How much did he pay?",
            "How much did he pay?",
            id="sentence",
        ),
        pytest.param(
            "If each cat eats 2 cans, how many cans are eaten?", "how many cans are eaten?", id="after the comma"
        ),
        pytest.param("How much is 1,200 and $2.50?", "How much is 1,200 and $2.50?", id="marks inside numbers"),
    ],
)
def test_the_clause_that_asks(question, clause):
    rest, asks = split_clause(question)
    assert asks == clause and (rest + " " + asks).strip() == question


# ------------------------------------------------------------------------------------------------------- planted faults


def test_of_wrong_solutions_none_is_kept_and_of_right_ones_all():
    world = MathWorld(wrong=0.3)
    teacher = ScriptedTeacher(world)
    made = variants(Metamath(branches=("ansaug",)), MathWorld.instructions(400), teacher)
    assert len(made) == 800
    right = [one for one in made if one.call_id not in world.spoiled]
    assert {one.status for one in right} == {"current"}
    assert {(one.status, one.reason) for one in made if one.call_id in world.spoiled} == {
        ("eliminated", "wrong_answer")
    }
    # 0.7 of 800, and three standard deviations of a binomial
    assert abs(len(right) / 800 - 0.7) < 3 * sqrt(0.3 * 0.7 / 800)


def test_every_kept_variant_is_correct_on_all_four_ways():
    teacher = ScriptedTeacher(MathWorld(wrong=0.3))
    made = variants(Metamath(samples=1), MathWorld.instructions(60), teacher)
    kept = Counter(one.attributes["branch"] for one in made if one.status == "current")
    assert set(kept) == {"ansaug", "rephrase", "sv", "fobar"} and min(kept.values()) > 15
    for one in (one for one in made if one.status == "current"):
        solution = solve(read(one.instruction), choose)
        assert solution.answer == number_of(final_answer(one.response))


def test_the_unknown_put_back_gives_the_original_answer():
    records = MathWorld.instructions(60)
    made = variants(Metamath(branches=("fobar",), samples=1), records, ScriptedTeacher(MathWorld()))
    kept = [one for one in made if one.status == "current"]
    assert len(kept) > 100
    for one in kept:
        (parent,) = one.parents
        backward = one.instruction.partition(" Suppose the answer")[0]
        whole = " ".join(
            token.replace("x", final_answer(one.response)) if token.strip("$%.,") == "x" else token
            for token in backward.split(" ")
        )
        assert same_answer(in_digits(solve(read(whole), choose).answer), final_answer(parent.response))


def test_a_number_that_the_answer_does_not_determine_is_dropped():
    aged = "Mia is 9 years old. Mia has 4 marbles. Mia buys 2 more marbles. How many marbles does Mia have now?"
    record = Instruction.single(aged, "The answer is: 6", record_id=b"r" * 16)
    made = variants(Metamath(branches=("fobar",), samples=1), [record], ScriptedTeacher(MathWorld()))
    # digits that stand alone are hidden: 9, 4 and 2, in this order
    assert [one.reason for one in made] == ["no_final_answer", None, None]


def test_a_path_of_reasoning_is_kept_once():
    class Same(MathWorld):
        def answer(self, request):
            return "Two and four are six.\nThe answer is: 6"

    record = Instruction.single("What are 2 and 4?", "The answer is: 6", record_id=b"r" * 16)
    made = variants(Metamath(branches=("ansaug",), samples=4), [record], ScriptedTeacher(Same()))
    assert [one.reason for one in made] == [None, "repeated", "repeated", "repeated"]


@pytest.mark.parametrize(("symbolic", "reason"), [(True, None), (False, "wrong_answer")])
def test_formulas_that_are_worth_the_same_are_the_same_where_that_is_asked_for(symbolic, reason):
    class Formula(MathWorld):
        def answer(self, request):
            return "The answer is: 2(x+1)"

    record = Instruction.single("What is x + 1 twice over?", "The answer is: 2x + 2", record_id=b"r" * 16)
    method = Metamath(branches=("ansaug",), samples=1, symbolic=symbolic)
    assert [one.reason for one in variants(method, [record], ScriptedTeacher(Formula()))] == [reason]


def test_calls_are_those_of_the_card():
    question = "Mia has 4 marbles. Mia buys 2 more marbles. How many marbles does Mia have now?"
    record = Instruction.single(question, "The answer is: 6", record_id=b"r" * 16)
    calls = {}
    for branch in ("ansaug", "rephrase", "fobar", "sv"):
        teacher = ScriptedTeacher(MathWorld())
        made = variants(Metamath(branches=(branch,)), [record], teacher)
        calls[branch] = len(teacher.requests), len(made)
        assert {(one.temperature, one.max_tokens) for one in teacher.samplings} == {(0.7, 1_024)}
    # two samples. An answer each; a rewording and an answer each; an answer each to the 4 and to the 2 that are hidden;
    # and the same with one statement that all of them share
    assert calls == {"ansaug": (2, 2), "rephrase": (4, 2), "fobar": (4, 4), "sv": (5, 4)}


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        pytest.param("", "The answer is: 1", "blank_instruction", id="nothing is asked"),
        pytest.param("What are 2 and 4?", "Six, I think.", "no_final_answer", id="no known answer"),
        pytest.param("How many legs has a cat?", "The answer is: 4", "no_number", id="nothing to hide"),
    ],
)
def test_what_cannot_be_varied_is_dropped_before_anyone_is_asked(question, answer, reason):
    teacher = ScriptedTeacher(MathWorld())
    record = Instruction.single(question, answer, record_id=b"r" * 16)
    (dropped,) = augmented(Metamath(branches=("fobar", "sv")), [record], teacher)
    assert isinstance(dropped, Drop) and dropped.reason == reason
    assert teacher.requests == []


def test_an_unusable_answer_is_counted_and_only_if_all_are_the_problem_is_a_reject():
    records = MathWorld.instructions(20)
    some = ScriptedTeacher(MathWorld(), faults={"completion": {"refusal": 0.3}})
    made = variants(Metamath(branches=("ansaug",), samples=4), records, some)
    reasons = Counter(one.reason for one in made)
    assert reasons["refused"] == len(some.planted) and reasons[None] == 80 - len(some.planted)
    none = ScriptedTeacher(MathWorld(), faults={"completion": {"refusal": 1.0}})
    assert all(isinstance(one, Unusable) for one in augmented(Metamath(branches=("ansaug",)), records, none))


def test_a_cut_answer_is_not_kept_even_if_its_number_is_right():
    class Cut(ScriptedTeacher):
        async def _written(self, request, prompt):
            text, _, call = await super()._written(request, prompt)
            return text, "length", call

    made = variants(Metamath(branches=("ansaug",)), MathWorld.instructions(5), Cut(MathWorld()))
    assert {one.reason for one in made} == {"cut"}
