"""Conversations are known by their fields, whatever form they come in; a broken one costs itself."""

import json

import pytest

from synth_dagster.parts.asking.transcript import parsed
from synth_dagster.readers.base import Item, Unreadable
from synth_dagster.records import Message


@pytest.fixture
def talk(deliver, read):
    """What one record gives: its conversation and form, or the reason why it gives none."""

    def of(record, **settings):
        deliver("inbox/a.jsonl", [record])
        (item,) = read(**settings)
        if isinstance(item, Unreadable):
            return item.reject.reason
        return (parsed(item.text) if item.form else item.text), item.form

    return of


def said(conversation):
    return [(message.role, message.content) for message in conversation.messages]


# ------------------------------------------------------------------------------------------------------------ the forms


@pytest.mark.parametrize(
    ("record", "form"),
    [
        pytest.param(
            {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]},
            "openai",
            id="OpenAI",
        ),
        pytest.param(
            {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]},
            "sharegpt",
            id="ShareGPT",
        ),
        pytest.param(
            {"conversations": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]},
            "openai",
            id="OpenAI's turns under ShareGPT's name",
        ),
        pytest.param({"instruction": "Why?", "input": "", "output": "So."}, "alpaca", id="Alpaca"),
        pytest.param(
            {"messages": '[{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]'},
            "openai",
            id="JSON in a table of text",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]},
                          {"role": "assistant", "content": "So.", "weight": 1}]},
            "openai",
            id="parts that are text",
        ),
    ],
)  # fmt: skip
def test_one_question_and_its_answer(record, form, talk):
    conversation, found = talk(record)
    assert (said(conversation), found) == ([("user", "Why?"), ("assistant", "So.")], form)


def test_an_alpaca_record_has_its_input_below_the_instruction_and_its_history_before(talk):
    record = {
        "instruction": "Translate.",
        "input": "Regen",
        "output": "rain",
        "system": "Be brief.",
        "history": [["Ready?", "Yes."]],
    }
    conversation, _ = talk(record)
    assert said(conversation) == [
        ("system", "Be brief."),
        ("user", "Ready?"),
        ("assistant", "Yes."),
        ("user", "Translate.\n\nRegen"),
        ("assistant", "rain"),
    ]


WEATHER = {"type": "function", "function": {"name": "weather", "arguments": '{"city":"Pell"}'}}


def test_system_turns_several_turns_names_and_tool_calls_survive(talk):
    calls = [{"id": "a", **WEATHER}, {"id": "b", **WEATHER}]
    record = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?", "name": "Ann"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "b", "content": "second"},
            {"role": "tool", "tool_call_id": "a", "content": "first"},
            {"role": "assistant", "content": "Fine."},
        ]
    }
    conversation, _ = talk(record)
    *_, asked, called, first, second, last = conversation.messages
    assert asked == Message("user", "Weather?", "Ann")
    assert json.loads(called.tool_calls) == calls
    # results stand in the order of their calls, which is how they are told apart from here on
    assert (first.content, second.content, last.content) == ("first", "second", "Fine.")


def test_sharegpt_calls_and_observations_are_tool_calls_and_tool_turns(talk):
    record = {
        "system": "Be brief.",
        "tools": "[]",
        "conversations": [
            {"from": "human", "value": "Weather?"},
            {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Pell"}}'},
            {"from": "observation", "value": "rain"},
            {"from": "gpt", "value": "Rain."},
        ],
    }
    conversation, _ = talk(record)
    assert [message.role for message in conversation.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert json.loads(conversation.messages[2].tool_calls) == [WEATHER]


def test_other_fields_stay_with_the_record_and_those_of_the_conversation_are_not_there_twice(deliver, read):
    deliver("inbox/a.jsonl", [{"id": 3, "instruction": "Why?", "input": "", "output": "So.", "topic": "reasons"}])
    (item,) = read()
    assert isinstance(item, Item)
    assert (item.native_key, item.attributes, item.title) == ("inbox/a.jsonl#3", {"topic": "reasons"}, None)


# ---------------------------------------------------------------------------------------------------------- preferences

QUESTION, BETTER, WORSE = (
    {"role": "user", "content": "Why?"},
    {"role": "assistant", "content": "So."},
    {"role": "assistant", "content": "No."},
)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({"prompt": "Why?", "chosen": "So.", "rejected": "No."}, id="strings"),
        pytest.param({"prompt": [QUESTION], "chosen": [BETTER], "rejected": [WORSE]}, id="explicit prompt"),
        pytest.param({"chosen": [QUESTION, BETTER], "rejected": [QUESTION, WORSE]}, id="implicit prompt"),
        pytest.param(
            {"prompt": "Why?", "chosen": [QUESTION, BETTER], "rejected": [QUESTION, WORSE]}, id="said and repeated"
        ),
        pytest.param({"instruction": "Why?", "input": "", "chosen": "So.", "rejected": "No."}, id="LLaMA-Factory"),
        pytest.param(
            {"conversations": [{"from": "human", "value": "Why?"}],
             "chosen": {"from": "gpt", "value": "So."}, "rejected": {"from": "gpt", "value": "No."}},
            id="ShareGPT",
        ),
    ],
)  # fmt: skip
def test_a_better_and_a_worse_answer(record, talk):
    conversation, form = talk(record)
    assert form == "preference" and said(conversation) == [("user", "Why?")]
    assert (conversation.chosen, conversation.rejected) == (
        (Message("assistant", "So."),),
        (Message("assistant", "No."),),
    )


def test_answers_may_go_on_together_before_they_differ(talk):
    start, more = [QUESTION, BETTER], {"role": "user", "content": "And?"}
    conversation, _ = talk({"chosen": [*start, more, BETTER], "rejected": [*start, more, WORSE]})
    assert [message.content for message in conversation.messages] == ["Why?", "So.", "And?"]


# ---------------------------------------------------------------------------------------- what is asked, and rejects


def test_a_text_goes_before_a_conversation_unless_a_form_is_asked_for(talk):
    record = {"text": "<user>Why?", "messages": [QUESTION, BETTER]}
    assert talk(record) == ("<user>Why?", None)
    assert talk(record, form="openai")[1] == "openai"
    assert talk(record, form="sharegpt") == "not_a_conversation"
    assert talk({"messages": [QUESTION, BETTER]}, form="text") == "missing_field"


def test_of_several_forms_in_one_record_the_one_that_is_asked_for_is_read(talk):
    record = {"messages": [QUESTION, BETTER], "instruction": "How?", "output": "Thus."}
    assert said(talk(record, form="alpaca")[0])[0] == ("user", "How?")
    assert said(talk(record)[0])[0] == ("user", "Why?")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param({"question": "Why?"}, "missing_field", id="neither text nor conversation"),
        pytest.param({"messages": []}, "missing_field", id="no turn"),
        pytest.param({"messages": [QUESTION]}, "no_answer", id="a question without an answer"),
        pytest.param({"messages": [BETTER]}, "no_question", id="an answer without a question"),
        pytest.param({"messages": ["Why?", "So."]}, "wrong_type", id="turns that are texts"),
        pytest.param({"messages": [QUESTION, {"role": "critic", "content": "x"}]}, "unknown_role", id="a role"),
        pytest.param({"messages": [QUESTION, {"role": ["user"], "content": "x"}]}, "unknown_role", id="a role's type"),
        pytest.param({"messages": [QUESTION, {"role": "assistant", "content": " "}]}, "blank_turn", id="a blank turn"),
        pytest.param({"messages": [QUESTION, {"role": "assistant", "content": 7}]}, "not_text", id="a number"),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}, BETTER]}, "not_text", id="an image"
        ),
        pytest.param(
            {"messages": [QUESTION, {"role": "assistant", "tool_calls": [{"id": "a"}]},
                          {"role": "tool", "tool_call_id": "b", "content": "x"}, BETTER]},
            "wrong_tool_call_id", id="a result of no call",
        ),
        pytest.param(
            {"messages": [QUESTION, {"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "a"}]},
                          {"role": "tool", "tool_call_id": "a", "content": "x"},
                          {"role": "tool", "tool_call_id": "a", "content": "y"}, BETTER]},
            "wrong_tool_call_id", id="two calls of one id",
        ),
        pytest.param({"messages": [QUESTION, {"role": "assistant", "tool_calls": "f"}]}, "wrong_type", id="calls"),
        pytest.param({"messages": [{**QUESTION, "name": 1}, BETTER]}, "wrong_type", id="a name"),
        pytest.param(
            {"conversations": [{"from": "human", "value": "Why?"}, {"from": "function_call", "value": "f("}]},
            "wrong_type", id="a call that is no JSON",
        ),
        pytest.param({"instruction": "Why?", "input": ["x"], "output": "So."}, "wrong_type", id="an input"),
        pytest.param({"instruction": "Why?", "output": "So.", "history": [["x"]]}, "wrong_type", id="a history"),
        pytest.param({"instruction": "Why?", "output": " "}, "missing_field", id="no output"),
        pytest.param({"prompt": "Why?", "chosen": "So.", "rejected": "So."}, "same_answers", id="equal answers"),
        pytest.param({"prompt": "Why?", "chosen": "So.", "rejected": " "}, "blank_turn", id="a blank answer"),
        pytest.param({"prompt": "Why?", "chosen": "So.", "rejected": []}, "no_answer", id="no second answer"),
        pytest.param({"chosen": "So.", "rejected": "No."}, "no_question", id="no prompt"),
        pytest.param(
            {"prompt": "How?", "chosen": [QUESTION, BETTER], "rejected": [QUESTION, WORSE]},
            "prompt_differs", id="another prompt",
        ),
        pytest.param({"messages": [QUESTION, {"role": "assistant", "content": "\ud800"}]}, "lone_surrogate", id="half"),
        pytest.param({"messages": [QUESTION, {"role": "assistant", "content": "\0"}]}, "nul_byte", id="NUL"),
    ],
)  # fmt: skip
def test_what_is_no_conversation_is_a_reject_with_its_reason(record, reason, talk):
    assert talk(record) == reason


def test_a_reject_names_the_fields_that_are_there(deliver, read):
    deliver("inbox/a.jsonl", [{"question": "Why?", "answer": "So."}])
    (item,) = read()
    assert item.reject.detail == (
        "There is no 'text', and no conversation in messages, conversations. "
        "Set text_field to one of the fields there: 'question', 'answer'."
    )
    (item,) = read(form="alpaca")
    assert item.reject.detail == (
        "There is no 'instruction' with an 'output'. The fields there are 'question', 'answer': "
        "set form to what they hold."
    )
