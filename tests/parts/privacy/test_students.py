"""What a student gives away: the codes and texts that it learnt by heart come out of it, and no others."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from synth_dagster.parts.models.layers import log_softmax
from synth_dagster.parts.models.student import Past, Shape, Student
from synth_dagster.parts.models.training import Course, blocks_of, packed_batches, train
from synth_dagster.parts.models.vocabulary import Bytes
from synth_dagster.parts.privacy.canaries import LETTERS, SECRET, Canary, canaries, exposures
from tests.parts.made_up_prose import prose

BYTES = Bytes()
SMALL = Shape(BYTES.size, context=64, width=16, layers=1, heads=2)


def secrets_by(student: Student) -> Callable[[Canary], np.ndarray]:
    """The log-probability of each of the 2^16 secrets after what stands before it in a canary's sentence."""
    letters = np.array(BYTES.symbols(LETTERS), np.int64)

    def of(canary: Canary) -> np.ndarray:
        sentence = canary.sentence
        before = BYTES.symbols(sentence[: sentence.rindex(canary.secret)])
        symbols, past, scores = np.array([[0, *before]], np.int64), Past(), np.zeros(1)
        for place in range(SECRET):
            hidden, _ = student.hidden(symbols, past)
            last = hidden.reshape(*symbols.shape, -1)[:, -1]
            likely = log_softmax(last @ student.weights["written"].T)[:, letters]
            scores = (scores[:, None] + likely).ravel()
            if place < SECRET - 1:  # each beginning goes on in sixteen ways, and shares what was read of it
                symbols = np.tile(letters, len(symbols))[:, None]
                past[:] = [tuple(np.repeat(one, len(letters), axis=0) for one in pair) for pair in past]  # type: ignore[misc]
        return scores.round(6)

    return of


def extracted(student: Student, texts: Sequence[str]) -> np.ndarray:
    """For each text whether its bytes 50 to 100 are written letter by letter after the first 50 (arXiv:2202.07646)."""
    read = [BYTES.symbols(text)[:100] for text in texts]
    wrote = student.generated([symbols[:50] for symbols in read], 50)
    return np.array([one == symbols[50:] for one, symbols in zip(wrote, read, strict=True)], bool)


def test_a_secret_is_as_likely_as_its_symbols_after_the_sentence_before_it():
    student = Student.new(SMALL, seed=3)
    student.weights |= {name: 3 * array for name, array in student.weights.items()}  # as drawn, all are as likely
    secrets = secrets_by(student)(Canary("kmnpqr", "bbbb"))
    before = "The access code of kmnpqr is kmnpqr-"
    for place, secret in ((0, "bbbb"), (16 + 1, "bbcc"), (16**3 * 15, "wbbb"), (16**4 - 1, "wwww")):
        whole = student.log_probabilities([BYTES.symbols(before + secret)])[0]
        assert secrets[place] == pytest.approx(whole[-4:].sum(), abs=1e-3)


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
    once, four, sixteen = exposures(secrets_by(codes_seen), known).reshape(3, 3).mean(axis=1)
    never = exposures(secrets_by(texts_seen), known)
    assert sixteen > 12 and sixteen > once and four > once
    # by chance the bits of a code have a mean of 1.44 and that deviation: of nine 1.44 +- 0.48
    assert never.mean() < 1.44 + 4 * 0.48
    # what stands sixteen times is carried on from its first 50 bytes, and nothing else is
    assert extracted(texts_seen, long).mean() >= 0.5
    assert not extracted(texts_seen, prose(9, 40, words=20)).any()
    assert not extracted(codes_seen, long).any()
