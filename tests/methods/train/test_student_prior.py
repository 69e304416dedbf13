"""The trainer: texts in, a transformer out, which foretells texts of the same kind better than counting does."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.methods.train.student_prior import StudentPrior
from synth_dagster.parts.models import ngram_prior, student_prior

LOG = Path(__file__).parents[3] / "recipes/gallery/worlds/logbook"


def texts(name):
    return [json.loads(line)["text"] for line in (LOG / name).read_text(encoding="utf-8").splitlines()]


def flat(some):
    return pa.table({"text": pa.array(some, pa.string()), "label": pa.array([""] * len(some))})


def test_the_artefact_is_a_prior_of_the_texts():
    told = "the boat goes over and the ship comes back. "
    data = StudentPrior(width=32, layers=1, steps=30).train(flat([told * 60, None, ""]))
    prior = student_prior.StudentPrior.unpacked(data)
    chances = prior.probabilities(prior.tokens(told * 3))[10:-1]  # but the blank at the end
    # twelve words and marks: an even draw gives each a twelfth
    assert min(chances) > 0.15 and StudentPrior(width=32, layers=1, steps=31).train(flat([told])) != data


@pytest.mark.prove
@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_it_foretells_other_days_of_a_log_better_than_runs_of_five_words_do(left_out):
    given = [text for place, text in enumerate(texts("prior.jsonl")) if place % 3 != left_out]
    learnt = student_prior.StudentPrior.unpacked(StudentPrior(layers=1, steps=100).train(flat(given)))
    counted = ngram_prior.NgramPrior.learnt(given, ngram_prior.PriorSettings())
    by_learnt, by_counted = (
        np.concatenate([prior.probabilities(prior.tokens(day)) for day in texts("edited.jsonl")])
        for prior in (learnt, counted)
    )
    assert len(by_learnt) == len(by_counted)  # the same words
    assert np.exp(-np.log(by_learnt).mean()) < np.exp(-np.log(by_counted).mean()) - 0.02
    # what it is nearly sure of hardly ever turns out otherwise
    assert (by_learnt >= 0.99).mean() > 0.3
