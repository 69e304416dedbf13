"""What the little language says it can read, and what it reads it solves exactly, forward and backward."""

from fractions import Fraction
from random import Random

import pytest

from synth_dagster.parts.mathematics.word_problems.facts import WORDINGS, Problem, in_digits
from synth_dagster.parts.mathematics.word_problems.making import make
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.parts.mathematics.word_problems.writing import say, state


def drawn(seed):
    rng = Random(seed)
    return lambda _, choices: rng.choice(choices)


def first(_, choices):
    return choices[0]


PROBLEMS = [make(Random(seed)) for seed in range(300)]


def test_a_problem_and_its_rewordings_are_read_back_with_the_same_answer():
    for seed, problem in enumerate(PROBLEMS):
        answer = solve(problem, first).answer
        assert answer.denominator == 1 and answer >= 2
        for again in range(3):
            found = read(say(problem, drawn(f"{seed} {again}")))
            assert found is not None and found.steps == problem.steps
            assert solve(found, first).answer == answer


def test_every_wording_is_used():
    texts = " ".join(say(problem, drawn(seed)) for seed, problem in enumerate(PROBLEMS))
    pieces = [wording.split("}")[-1].strip(" .?") for kind, all_ in WORDINGS.items() for wording in all_]
    asked_or_told = {p for k, all_ in WORDINGS.items() if k.startswith("told") or k == "asked x" for p in all_}
    unused = {p for p in pieces if p and p not in texts} - {w.split("}")[-1].strip(" .?") for w in asked_or_told}
    assert unused == set()


TEXT = (
    "Mia has three bags with 8 marbles in each bag. She gives 25% of the marbles to Tom. For the next 2 days, Mia "
    "collects 3 more marbles every day. If she sells the marbles for $2 each, how many dollars does Mia earn?"
)


def test_the_solution_shows_every_step():
    # 3 * 8 = 24, a quarter of it is 6, 18 left, 2 * 3 more makes 24, 48 dollars
    solution = solve(read(TEXT), first)
    assert solution.answer == 48
    assert list(solution.lines) == [
        "The bags hold 3 * 8 = 24 marbles.",
        "25% of 24 is 24 * 25 / 100 = 6, so 24 - 6 = 18 marbles are left.",
        "The 2 days bring 3 * 2 = 6 more, so there are 18 + 6 = 24 marbles.",
        "They bring 24 * 2 = 48 dollars.",
    ]


@pytest.mark.parametrize(
    ("number", "x"),
    [
        pytest.param("three bags", 3, id="bags"),
        pytest.param("8 marbles in", 8, id="in each bag"),
        pytest.param("25%", 25, id="percent"),
        pytest.param("next 2 days", 2, id="days"),
        pytest.param("collects 3 more", 3, id="each day"),
        pytest.param("$2", 2, id="price"),
    ],
)
def test_every_hidden_number_is_found_from_the_answer(number, x):
    word = next(word for word in number.replace("$", "").replace("%", "").split() if word.isdigit() or word == "three")
    hidden = TEXT.replace(number, number.replace(word, "x"))
    told = f"{hidden} Suppose the answer to this question is 48. What is the value of x?"
    assert solve(read(told), first).answer == x
    stated = hidden.replace("how many dollars does Mia earn?", "Mia earns 48 dollars. What is the value of x?")
    assert solve(read(stated), first).answer == x


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("Mia has 3 marbles.", id="nothing is asked"),
        pytest.param("How many marbles does Mia have now?", id="nothing is given"),
        pytest.param("Mia has 3 marbles. She is proud. How many marbles does Mia have now?", id="another sentence"),
        pytest.param("Mia has some marbles. How many marbles does Mia have now?", id="no number"),
        pytest.param("Mia has x marbles. How many marbles does Mia have now?", id="an unknown and no answer"),
        pytest.param("Mia buys 3 more marbles. How many marbles does Mia have now?", id="no beginning"),
        pytest.param(
            "Mia is x years old. Mia has 3 marbles. Mia has 3 marbles now. What is the value of x?",
            id="a number that nothing depends on",
        ),
        pytest.param(
            "Mia has x marbles. Mia buys x more marbles. Mia has 8 marbles now. What is the value of x?", id="twice x"
        ),
        pytest.param(
            "Mia has 4 marbles. Mia gives 100% of the marbles to Tom. She packs the marbles into boxes of x. "
            "Mia fills 0 boxes. What is the value of x?",
            id="a division by nothing",
        ),
    ],
)
def test_what_does_not_determine_an_answer_gets_none(text):
    problem = read(text)
    assert problem is None or solve(problem, first) is None


@pytest.mark.parametrize(
    ("question", "answer", "statement"),
    [
        ("How many marbles does Mia have now?", "1,200", "Mia has 1,200 marbles now."),
        ("how many dollars does she earn?", "48", "she earns 48 dollars."),
        ("How many boxes does Tom need?", "3", "Tom needs 3 boxes."),
        ("How tall is Tom?", "3", None),
        ("How many boxes does Tom need?", "many", None),
    ],
)
def test_a_question_and_its_answer_are_one_statement(question, answer, statement):
    assert state(question, answer) == statement


def test_numbers_are_written_as_people_write_them():
    numbers = [Fraction(1200), Fraction(5, 2), Fraction(1, 3), Fraction(-4), Fraction(1, 8)]
    assert [in_digits(number) for number in numbers] == ["1,200", "2.5", "1/3", "-4", "0.125"]


def test_an_empty_problem_has_no_solution():
    assert solve(Problem(()), first) is None
