"""A student answers what a method asks of a prior, and `toedit` can be given it."""

import asyncio

import numpy as np
import pytest

from synth_dagster.errors import MethodError
from synth_dagster.methods.augment.toedit import Toedit
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.student_prior import StudentPrior, StudentSettings
from synth_dagster.parts.models.training import Course, blocks_of, packed_batches, train
from synth_dagster.parts.models.vocabulary import Words
from synth_dagster.records import Document, digest

TEXT = "the boat goes over the river and the boat comes back over the river"


def prior(steps=0):
    words = Words.of([TEXT])
    student = Student.new(Shape(words.size, context=16, width=16, layers=1, heads=2), seed=0)
    if steps:
        train(student, packed_batches(blocks_of([words.symbols(TEXT)] * 4, 16), 8), Course(steps, rate=1e-2))
    return StudentPrior(student, words)


def test_probabilities_and_likeliest_words_are_those_of_the_student():
    one = prior(5)
    tokens = one.tokens(f"{TEXT} slowly")
    assert "".join(tokens) == f"{TEXT} slowly"
    symbols = one.words.symbols(f"{TEXT} slowly")
    assert symbols[-1] == 1  # not known
    logs = one.student.distributions(symbols)
    assert one.probabilities(tokens) == pytest.approx(np.exp(logs[np.arange(len(symbols)), symbols]), rel=1e-4)
    (found,) = one.likeliest(tokens, [3], 4)
    assert len(found.tokens) == 4 and list(found.log_probabilities) == sorted(found.log_probabilities, reverse=True)
    assert found.log_probabilities[0] == pytest.approx(logs[3, 2:].max(), rel=1e-4)
    assert one.words.symbol(found.tokens[0]) == logs[3, 2:].argmax() + 2


def test_what_is_said_of_all_unknown_words_is_shared_among_them():
    # "a b c d e f" with the two commonest known: c, d, e, f are others, and one that was never met
    texts = ["a b a b c", " a b d", " a b e", " a b f"]
    one = StudentPrior.learnt(texts, StudentSettings(vocabulary=2, width=32, layers=1, steps=20))
    assert (one.words.words, one.others) == ((" a", " b"), 6)  # "a" without a blank is one of them
    symbols = one.words.symbols(" a b c")
    together = np.exp(one.student.log_probabilities([symbols])[0])
    found = one.probabilities(one.tokens(" a b c"))
    assert together[2] > 0.5  # after "a b" it is sure of a word that it does not know, and of none of them
    assert found == pytest.approx([*together[:2], together[2] / 6])


SMALL = StudentSettings(width=32, layers=1, steps=3)


def test_a_learnt_prior_is_the_same_again_and_survives_its_bytes():
    one, again = (StudentPrior.learnt([TEXT, "", " \n"], SMALL) for _ in range(2))
    assert one.packed() == again.packed()
    kept = StudentPrior.unpacked(one.packed())
    assert (kept.name, kept.words, kept.others) == (one.name, one.words, one.others)
    assert np.array_equal(kept.probabilities(one.tokens(TEXT)), one.probabilities(one.tokens(TEXT)))
    assert StudentPrior.learnt([TEXT], StudentSettings(width=32, layers=1, steps=4)).name != one.name
    with pytest.raises(MethodError):
        StudentPrior.unpacked(b"pickle")


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_texts_without_a_word_teach_nothing_and_say_so(texts):
    with pytest.raises(MethodError, match="no text has a word"):
        StudentPrior.learnt(texts, SMALL)


def test_equal_students_have_one_name():
    assert prior(2).name == prior(2).name != prior(3).name


class ByStudent(Toedit):
    """As a user writes it: the editing of the method, by a prior of one's own."""

    def prior_of(self, references, models):
        return prior(150)


class NoModels:
    """Stands for services that are not asked."""


def test_toedit_draws_anew_only_what_the_student_is_sure_of():
    method = ByStudent(prior="unused/", sure=0.9, temperature=8.0)
    document = Document(body=TEXT, record_id=digest("text", 0))
    (made,) = asyncio.run(method.augment(document, references=None, models=NoModels()))
    one = prior(150)
    sure = one.probabilities(one.tokens(TEXT)) >= 0.9
    changed = [a != b for a, b in zip(one.tokens(TEXT), one.tokens(made.body), strict=True)]
    assert any(changed) and not any(np.array(changed) & ~sure)
    assert made.attributes["prior"] == one.name
