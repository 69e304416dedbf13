"""Compression ratio: it is gzip's, and it rises with repetition."""

import gzip
import random

import pyarrow as pa
import pytest

from synth_dagster.methods.measure.compression_ratio import CompressionRatio


def numbers(*texts, **settings):
    return CompressionRatio(**settings).measure(pa.table({"text": pa.array(texts, pa.string())})).numbers


def words(rng, count):
    return " ".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(count))


@pytest.mark.parametrize(
    "texts", [("a" * 1_000,), ("one", "two é"), tuple(f"line {number}" for number in range(2_500))]
)
def test_it_is_the_ratio_of_gzip_over_the_lines(texts):
    plain = "".join(f"{text}\n" for text in texts).encode()
    found = numbers(*texts)
    assert found["bytes"] == len(plain)
    assert found["ratio"] == len(plain) / len(gzip.compress(plain, 9, mtime=0))


def test_a_thousand_equal_letters_shrink_to_a_few_bytes():
    # gzip: 18 bytes of frame and about 11 of data for 1,001 bytes
    assert 30 < numbers("a" * 1_000)["ratio"] < 40


def test_a_set_twice_over_has_about_twice_the_ratio():
    text = words(random.Random(1), 1_000)  # 7 KB, inside the window
    assert numbers(text, text)["ratio"] > 1.8 * numbers(text)["ratio"]


def test_pieces_of_one_size_make_sets_of_different_size_comparable():
    rng = random.Random(2)
    vocabulary = words(rng, 500).split()
    small, large = (" ".join(rng.choices(vocabulary, k=count)) for count in (700, 20_000))
    few, many = numbers(small, segment=2_000), numbers(large, segment=2_000)
    assert many["ratio"] > 1.15 * few["ratio"]
    assert many["ratio_segment"] == pytest.approx(few["ratio_segment"], rel=0.05)


@pytest.mark.parametrize("texts", [(), (None,)], ids=["none", "missing"])
def test_no_text_has_no_ratio(texts):
    assert numbers(*texts) == {"bytes": 0}
