"""Importance weights over hashed n-grams: the sums written out, and what is like a target comes first."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.parts.mixing.importance import Buckets, gumbel, log_ratio, log_weights
from synth_dagster.parts.text.hashed_words import ngrams, normalise, words


def column(*texts):
    return pa.array(texts, pa.string())


def by_hand(texts, target, raw, buckets, smoothing):
    """The same, one text and one n-gram after the other."""

    def bag(some):
        return Counter(gram for text in some for gram in grams(text))

    def grams(text):
        single = words(normalise(column(text)))
        pairs = ngrams(single, 2).hashes + np.uint64(1)  # so that a pair is not a word of the same hash
        return [int(one) % buckets for one in (*single.hashes.tolist(), *pairs.tolist())]

    p, q = bag(target), bag(raw)
    total = {id(one): sum(one.values()) + smoothing * buckets for one in (p, q)}
    return [
        sum(
            math.log((p[gram] + smoothing) / total[id(p)]) - math.log((q[gram] + smoothing) / total[id(q)])
            for gram in grams(text)
        )
        for text in texts
    ]


@pytest.mark.parametrize("count", [7, 10_000], ids=["many in one bucket", "as in the paper"])
def test_weights_are_those_of_the_sums_written_out(count):
    target = ["the river runs to the sea", "a river and a sea"]
    raw = [*target, "buy now and save", "the offer ends now", "", "Sea! Sea."]
    buckets = Buckets(count)
    ratio = log_ratio(buckets.counted(column(*target)), buckets.counted(column(*raw)), 0.5)
    assert log_weights(column(*raw), ratio, buckets) == pytest.approx(by_hand(raw, target, raw, count, 0.5), abs=1e-9)


def test_a_text_without_words_weighs_one_and_equal_sets_weigh_all_alike():
    buckets = Buckets(100)
    counts = buckets.counted(column("a b", "c"))
    assert log_weights(column("a b", "", None), log_ratio(counts, counts, 1.0), buckets).tolist() == [0, 0, 0]
    assert log_weights(column(), np.zeros(100), buckets).tolist() == []


def test_the_noise_of_a_record_is_its_own_and_is_gumbels():
    ids = pa.array([b"%d" % number for number in range(4_000)])
    noise = gumbel(ids, 1)
    assert noise[7] == gumbel(ids.slice(7, 1), 1)[0] != gumbel(ids.slice(7, 1), 2)[0]
    # mean .5772, standard deviation pi / sqrt(6) = 1.2825; of 4,000 the mean is known to .02: four times that
    assert noise.mean() == pytest.approx(0.5772, abs=0.08)
    assert noise.std() == pytest.approx(1.2825, rel=0.1)
