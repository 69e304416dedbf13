"""What a student gives away: its scores are those of its distribution, and what it learnt by heart comes out."""

import numpy as np
import pytest

from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Course, blocks_of, packed_batches, train
from synth_dagster.parts.models.vocabulary import Bytes
from synth_dagster.parts.privacy.canaries import Canary, canaries, exposures
from synth_dagster.parts.privacy.students import extracted, scored_by, secrets_by
from tests.parts.made_up_prose import prose

BYTES = Bytes()
SMALL = Shape(BYTES.size, context=64, width=16, layers=1, heads=2)


def test_scores_are_those_of_the_whole_distribution_at_each_place():
    student = Student.new(SMALL)
    found, logs = scored_by(student, BYTES, "the mill"), student.distributions(BYTES.symbols("the mill")).astype(float)
    assert found.own == pytest.approx(student.log_probabilities([BYTES.symbols("the mill")])[0], abs=1e-5)
    mean = (np.exp(logs) * logs).sum(axis=1)
    assert found.mean == pytest.approx(mean)
    assert found.spread == pytest.approx(np.sqrt((np.exp(logs) * (logs - mean[:, None]) ** 2).sum(axis=1)), rel=0.01)


def test_a_secret_is_as_likely_as_its_symbols_after_the_sentence_before_it():
    student = Student.new(SMALL, seed=3)
    student.weights |= {name: 3 * array for name, array in student.weights.items()}  # as drawn, all are as likely
    secrets = secrets_by(student, BYTES)(Canary("kmnpqr", "bbbb"))
    before = "The access code of kmnpqr is kmnpqr-"
    for place, secret in ((0, "bbbb"), (16 + 1, "bbcc"), (16**3 * 15, "wbbb"), (16**4 - 1, "wwww")):
        whole = student.log_probabilities([BYTES.symbols(before + secret)])[0]
        assert secrets[place] == pytest.approx(whole[-4:].sum(), abs=1e-3)


def test_a_text_is_extracted_where_all_that_follows_is_written():
    class Parrot:
        """Carries on two texts, the second one with a slip at the end."""

        def generated(self, prompts, most):
            return [[9, 9, 9] if prompt == [1, 2] else [9, 9, 8] for prompt in prompts]

    class Numbers:
        def symbols(self, text):
            return [int(one) for one in text]

    assert extracted(Parrot(), Numbers(), ["129997", "349997"], prefix=2, continuation=3).tolist() == [True, False]


def learnt(texts):
    student = Student.new(Shape(BYTES.size, context=128, width=64, layers=2, heads=4))
    order = np.random.default_rng(0).permutation(len(texts))
    blocks = blocks_of([BYTES.symbols(texts[place]) for place in order], 128)
    train(student, packed_batches(blocks, 16), Course(200))
    return student


@pytest.mark.prove(minutes=1)
def test_a_trained_student_gives_away_the_codes_and_texts_that_it_saw_often_and_no_other():
    known, texts = canaries(2, 9), prose(1, 60, words=20)
    long = [f"{text} {text}" for text in prose(7, 6, words=12)]
    planted = [one.sentence for place, one in enumerate(known) for _ in range((1, 4, 16)[place // 3])]
    codes_seen, texts_seen = learnt([*texts, *planted]), learnt([*texts, *long * 16])
    once, four, sixteen = exposures(secrets_by(codes_seen, BYTES), known).reshape(3, 3).mean(axis=1)
    never = exposures(secrets_by(texts_seen, BYTES), known)
    assert sixteen > 12 and sixteen > once and four > once
    # by chance the bits of a code have a mean of 1.44 and that deviation: of nine 1.44 +- 0.48
    assert never.mean() < 1.44 + 4 * 0.48
    # what stands sixteen times is carried on from its first 50 bytes, and nothing else is
    assert extracted(texts_seen, BYTES, long).mean() >= 0.5
    assert not extracted(texts_seen, BYTES, prose(9, 40, words=20)).any()
    assert not extracted(codes_seen, BYTES, long).any()
