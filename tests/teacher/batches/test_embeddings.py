"""Embeddings in provider batches: each text once, whoever asks for it and however often."""

import asyncio

import numpy as np
import pytest

from synth_dagster.errors import Pending
from synth_dagster.teacher.roles import EMBEDDER
from tests.teacher.faulty import Say

TEXTS = ["a", "bb", "ccc", "bb"]


@pytest.fixture
def embedder(role):
    def embedder(**settings):
        return role(EMBEDDER, "text-embedding-3-small", **settings)

    return embedder


async def two_askers(teachers):
    """The same texts and others, by two at once."""
    return await asyncio.gather(teachers.embedder.embed(TEXTS), teachers.embedder.embed(["ccc", "dddd"]))


def unit(length):
    """The server's vector of a text is its length and 1."""
    return np.array([length, 1.0]) / np.hypot(length, 1.0)


def test_texts_wait_are_collected_and_cost_half(run, server, embedder, lake):
    with pytest.raises(Pending, match="waits for 4 answers from 1 provider batch"):
        run(two_askers, endpoint=embedder())
    (batch,) = server.batches
    assert batch.endpoint == "/v1/embeddings"
    assert sorted(line["body"]["input"] for line in batch.lines) == [["a"], ["bb"], ["ccc"], ["dddd"]]
    server.finish(twice=True)
    first, second = run(two_askers, endpoint=embedder())
    assert np.allclose(first, [unit(len(text)) for text in TEXTS], atol=1e-6)
    assert np.allclose(second, [unit(3), unit(4)], atol=1e-6)
    assert server.calls == 0 and len(server.batches) == 1
    # 4 texts of 2 tokens at 0.02 dollars a million, halved
    usage = lake.sessions.usage(dataset="d")
    assert (usage.calls, usage.tokens_in) == (4, 8) and usage.usd == pytest.approx(8 * 0.02 / 1e6 / 2)


def test_texts_that_failed_go_into_the_next_batch_or_are_asked_live(run, server, embedder):
    with pytest.raises(Pending):
        run(two_askers, endpoint=embedder())
    server.finish(fails=lambda place, line: Say(status=500) if place < 2 else None)
    with pytest.raises(Pending, match="waits for 2 answers"):
        run(two_askers, endpoint=embedder())
    server.finish(fails=lambda place, line: "batch_expired" if place < 1 else None)
    first, _ = run(two_askers, endpoint=embedder(batch_failures="live"))
    assert np.allclose(first, [unit(len(text)) for text in TEXTS], atol=1e-6)
    assert server.calls == 1 and [len(batch.lines) for batch in server.batches] == [4, 2]


def test_a_vector_of_the_wrong_form_is_a_failed_line(run, server, embedder, ledger):
    async def one(teachers):
        return await teachers.embedder.embed(["a"])

    with pytest.raises(Pending):
        run(one, endpoint=embedder())
    server.finish(spoils=lambda row: row["response"]["body"].update(data=[]))
    with pytest.raises(Pending, match="waits for 1 answer "):
        run(one, endpoint=embedder())
    assert [fate.reason for fate in ledger.fates().values()] == ["damaged"]
