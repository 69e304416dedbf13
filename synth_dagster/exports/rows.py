"""The rows of a release as an export reads them, and what several formats make of a conversation."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from synth_dagster.records import Json, RecordKind

AT_ONCE = 500  # rows that are Python objects at one time

# What a trainer reads of a record, by its kind.
TEXTS: dict[RecordKind, tuple[str, ...]] = {
    "document": ("text",),
    "instruction": ("messages",),
    "preference": ("prompt", "chosen", "rejected"),
}


class Unfit(Exception):
    """A record that the format cannot hold; it is left out and counted under this reason."""


def each(rows: Iterable[pa.RecordBatch], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows as dicts of those columns that are there, a few hundred at a time."""
    for batch in rows:
        narrow = batch.select([name for name in columns if name in batch.schema.names])
        for start in range(0, narrow.num_rows, AT_ONCE):
            yield from narrow.slice(start, AT_ONCE).to_pylist()


def chosen_side(row: dict[str, Any]) -> dict[str, Any]:
    """A preference pair as the conversation that it prefers."""
    if not row["prompt"] or not row["chosen"]:
        raise Unfit("no_messages")
    return {**row, "messages": [*row["prompt"], *row["chosen"]]}


def texts_of(row: Mapping[str, Any], kind: RecordKind) -> Iterator[str]:
    """Every text of a row that a trainer reads."""
    for column in TEXTS[kind]:
        if kind == "document":
            yield row[column] or ""
        else:
            yield from (message["content"] or "" for message in row[column] or ())


def text_of(row: Mapping[str, Any]) -> str:
    """The text of a document. Raises Unfit where there is none."""
    if not row["text"]:
        raise Unfit("no_text")
    return row["text"]


# ------------------------------------------------------------------------------------------------------- conversations


def turns(messages: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Json]]:
    """A conversation in OpenAI chat form, without the fields that are empty. Raises Unfit where there is none."""
    if not messages:
        raise Unfit("no_messages")
    return [_turn(message) for message in messages]


def _turn(message: Mapping[str, Any]) -> dict[str, Json]:
    turn: dict[str, Json] = {"role": message["role"], "content": message["content"] or ""}
    if message.get("name") is not None:
        turn["name"] = message["name"]
    if message.get("tool_calls") is not None:
        turn["tool_calls"] = _parsed(message["tool_calls"])
    return turn


def _parsed(tool_calls: str) -> Any:
    try:
        return json.loads(tool_calls)
    except ValueError:
        raise Unfit("tool_calls_not_json") from None


def answered(conversation: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """The conversation, whose last turn must be the assistant's: there is nothing to learn from any other."""
    if conversation[-1]["role"] != "assistant":
        raise Unfit("last_turn_is_not_assistant")
    return conversation


def only_turn(messages: Sequence[Mapping[str, Any]] | None) -> dict[str, Json]:
    """The one turn of an answer, for formats that hold no longer ones."""
    answer = answered(turns(messages))
    if len(answer) != 1:
        raise Unfit("answer_of_several_turns")
    return answer[0]


# Every field that a turn may have, in the words of Hugging Face's dataset cards.
_TURN = [
    *({"name": name, "dtype": "string"} for name in ("role", "content", "name")),
    {"name": "tool_calls", "list": "json"},
]


def has_rare_fields(row: Mapping[str, Any], kind: RecordKind) -> bool:
    """Whether any turn of a record has a name or tool calls, which most have not."""
    if kind == "document":
        return False
    messages = (message for column in TEXTS[kind] for message in row[column] or ())
    return any(message["name"] is not None or message["tool_calls"] is not None for message in messages)


def features_of(line: Mapping[str, Json]) -> list[Json]:
    """The columns of a line whose turns may have every field, for readers that guess them from the first lines."""
    return [_feature(name, value) for name, value in line.items()]


def _feature(name: str, value: Any) -> dict[str, Json]:
    if isinstance(value, list):
        return {"name": name, "list": _TURN if value and "role" in value[0] else "json"}
    if isinstance(value, dict):
        return {"name": name, "struct": _TURN if "role" in value else features_of(value)}
    return {"name": name, "dtype": "bool" if isinstance(value, bool) else "string"}


# ShareGPT's names of the roles.
SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
ASKING, ANSWERING = ("human", "observation"), ("gpt", "function_call")


def speeches(conversation: Sequence[Mapping[str, Json]], *, answered: bool) -> list[dict[str, Json]]:
    """A conversation in ShareGPT form: a system turn or none, then question and answer by turns.

    Trainers skip any other without a word, so it is Unfit. A pair's prompt ends with a question: `answered` is false.
    """
    said = [speech(turn) for turn in conversation]
    talk = said[1:] if said[0]["from"] == "system" else said
    for place, one in enumerate(talk):
        if one["from"] not in (ASKING, ANSWERING)[place % 2]:
            raise Unfit("turns_do_not_alternate")
    if not talk or (len(talk) % 2 == 0) != answered:
        raise Unfit("last_turn_is_not_assistant" if answered else "prompt_ends_with_an_answer")
    return said


def speech(turn: Mapping[str, Json]) -> dict[str, Json]:
    """One turn in ShareGPT form; tool calls are a turn of their own kind, and hold nothing else."""
    role = str(turn["role"])
    if turn.get("tool_calls"):
        if turn["content"]:
            raise Unfit("text_beside_tool_calls")
        return {"from": "function_call", "value": json.dumps(_functions(turn["tool_calls"]), ensure_ascii=False)}
    if role not in SPEAKERS:
        raise Unfit("role_that_the_format_has_not")
    return {"from": SPEAKERS[role], "value": turn["content"]}


def _functions(tool_calls: Any) -> list[Json]:
    try:
        return [call["function"] for call in tool_calls]
    except (TypeError, KeyError):
        raise Unfit("tool_calls_without_function") from None
