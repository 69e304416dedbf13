"""What small transformers learn from data of a method: `benchmarks.students` in small, one seed each."""

import pytest

from benchmarks import students_edits, students_sums, students_texts


@pytest.mark.prove
def test_a_student_finds_the_one_wrong_step_of_an_answer_and_no_other():
    found = students_sums.pivotal(0, answers=10, samples=16)
    assert found["right alone"] >= 0.9  # it can do the sums
    assert found["planted found"] >= 0.8 and found["others found"] <= 0.1
    assert found["asked"] < 12  # of the tokens of an answer, each of which might have been asked about


@pytest.mark.prove
def test_rephrased_pages_lower_the_perplexity_of_clean_ones():
    found = students_texts.run(0, steps=100)
    assert found["rephrased, questions"] < found["noisy alone, questions"] / 2
    assert found["rephrased, clean"] < found["noisy alone, clean"]


@pytest.mark.prove
def test_texts_that_a_student_writes_have_a_narrower_spread_than_texts_that_it_edits():
    found = students_edits.run(0, steps=100, learner_steps=50)
    assert found["synthetic, span"] < found["human, span"]
    assert found["edited, span"] >= 0.95 * found["human, span"]
    assert found["synthetic, unseen texts"] > found["edited from .5, unseen texts"]
