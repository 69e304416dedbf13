"""Codes stand in as many copies as said, in documents of the batch, and say of themselves that they were planted."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.methods.synthesize.plant_canaries import PlantCanaries
from synth_dagster.parts.privacy.canaries import canaries, planted_in
from synth_dagster.records import Document
from synth_dagster.services import Drop


def pool_of(*texts):
    return [Document(record_id=bytes([n]) * 16, body=text, attributes={"kept": 1}) for n, text in enumerate(texts)]


def planted(pool, **settings):
    (made,) = asyncio.run(PlantCanaries(**settings).round(pool, 0))
    return made


@given(st.integers(1, 30), st.lists(st.integers(1, 20), min_size=1, max_size=3), st.integers(1, 4))
def test_each_code_stands_in_as_many_copies_as_said(documents, repetitions, codes):
    pool = pool_of(*(f"text {number}" for number in range(documents)))
    made = planted(pool, repetitions=tuple(repetitions), codes=codes)
    times = Counter(canary for document in made for canary in planted_in(document.body))
    expected = [n for n in repetitions for _ in range(codes)]
    assert [times[canary] for canary in canaries(0, len(expected))] == expected
    assert len(made) == sum(expected)
    for document in made:
        (host,) = document.parents
        assert document.body.startswith(host.body) and dict(document.attributes).keys() == {"kept", "planted"}
    hosts = Counter((canary, d.parents[0].record_id) for d in made for canary in planted_in(d.body))
    assert max(hosts.values()) <= -(-max(repetitions) // documents)  # spread as evenly as documents allow


def test_the_seed_decides_and_nothing_else():
    pool = pool_of("one", "two", "three")
    assert planted(pool) == planted(pool) != planted(pool, seed=1)


def test_there_is_one_round():
    assert asyncio.run(PlantCanaries().round(pool_of("one"), 1)) == []


@pytest.mark.parametrize("texts", [[], ["", " \n"]])
def test_where_nothing_says_anything_nothing_is_planted(texts):
    found = asyncio.run(PlantCanaries().round(pool_of(*texts), 0))
    assert found == [] or ([type(one) for one in found] == [Drop] and found[0].reason == "no_host")
