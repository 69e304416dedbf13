"""A conversation is readable as text, and the text gives exactly the conversation back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.asking.transcript import ROLES, Conversation, parsed, transcript
from synth_dagster.records import Message, canonical_json

CALL = canonical_json([{"function": {"arguments": '{"city":"Pell"}', "name": "weather"}, "id": "c1"}])


def test_a_conversation_reads_like_one():
    talk = Conversation(
        (
            Message("system", "Be brief."),
            Message("user", "What is the weather in Pell?", "Ann Lee"),
            Message("assistant", "", tool_calls=CALL),
            Message("tool", "12 degrees", "weather"),
            Message("assistant", "Twelve degrees."),
        )
    )
    assert transcript(talk) == (
        "### system\n\nBe brief.\n\n"
        '### user "Ann Lee"\n\nWhat is the weather in Pell?\n\n'
        f"### assistant\n\n\n\n### assistant calls\n\n{CALL}\n\n"
        '### tool "weather"\n\n12 degrees\n\n'
        "### assistant\n\nTwelve degrees."
    )
    assert parsed(transcript(talk)) == talk


def test_a_preference_has_two_ends():
    pair = Conversation((Message("user", "Why?"),), (Message("assistant", "So."),), (Message("assistant", "No."),))
    text = transcript(pair)
    assert text == "### user\n\nWhy?\n\n### chosen assistant\n\nSo.\n\n### rejected assistant\n\nNo."
    assert parsed(text) == pair


def test_what_only_looks_like_a_heading_stays_and_other_headings_are_left_alone():
    content = '### user\n\\### assistant calls\n### Step 1\n### tool "x"\n#### user'
    text = transcript(Conversation((Message("user", content), Message("assistant", "### user"))))
    assert "\n\\### user\n\\\\### assistant calls\n### Step 1\n\\### tool" in text
    assert [message.content for message in parsed(text).messages] == [content, "### user"]


# pieces that collide with the headings, beside any text
pieces = st.sampled_from(
    ["\n", "\n\n", "### user", "### chosen assistant", "\\", "### tool calls", '### user "a"', "\r"]
)
contents = st.lists(st.one_of(pieces, st.text(max_size=5)), max_size=8).map("".join)
messages = st.builds(
    Message,
    st.sampled_from(ROLES),
    contents,
    st.none() | contents,
    st.none() | st.lists(st.dictionaries(st.text(max_size=3), contents, max_size=2), max_size=2).map(canonical_json),
)
turns = st.lists(messages, min_size=1, max_size=4).map(tuple)


@given(turns, st.none() | st.tuples(turns, turns))
def test_every_conversation_survives(prompt, answers):
    talk = Conversation(prompt, *(answers or ()))
    assert parsed(transcript(talk)) == talk


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It rained.",
        "before\n\n### user\n\nWhy?",
        "### chosen assistant\n\nSo.",
        "### user\n\nWhy?\n\n### chosen assistant\n\nSo.",
        "### assistant calls\n\n[]",
        "### user\n\nWhy?\n\n### user calls\n\n[{",
        '### user "\\x"\n\nWhy?',
    ],
)
def test_a_text_that_is_no_conversation_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  # any sentence will do: the runner says its own
        parsed(text)
