"""The step that asks for vectors: one text a record, cut where an encoder reads no further; the record stays."""

import asyncio

import numpy as np
import pytest

from synth_dagster.errors import MethodError
from synth_dagster.methods.refine.embed import Embed
from synth_dagster.records import Document, Instruction, Message, Preference
from synth_dagster.services import Drop
from synth_dagster.teacher.lexical import LexicalEmbedder


class Listening:
    """An embedder that notes what it is shown."""

    model = "encoder"

    def __init__(self, vector=(0.6, 0.8)):
        self.vector, self.shown = vector, []

    async def embed(self, texts):
        self.shown += texts
        return np.array([self.vector] * len(texts), np.float32)


def embedded(record, embedder, **settings):
    return asyncio.run(Embed(**settings).refine(record, embedder=embedder))


ASKED = (Message("user", "Why is it so?"),)


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        pytest.param(Document(body="A page.", title="Not shown"), "A page.", id="document"),
        pytest.param(Instruction.single("Why?", "Because."), "Why?\n\nBecause.", id="instruction"),
        pytest.param(
            Preference(prompt=ASKED, chosen=(Message("assistant", "Yes."),), rejected=(Message("assistant", "No."),)),
            "Why is it so?\n\nYes.\n\nNo.",
            id="preference",
        ),
        pytest.param(Document(body="é" * 150), "é" * 100, id="a long one is cut"),
    ],
)
def test_all_words_of_a_record_are_shown_once_and_the_record_stays_as_it_is(record, shown):
    embedder = Listening()
    assert embedded(record, embedder, characters=100) is record
    assert embedder.shown == [shown]


def test_a_record_that_says_nothing_is_not_asked_about():
    embedder = Listening()
    blank = Document(body=" \n-- ")
    assert embedded(blank, embedder) is blank and embedder.shown == []


def test_a_vector_of_zeros_is_none():
    found = embedded(Document(body="A page."), Listening((0.0, 0.0)))
    assert isinstance(found, Drop) and found.reason == "no_vector"


def test_without_an_endpoint_nothing_could_be_kept_so_the_step_says_what_to_set():
    with pytest.raises(MethodError, match=r"no endpoint here.*SYNTH_EMBEDDING_MODEL.*vectors: words"):
        embedded(Document(body="A page."), LexicalEmbedder())
