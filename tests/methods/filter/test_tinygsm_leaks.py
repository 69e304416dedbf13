"""A test question is found with other numbers too, and what only sounds like one is not."""

import re
from random import Random

import pytest

from synth_dagster.methods.filter.tinygsm_leaks import TinygsmLeaks
from synth_dagster.records import Instruction
from tests.scripted_teacher.arithmetic import problem_text

HARBOUR = (
    "A ship with 12 decks leaves the harbour at 9 and carries $1,200.50 worth of cloth to a town on the other coast"
)

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty", "knoll")


def long_problem(seed):
    """Sentences of words that no other problem has in this order."""
    rng = Random(seed)
    names = " ".join(rng.choice(WORDS) for _ in range(20))
    return f"There are {rng.randrange(9_999)} crates in {names}. How many crates are {rng.randrange(9_999)} less?"


def verdicts(texts, against, verdicts_of, references, **settings):
    method = TinygsmLeaks(against="tests/", **settings)
    records = [Instruction.single(text, "4") for text in texts]
    return verdicts_of(method, records, services={"references": references({"tests/": against})})


def test_fifty_test_questions_with_other_numbers_are_all_found(verdicts_of, references):
    questions = [long_problem(seed) for seed in range(50)]
    leaked = [
        re.sub(r"\d+", lambda found: str(int(found[0]) + 7), text).upper().replace(".", " ;") for text in questions
    ]
    own = [long_problem(seed) for seed in range(1_000, 1_050)] + [problem_text(Random(seed)) for seed in range(50)]
    found = verdicts([*leaked, *own], questions, verdicts_of, references)
    assert found == ["leak"] * 50 + [None] * 100


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(HARBOUR.replace("12", "3").replace("$1,200.50", "7"), "leak", id="other numbers"),
        pytest.param("Once a " + " ".join(HARBOUR.split()[1:]), "leak", id="inside another text"),
        # without its numbers it has 19 words; the first 12 are shared, one too few
        pytest.param("A ship with decks leaves the harbour at and carries worth of and more", None, id="12 words"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_run_of_thirteen_words(text, reason, verdicts_of, references):
    assert verdicts([text], [HARBOUR], verdicts_of, references) == [reason]


def test_no_test_set_finds_nothing(verdicts_of, references):
    assert verdicts([HARBOUR], [], verdicts_of, references) == [None]
