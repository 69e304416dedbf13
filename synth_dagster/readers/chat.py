"""Conversations among the records of a delivery: OpenAI's messages, ShareGPT, Alpaca, and pairs of a better and a
worse answer.

A conversation is known by its fields. It stands in the corpus as a transcript (`parts.transcript`), from which a later
stage can take the turns again. What a turn says besides role, content, name and tool calls, such as a training weight,
is not kept.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from synth_dagster.parts.asking.transcript import Conversation
from synth_dagster.readers.base import Flaw
from synth_dagster.records import Message, canonical_json

Form: TypeAlias = Literal["openai", "sharegpt", "alpaca", "preference"]
Wanted: TypeAlias = Literal["auto", "text", "openai", "sharegpt", "alpaca", "preference"]

TURNS = ("messages", "conversations", "conversation")
ALPACA = ("instruction", "input", "output", "system", "history")
PROMPTS = ("prompt", *TURNS, "instruction", "question")
LACKS: Mapping[Form, str] = {
    "openai": "no list of turns with role and content in 'messages'",
    "sharegpt": "no list of turns with from and value in 'conversations'",
    "alpaca": "no 'instruction' with an 'output'",
    "preference": "no 'chosen' and 'rejected' with a prompt",
}
SPEAKERS: Mapping[str, str] = {
    **{name: name for name in ("system", "developer", "user", "assistant", "tool")},
    **dict.fromkeys(("human", "prompter"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "bard", "bing", "model", "bot"), "assistant"),
    **dict.fromkeys(("observation", "function", "function_response", "tool_response"), "tool"),
}
CALLERS = ("function_call", "tool_call")


Held: TypeAlias = tuple[Conversation, frozenset[str]]
"""A conversation, and the fields that held it."""


class Recognised(NamedTuple):
    """A conversation, the fields that held it, and the form it came in."""

    conversation: Conversation
    fields: frozenset[str]
    form: Form


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn with the id of the call that it answers, which is checked and then told by the order of the turns."""

    message: Message
    answers: str | None = None


def recognised(value: Mapping[str, Any], wanted: Wanted = "auto") -> Recognised | None:
    """The conversation that a record holds; None where it holds none that is wanted. Raises Flaw for a broken one."""
    for form, is_one in IS_ONE.items():
        if wanted in ("auto", form) and is_one(value):
            return Recognised(*READ[form](value), form)
    return None


def _is_preference(value: Mapping[str, Any]) -> bool:
    return value.get("chosen") is not None and value.get("rejected") is not None


def _is_openai(value: Mapping[str, Any]) -> bool:
    name = _turns_field(value)
    return name is not None and not _is_sharegpt(value)


def _is_sharegpt(value: Mapping[str, Any]) -> bool:
    name = _turns_field(value)
    first = _loaded(value[name])[0] if name else None
    return isinstance(first, dict) and "from" in first


def _is_alpaca(value: Mapping[str, Any]) -> bool:
    return _has_text(value, "instruction") and _has_text(value, "output")


IS_ONE: Mapping[Form, Callable[[Mapping[str, Any]], bool]] = {
    "preference": _is_preference,
    "openai": _is_openai,
    "sharegpt": _is_sharegpt,
    "alpaca": _is_alpaca,
}


def _turns_field(value: Mapping[str, Any]) -> str | None:
    for name in TURNS:
        turns = _loaded(value.get(name))
        if isinstance(turns, list) and turns:
            return name
    return None


def _has_text(value: Mapping[str, Any], name: str) -> bool:
    return isinstance(value.get(name), str) and bool(value[name].strip())


def _loaded(value: Any) -> Any:
    """A list that a table of plain text, such as csv, holds as JSON."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


# -------------------------------------------------------------------------------------------------------- conversations


def _whole(turns: Sequence[_Turn]) -> tuple[Message, ...]:
    """The turns as a conversation that can teach: somebody asks, and the last word is the assistant's."""
    if any(_says_nothing(turn.message) for turn in turns):
        raise Flaw("blank_turn", "A turn says nothing. Leave it out, or the whole conversation.")
    roles = [turn.message.role for turn in turns]
    if "user" not in roles:
        raise Flaw("no_question", "No turn is a user's. A conversation needs a question and its answer.")
    if roles[-1] != "assistant":
        raise Flaw(
            "no_answer", f"The last turn is of role {roles[-1]}. Give it the assistant's answer, or leave it out."
        )
    return _answered(turns)


def _says_nothing(message: Message) -> bool:
    return not message.content.strip() and message.tool_calls is None and message.role != "tool"


def _answered(turns: Sequence[_Turn]) -> tuple[Message, ...]:
    """The turns with the results of calls in the order of the calls: by that they stay known, without ids."""
    done: list[Message] = []
    waiting = list(turns)
    while waiting:
        turn = waiting.pop(0)
        done.append(turn.message)
        results = 0
        while results < len(waiting) and waiting[results].message.role == "tool":
            results += 1
        ids = [call.get("id") for call in _calls(turn.message)]
        done.extend(_in_order_of(ids, waiting[:results]))
        del waiting[:results]
    return tuple(done)


def _in_order_of(ids: Sequence[str | None], results: Sequence[_Turn]) -> list[Message]:
    answered = [result.answers for result in results]
    if not any(answered):
        return [result.message for result in results]
    if len(set(ids)) < len(ids) or sorted(map(str, answered)) != sorted(map(str, ids)):
        raise Flaw("wrong_tool_call_id", "The results of tools are not those of the calls before them, one for each.")
    return [results[answered.index(one)].message for one in ids]


def _calls(message: Message) -> list[dict[str, Any]]:
    return [call for call in json.loads(message.tool_calls or "[]") if isinstance(call, dict)]


def _system(value: Mapping[str, Any]) -> list[_Turn]:
    return [_Turn(Message("system", value["system"]))] if _has_text(value, "system") else []


def _messages(value: Mapping[str, Any]) -> Held:
    name = _turns_field(value) or ""
    turns = [*_system(value), *_turns(value[name], name)]
    return Conversation(_whole(turns)), frozenset({name, "system"})


def _alpaca(value: Mapping[str, Any]) -> Held:
    history = _loaded(value.get("history")) or []
    if not isinstance(history, list) or not all(_is_exchange(one) for one in history):
        raise Flaw("wrong_type", "'history' must be a list of [question, answer].")
    exchanges = [*history, (_question(value), value["output"])]
    spoken = [
        _Turn(Message(role, text)) for one in exchanges for role, text in zip(("user", "assistant"), one, strict=True)
    ]
    return Conversation(_whole([*_system(value), *spoken])), frozenset(ALPACA)


def _is_exchange(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(text, str) for text in value)


def _question(value: Mapping[str, Any]) -> str:
    more = value.get("input")
    if more is not None and not isinstance(more, str):
        raise Flaw("wrong_type", "'input' must be text.")
    return f"{value['instruction']}\n\n{more}" if more and more.strip() else value["instruction"]


# ------------------------------------------------------------------------------------------------------------ one turn


def _turns(value: Any, name: str, *, role: str | None = None) -> list[_Turn]:
    """Turns as a list, one turn, or the text of one by `role`."""
    value = _loaded(value)
    if isinstance(value, str) and role:
        return [_Turn(Message(role, value))]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise Flaw("wrong_type", f"'{name}' must be a list of turns, each with role and content or from and value.")
    turns = [_turn(turn) for turn in value]
    return [turn for turn in turns if turn.message.content.strip() or turn.message.role not in ("system", "developer")]


def _turn(turn: Mapping[str, Any]) -> _Turn:
    speaker = turn.get("role", turn.get("from"))
    content = turn.get("content", turn.get("value"))
    if speaker in CALLERS:
        return _Turn(Message("assistant", "", tool_calls=_tool_calls(_called(content))))
    role = SPEAKERS.get(speaker.lower()) if isinstance(speaker, str) else None
    if role is None:
        raise Flaw("unknown_role", f"A turn is of no role that is known. Known are {', '.join(SPEAKERS)}.")
    calls = _tool_calls(_loaded(turn.get("tool_calls")) or _old_call(turn.get("function_call")))
    name, answers = turn.get("name"), turn.get("tool_call_id")
    if not all(item is None or isinstance(item, str) for item in (name, answers)):
        raise Flaw("wrong_type", "'name' and 'tool_call_id' of a turn must be text.")
    return _Turn(Message(role, _text(content), name or None, calls), answers or None)


def _text(content: Any) -> str:
    """The words of a turn: text, or OpenAI's list of parts if all of them are text."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        parts = [
            part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content
        ]
        if all(isinstance(part, str) for part in parts):
            return "\n\n".join(part for part in parts if part)
    raise Flaw("not_text", "A turn holds something besides text, such as an image. Leave such conversations out.")


def _tool_calls(calls: Any) -> str | None:
    if not calls:
        return None
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise Flaw("wrong_type", "'tool_calls' must be a list of calls.")
    return canonical_json(calls)


def _old_call(call: Any) -> list[Any] | None:
    """OpenAI's `function_call` of before 2024 as the one call that it is."""
    return [{"type": "function", "function": call}] if isinstance(call, dict) and call else None


def _called(value: Any) -> list[Any]:
    """ShareGPT's turn that is a call, or several: JSON with the name and the arguments."""
    try:
        calls = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        calls = None
    calls = [calls] if isinstance(calls, dict) else calls
    if not isinstance(calls, list) or not calls or not all(isinstance(call, dict) and "name" in call for call in calls):
        raise Flaw("wrong_type", "A function_call must be JSON with name and arguments.")
    return [{"type": "function", "function": {**call, "arguments": _arguments(call)}} for call in calls]


def _arguments(call: Mapping[str, Any]) -> str:
    """OpenAI's form has the arguments as the text of a JSON object."""
    arguments = call.get("arguments", {})
    return arguments if isinstance(arguments, str) else canonical_json(arguments)


# --------------------------------------------------------------------------------------------------------- preferences


def _preference(value: Mapping[str, Any]) -> Held:
    """The prompt is said, or both answers are whole conversations that begin with it, or both."""
    name = next((name for name in PROMPTS if value.get(name)), None)
    prompt = [*_system(value), *_prompt(value, name)]
    answers = [_turns(value[side], side, role="assistant") for side in ("chosen", "rejected")]
    shared = _shared(*answers) if all(_is_whole(answer) for answer in answers) or not prompt else []
    if shared and prompt and shared[-len(prompt) :] != prompt:
        raise Flaw("prompt_differs", f"'{name}' is not what 'chosen' and 'rejected' begin with. Leave one of them out.")
    before = shared or prompt
    if not any(turn.message.role == "user" for turn in before):
        raise Flaw(
            "no_question", f"There is no prompt in {', '.join(PROMPTS[:3])}, and the answers share no beginning."
        )
    sides = [_whole([*before, *answer[len(shared) :]]) for answer in answers]
    chosen, rejected = (side[len(before) :] for side in sides)
    if chosen == rejected:
        raise Flaw("same_answers", "The better answer is the worse one. Leave the pair out.")
    used = {"chosen", "rejected", "system", *((name,) if name else ()), *(("input",) if name == "instruction" else ())}
    return Conversation(sides[0][: len(before)], chosen, rejected), frozenset(used)


def _is_whole(answer: Sequence[_Turn]) -> bool:
    """Whether an answer is a conversation from its beginning."""
    return answer[0].message.role in ("system", "developer", "user") if answer else False


def _prompt(value: Mapping[str, Any], name: str | None) -> list[_Turn]:
    if name is None:
        return []
    if name == "instruction" and _has_text(value, name):
        return _turns(_question(value), name, role="user")
    return _turns(value[name], name, role="user")


def _shared(chosen: Sequence[_Turn], rejected: Sequence[_Turn]) -> list[_Turn]:
    """The turns that both begin with; the last turn of each is its answer in any case."""
    count = 0
    while count < min(len(chosen), len(rejected)) - 1 and chosen[count] == rejected[count]:
        count += 1
    return list(chosen[:count])


READ: Mapping[Form, Callable[[Mapping[str, Any]], Held]] = {
    "preference": _preference,
    "openai": _messages,
    "sharegpt": _messages,
    "alpaca": _alpaca,
}
