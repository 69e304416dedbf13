"""The turns of a transcript come back letter by letter; what is no transcript is dropped with the reason."""

import asyncio
from typing import Any

import pytest

from synth_dagster.methods.synthesize.conversation import Conversation
from synth_dagster.parts.asking.transcript import Conversation as Turns
from synth_dagster.parts.asking.transcript import transcript
from synth_dagster.records import Document, Message


def made(body, **more) -> Any:
    return asyncio.run(Conversation().synthesize(Document(body=body, record_id=b"doc", **more)))


def test_turns_come_back_and_quote_their_document():
    turns = (Message("user", "Sort:\n\n### user\n\nb a"), Message("assistant", "a b\n"))
    body = transcript(Turns(turns))
    attributes = {"is_classification": False, "native_key": "7", "chunk": 0}
    (one,) = made(body, attributes=attributes)
    assert one.messages == turns and one.attributes == {"is_classification": False}
    assert [span.text for span in one.evidence] == [body] and one.parents[0].record_id == b"doc"


def test_a_pair_gives_its_better_side():
    pair = Turns((Message("user", "Why?"),), (Message("assistant", "So."),), (Message("assistant", "No."),))
    (one,) = made(transcript(pair))
    assert [turn.content for turn in one.messages] == ["Why?", "So."]


@pytest.mark.parametrize(
    ("body", "reason"),
    [(" \n", "blank_text"), ("A page of prose.", "no_transcript"), ("### user\n\nWhy?", "no_answer")],
)
def test_what_is_no_conversation_says_why(body, reason):
    assert made(body).reason == reason
