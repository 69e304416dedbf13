"""Replies as schemas that strict endpoints take, and as they come back."""

import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from synth_dagster.errors import MethodError
from synth_dagster.services import Reply
from synth_dagster.teacher.cache import Request
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.forms import chat_body
from synth_dagster.teacher.structured import parsed, schema_of


class Item(BaseModel):
    title: str = Field(description="What it is called.")  # a field that is called like a schema keyword
    score: int | None = Field(None, ge=1, le=5)


class Items(Reply):
    items: list[Item] = Field(description="All of them.")
    tone: Literal["dry", "warm"] = "dry"


class Node(BaseModel):
    children: list["Node"]


class Tree(Reply):
    root: Node


def test_a_schema_is_strict_flat_and_keeps_its_descriptions():
    assert schema_of(Items) == {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "description": "All of them.",
                "items": {
                    "type": "object",
                    "properties": {
                        "title": {"type": "string", "description": "What it is called."},
                        "score": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 5}, {"type": "null"}]},
                    },
                    "required": ["title", "score"],
                    "additionalProperties": False,
                },
            },
            "tone": {"type": "string", "enum": ["dry", "warm"]},
        },
        "required": ["items", "tone"],
        "additionalProperties": False,
    }


def test_a_reply_that_contains_itself_is_the_methods_mistake():
    with pytest.raises(MethodError, match="'Node' contains itself"):
        schema_of(Tree)


@pytest.mark.parametrize(
    ("dialect", "in_words"),
    [
        pytest.param(Dialect(), False, id="a schema that the model reads"),
        pytest.param(Dialect(described=False), True, id="a schema that only the decoder reads"),
        pytest.param(Dialect(mode="json_object"), True, id="JSON mode"),
        pytest.param(Dialect(mode="plain"), True, id="plain words"),
    ],
)
def test_the_descriptions_reach_the_model_in_every_mode(dialect, in_words):
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    body = chat_body(Request(messages=messages, model="m", schema=schema_of(Items)), 0, dialect)
    spoken = body["messages"][-1]["content"]
    assert "What it is called." in json.dumps(body)
    assert ("What it is called." in spoken) == in_words and spoken.startswith("u")
    assert ("json_schema" in body.get("response_format", {})) == (dialect.mode == "json_schema")
    assert messages[1]["content"] == "u"  # nobody's own messages are changed


GOOD = '{"items": [{"title": "a", "score": 2}], "tone": "warm"}'


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD, id="as asked"),
        pytest.param(f"```json\n{GOOD}\n```", id="fenced"),
        pytest.param(f"Here you are: {GOOD} I hope it helps {{so}}.", id="among words"),
        pytest.param(f'<think>maybe {{"items": []}}?</think>\n{GOOD}', id="after thoughts"),
        pytest.param(f'{{"note": 1}}\n{GOOD}', id="after another object"),
    ],
)
def test_a_reply_is_found_in_what_models_write_around_it(text):
    reply = parsed(text, Items)
    assert reply is not None and reply.items[0].title == "a" and reply.tone == "warm"


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", GOOD[:-1], GOOD.replace("2", "9"), "{" * 50_000, '{"items": ' + "[" * 100_000, "\ud800{"],
)
def test_what_is_no_reply_is_none(text):
    assert parsed(text, Items) is None


@given(st.text(alphabet='{}[]",:ab1 \n\\', max_size=60))
def test_no_text_makes_the_parser_fail(text):
    assert parsed(text, Items) is None or isinstance(parsed(text, Items), Items)
