"""The suite over records: what repetition, collapse and a reference do to its numbers, and quality beside them."""

import json
import random

import pyarrow as pa
import pytest

from synth_dagster.errors import MethodError
from synth_dagster.methods.measure.quality_diversity_suite import QualityDiversitySuite
from synth_dagster.runner.vectors import NoVectors

TOPICS = [[f"{''.join(random.Random(f'{topic} {word}').choices('abcdefghiklmnoprstuvw', k=7))}" for word in range(40)]
          for topic in range(40)]  # fmt: skip


def measured(references, texts, attributes=None, aims=(), **settings):
    flat = pa.table(
        {
            "record_id": pa.array([b"%05d" % number for number in range(len(texts))], pa.binary()),
            "text": pa.array(texts, pa.string()),
            "attributes": pa.array([json.dumps(one) for one in attributes or [{}] * len(texts)], pa.string()),
        }
    )
    method = QualityDiversitySuite(reference="aims/" if aims else "", **settings)
    return method.measure(flat, references=references({"aims/": list(aims)}), vectors=NoVectors())


def varied(count, seed):
    """Texts of 40 topics, each with words of its own."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(TOPICS[number % 40], k=25)) for number in range(count)]


def by_topic(count, seed=2):
    """Texts of 20 topics, one topic after the other."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(TOPICS[number * 20 // count], k=25)) for number in range(count)]


def said_over(seeds, count):
    """Paraphrases: the same words in another order."""
    rng = random.Random(9)
    found = []
    for number in range(count):
        said = seeds[number % len(seeds)].split()
        rng.shuffle(said)
        found.append(" ".join(said))
    return found


def test_a_set_twice_over(references):
    texts = varied(60, 1)
    once, twice = (measured(references, some, halves=2).numbers for some in (texts, texts * 2))
    assert all(twice[f"distinct_{n}"] == pytest.approx(once[f"distinct_{n}"] / 2, abs=1e-6) for n in (1, 2, 3, 4))
    assert twice["vendi"] == pytest.approx(once["vendi"], abs=2e-6)
    assert twice["gzip_ratio"] > 1.2 * once["gzip_ratio"]
    assert (twice["nearest_distance"], twice["types"]) == (pytest.approx(0, abs=1e-6), once["types"])


def test_a_collapse_of_half_the_records_is_seen_beyond_the_margins(references):
    # ten of each of 20 topics; instead of the last ten topics, ten texts of the first ones said over
    before = by_topic(200)
    after = before[:100] + said_over(before[:100:10], 100)
    whole, collapsed = (measured(references, some, aims=by_topic(120, 3)).numbers for some in (before, after))
    for name in ("vendi", "group_evenness", "coverage", "nearest_distance"):
        assert collapsed[f"{name}_high"] < whole[f"{name}_low"], name


def test_length_is_not_taken_for_repetition(references):
    short = [" ".join(text.split()[:10]) for text in varied(100, 4)]
    long = varied(100, 4)
    few, many = (measured(references, some, matched=10, halves=2).numbers for some in (short, long))
    assert many["distinct_1"] < few["distinct_1"]
    assert many["distinct_1_matched"] == few["distinct_1_matched"]
    assert many["gzip_ratio_matched"] == few["gzip_ratio_matched"]


def test_no_more_records_than_asked_are_measured_and_the_same_ones_each_time(references):
    found = measured(references, varied(80, 5), size=30, halves=3)
    assert found.numbers["records"] == 30
    assert found == measured(references, varied(80, 5), size=30, halves=3)


def test_quality_beside_variety(references):
    # the best half are all different, the worse half say the first over and over
    texts = varied(40, 6)
    texts = texts + [texts[0]] * 40
    found = measured(
        references, texts, [{"score": 5 if place < 40 else 1} for place in range(80)], quality="score", halves=2
    )
    assert (found.numbers["quality"], found.numbers["quality_sd"]) == (3, 2)
    assert found.histogram["vendi of the best 50%"] > found.histogram["vendi of the best 100%"]
    assert found.numbers["knee_retained"] == 0.5


def test_quality_that_no_record_has_is_named(references):
    with pytest.raises(MethodError, match="no record has a number 'score' in its attributes"):
        measured(references, ["a text"], quality="score")


@pytest.mark.parametrize("texts", [(), (None,), ("", "?!")], ids=["none", "missing", "no words"])
def test_no_words_are_not_measured(references, texts):
    assert measured(references, texts).numbers == {"records": 0}


def test_one_record_has_numbers_and_no_margins(references):
    found = measured(references, ["only one text of a few words"]).numbers
    assert (found["records"], found["vendi"]) == (1, pytest.approx(1)) and "vendi_low" not in found
