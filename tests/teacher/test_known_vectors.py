"""Vectors that were asked for before: found by text and model, told apart where there are none, never asked for."""

import asyncio
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.errors import TeacherError
from synth_dagster.teacher import known_vectors as module
from synth_dagster.teacher.cache import AnswerCache, StoredVector, vector_id
from synth_dagster.teacher.known_vectors import KnownVectors
from synth_dagster.teacher.roles import EMBEDDER, Endpoint

ENDPOINT = Endpoint(EMBEDDER, "endpoint", ("encoder",), base_url="http://127.0.0.1:1/v1")


@pytest.fixture
def cache(tmp_path):
    with AnswerCache.open(tmp_path / "cache.sqlite") as cache:
        yield cache


def keep(cache, vectors, model="encoder", revision=None):
    rows = {
        vector_id(text, model, revision): StoredVector(model=model, vector=np.array(vector, "<f4").tobytes())
        for text, vector in vectors.items()
    }
    asyncio.run(cache.put_vectors(rows))


def whole(text):
    return text


def test_kept_vectors_come_back_at_unit_length_and_the_others_are_nan(cache):
    keep(cache, {"a": [3, 4], "b": [0, 2], "zero": [0, 0]})
    found = KnownVectors(cache, ENDPOINT, whole).of(["b", "nobody asked", "a", None, " . ", "zero", "b"])
    nan = [np.nan] * 2
    assert np.allclose(found, [[0, 1], nan, [0.6, 0.8], nan, nan, nan, [0, 1]], equal_nan=True)
    assert found.dtype == np.float32


def test_a_text_is_found_by_what_of_it_was_shown(cache):
    keep(cache, {"abc": [1, 0]})
    known = KnownVectors(cache, ENDPOINT, lambda text: text[:3])
    assert known.of(["abcdef"]).tolist() == [[1, 0]]


def test_where_none_has_one_there_is_one_dimension_of_nan(cache):
    known = KnownVectors(cache, ENDPOINT, whole)
    assert known.of(["a", "b"]).shape == (2, 1) and np.isnan(known.of(["a"])).all()
    assert known.of([]).shape == (0, 1)


def test_another_model_or_revision_has_other_vectors(cache):
    keep(cache, {"a": [1, 0]})
    keep(cache, {"a": [0, 1]}, revision="2")
    for endpoint, model, vector in (
        (ENDPOINT, "encoder", [1, 0]),
        (replace(ENDPOINT, revision="2"), "encoder of revision 2", [0, 1]),
    ):
        known = KnownVectors(cache, endpoint, whole)
        assert (known.model, known.of(["a"]).tolist()) == (model, [vector])
    assert np.isnan(KnownVectors(cache, replace(ENDPOINT, models=("other",)), whole).of(["a"])).all()


def test_many_texts_are_looked_up_some_at_a_time_and_in_whatever_form(cache, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 7)
    texts = [f"text {number}" for number in range(40)]
    keep(cache, {text: [1, number] for number, text in enumerate(texts) if number % 3})
    by_list = KnownVectors(cache, ENDPOINT, whole).of(texts)
    column = pa.chunked_array([texts[:15], texts[15:]])
    for same in (pa.array(texts), column):
        assert np.array_equal(KnownVectors(cache, ENDPOINT, whole).of(same), by_list, equal_nan=True)
    assert [place for place, row in enumerate(by_list) if np.isnan(row).any()] == list(range(0, 40, 3))


@pytest.mark.parametrize("calls", [[["a", "b"]], [["a"], ["b"]]], ids=["in one call", "in two calls"])
def test_vectors_of_two_lengths_under_one_name_are_refused_with_both(cache, calls):
    keep(cache, {"a": [1, 0]})
    keep(cache, {"b": [1, 0, 0]})
    known = KnownVectors(cache, ENDPOINT, whole)
    with pytest.raises(TeacherError, match=r"[23] and of [23] numbers under the model name 'encoder'.*Set 'revision'"):
        list(map(known.of, calls))


def test_inside_a_running_loop_they_are_found_as_well(cache):
    keep(cache, {"a": [1, 0]})
    known = KnownVectors(cache, ENDPOINT, whole)

    async def story():
        return known.of(["a"]).tolist()

    assert asyncio.run(story()) == [[1, 0]]


def test_a_role_without_an_endpoint_has_none(cache):
    with pytest.raises(TeacherError, match=r"no endpoint here.*vectors: words"):
        KnownVectors(cache, Endpoint(EMBEDDER, "embedded", ("embedded-lexical",)), whole)
