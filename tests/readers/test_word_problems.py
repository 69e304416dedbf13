"""Problems that a program writes: the same for a seed, whole in themselves, and entered at any of them."""

from itertools import islice

import pytest

from synth_dagster.parts.mathematics.answers import final_answer, number_of
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.readers.base import DeliveryChanged
from synth_dagster.readers.places import Places
from synth_dagster.readers.word_problems import WordProblems


def items(root, start=None, **settings):
    return list(WordProblems(**settings).items(Places(root), start=start))


def test_each_problem_has_the_solution_that_solving_it_again_gives(tmp_path):
    for item in items(tmp_path, count=150):
        problem, _, solution = item.text.partition("\n\n")
        again = solve(read(problem), lambda _, choices: choices[0])
        assert number_of(final_answer(solution)) == again.answer
        assert (item.license, item.lang, item.attributes["made_by"]) == ("Apache-2.0", "en", "program")


def test_the_same_seed_writes_the_same_and_a_larger_count_begins_with_the_same(tmp_path):
    few, many = items(tmp_path, count=20), items(tmp_path, count=60)
    assert few == many[:20]
    assert len({item.text for item in many}) == len({item.native_key for item in many}) == 60
    assert not {item.text for item in items(tmp_path, count=60, seed=1)} & {item.text for item in many}


def test_a_delivery_is_entered_at_any_problem(tmp_path):
    whole = items(tmp_path, count=30)
    for place in (0, 1, 29):
        assert items(tmp_path, count=30, start=whole[place].locator) == whole[place:]


def test_a_million_problems_are_not_written_before_the_first_is_read(tmp_path):
    assert len(list(islice(WordProblems(count=1_000_000).items(Places(tmp_path)), 3))) == 3


@pytest.mark.parametrize("start", ['{"number":30}', '{"number":-1}', '{"number":"a"}', "{}", "no place"])
def test_a_place_that_is_not_there_is_refused(tmp_path, start):
    with pytest.raises(DeliveryChanged, match="Run 'synth run' again"):
        items(tmp_path, count=30, start=start)
