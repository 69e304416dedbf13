"""Embeddings without a model: hashed TF-IDF and its SVD, against sums by hand and the exact decomposition."""

import asyncio

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.lexical import DIMENSIONS, LexicalEmbedder, _counted, _directions, embedded
from synth_dagster.teacher.rehearsal import Overlay
from synth_dagster.teacher.roles import RoleSettings, resolve

TOPICS = {
    "sea": ["harbour", "ship", "sailor", "anchor", "tide", "lighthouse", "captain", "deck"],
    "kitchen": ["oven", "bread", "flour", "yeast", "butter", "baker", "dough", "crust"],
    "garden": ["apple", "orchard", "pear", "blossom", "branch", "root", "harvest", "plum"],
}


def about(topic: str, number: int) -> str:
    """Five of a topic's eight words, drawn by the number: two texts of one topic share some, of others none."""
    drawn = np.random.default_rng(number).permutation(TOPICS[topic])[:5]
    return " ".join(drawn)


def dense(matrix) -> np.ndarray:
    made = np.zeros((len(matrix), matrix.width))
    for row in range(len(matrix)):
        there = slice(matrix.offsets[row], matrix.offsets[row + 1])
        made[row, matrix.columns[there]] = matrix.values[there]
    return made


def test_weights_are_those_of_the_formula():
    # n = 2 texts. "a" stands in both: idf = log(3 / 3) + 1 = 1; "b" and "c" in one: log(3 / 2) + 1 = 1.405465
    # "a a b": a has tf 2, so (1 + log 2) * 1 = 1.693147, b 1.405465; length sqrt(2.866747 + 1.975332) = 2.200473
    weighed = np.abs(dense(_counted(pa.array(["a a b", "a c"])).weighed()))
    assert sorted(weighed[0][weighed[0] > 0]) == pytest.approx([1.405465 / 2.200473, 1.693147 / 2.200473], abs=1e-6)


def test_few_texts_keep_their_exact_cosines():
    texts = [about(topic, number) for topic in TOPICS for number in range(10)]
    exact = dense(_counted(pa.array(sorted(set(texts)))).weighed())
    vectors = embedded(sorted(set(texts)))
    np.testing.assert_allclose(vectors @ vectors.T, exact @ exact.T, atol=1e-5)


def test_the_directions_are_those_of_the_exact_decomposition():
    # 400 texts of up to 60 words out of 500, which fall off in frequency: 128 of about 400 directions are kept
    rng = np.random.default_rng(1)
    texts = [" ".join(f"w{word}" for word in rng.zipf(1.3, 60) if word < 500) for _ in range(400)]
    matrix = _counted(pa.array(sorted(set(texts)))).weighed()
    kept = dense(matrix) @ _directions(matrix)
    _, values, _ = np.linalg.svd(dense(matrix), full_matrices=False)
    best = np.sum(values[:DIMENSIONS] ** 2)  # what no 128 directions can hold more of
    assert np.sum(kept**2) == pytest.approx(best, rel=5e-3) and np.sum(kept**2) <= best * (1 + 1e-9)


def test_texts_of_one_topic_are_near_and_others_far_though_few_words_are_shared():
    texts = [about(topic, number) for topic in TOPICS for number in range(40)]
    vectors, names = embedded(texts), np.repeat(list(TOPICS), 40)
    near = vectors @ vectors.T
    same = names[:, None] == names[None, :]
    assert near[same].mean() > 0.3 and abs(near[~same].mean()) < 0.1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=12), st.randoms())
def test_any_texts_in_any_order_give_the_same_vectors_of_unit_length(texts, random):
    vectors = embedded(texts)
    assert vectors.shape == (len(texts), DIMENSIONS) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    order = random.sample(range(len(texts)), len(texts))
    np.testing.assert_array_equal(embedded([texts[place] for place in order] * 2)[: len(texts)], vectors[order])


def test_no_texts_are_no_rows():
    assert embedded([]).shape == (0, DIMENSIONS)


def test_without_an_endpoint_the_embedder_is_lexical_and_asks_nobody():
    role = resolve("embedder", RoleSettings.model_validate({}), {})
    from synth_dagster.teacher.budget import Budget

    teachers = Teachers({"embedder": role}, cache=Overlay(None), budget=Budget(), run_id="r")
    assert isinstance(teachers.embedder, LexicalEmbedder)
    vectors = asyncio.run(teachers.embedder.embed(["the ship", "the ship sails", "bread"]))
    assert vectors[0] @ vectors[1] > 0.5 > abs(vectors[0] @ vectors[2])
    assert teachers.usage.total.calls == 0
