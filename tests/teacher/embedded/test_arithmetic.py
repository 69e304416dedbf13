"""The embedded teacher solves, rewords and states the word problems of its own language, and refuses any other."""

import json

import pytest

from synth_dagster.methods.augment.metamath import DECLARE, REPHRASE, SOLVE, Declared, Rephrased
from synth_dagster.parts.asking.calls import tagged
from synth_dagster.parts.mathematics.answers import final_answer
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.readers.word_problems import item_of
from synth_dagster.teacher.embedded.answers import answer
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.writing import EXTRACTIVE


def asked(prompt, into=None, seed=0, **values):
    schema = into.model_json_schema() if into else None
    text = answer(prompt.messages(values), model=EXTRACTIVE, chance=Chance.of(seed), schema=schema)
    return json.loads(text) if into else text


def problems(count=40):
    return [item_of(number, 0).text.partition("\n\n") for number in range(count)]


def test_problems_are_solved_step_by_step():
    for question, _, solution in problems():
        said = asked(SOLVE, problem=tagged("problem", question))
        assert final_answer(said) == final_answer(solution)
        assert len(said.splitlines()) >= 3


def test_another_sample_takes_another_path_to_the_same_answer():
    question = problems()[0][0]
    said = {asked(SOLVE, seed=seed, problem=tagged("problem", question)) for seed in range(12)}
    assert len(said) > 1 and len({final_answer(text) for text in said}) == 1
    assert asked(SOLVE, seed=3, problem=tagged("problem", question)) in said


def test_a_reworded_problem_is_another_text_and_the_same_problem():
    for question, _, _ in problems():
        again = asked(REPHRASE, Rephrased, problem=tagged("problem", question))["question"]
        assert again != question and read(again).steps == read(question).steps


def test_a_problem_that_it_cannot_read_comes_back_as_it_is():
    problem = "A train leaves at noon. When does it arrive?"
    assert asked(REPHRASE, Rephrased, problem=tagged("problem", problem)) == {"question": problem}


def test_a_question_and_its_answer_become_a_statement():
    given = {"clause": tagged("clause", "how many boxes does Tom fill?"), "answer": tagged("answer", "7")}
    assert asked(DECLARE, Declared, **given) == {"statement": "Tom fills 7 boxes."}


@pytest.mark.parametrize(
    "problem",
    ["A train leaves at noon. When does it arrive?", "Mia has x marbles. How many marbles does Mia have now?"],
)
def test_what_it_cannot_read_it_does_not_guess(problem):
    said = asked(SOLVE, problem=tagged("problem", problem))
    assert final_answer(said) is None and "cannot read" in said
