"""A conversation as readable text, and back: how a conversation stands in a corpus, where every record is a text.

    ### user

    How do I open a file?

    ### assistant

    With `open`.

A heading says whose turn begins, with the speaker's name in quotes where there is one. `### assistant calls` holds the
tool calls of the turn above it as JSON; `### chosen assistant` and `### rejected assistant` are the better and the
worse end of a conversation. A line of a turn that would read as a heading has a backslash before it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from synth_dagster.records import Message, canonical_json

ROLES = ("system", "developer", "user", "assistant", "tool")
_HEADING = rf"### (?:(chosen|rejected) )?({'|'.join(ROLES)})( calls)?( \"(?:[^\"\\\n]|\\.)*\")?$"
_HEAD = re.compile(rf"^{_HEADING}", re.MULTILINE)
_LOOKS_LIKE_ONE = re.compile(rf"^(?=\\*{_HEADING})", re.MULTILINE)
_ESCAPED = re.compile(rf"^\\(?=\\*{_HEADING})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in their order; of a preference, those before the two answers, and the answers."""

    messages: tuple[Message, ...]
    chosen: tuple[Message, ...] = ()
    rejected: tuple[Message, ...] = ()

    @property
    def is_preference(self) -> bool:
        return bool(self.chosen)


@dataclass(slots=True)
class _Turns:
    """A conversation as far as it is parsed."""

    sides: dict[str, list[Message]] = field(default_factory=lambda: {"": [], "chosen": [], "rejected": []})

    def add(self, side: str, message: Message) -> None:
        self.sides[side].append(message)

    def add_calls(self, side: str, text: str) -> None:
        if not self.sides[side]:
            raise ValueError("Tool calls stand before every turn.")
        last = self.sides[side].pop()
        self.add(side, Message(last.role, last.content, last.name, canonical_json(json.loads(text))))

    def whole(self) -> Conversation:
        messages, chosen, rejected = (tuple(turns) for turns in self.sides.values())
        if not messages or bool(chosen) != bool(rejected):
            raise ValueError("The conversation, or one of its two ends, is missing.")
        return Conversation(messages, chosen, rejected)


def transcript(conversation: Conversation) -> str:
    """The conversation as text, from which `parsed` makes exactly this conversation again."""
    sides = (("", conversation.messages), ("chosen ", conversation.chosen), ("rejected ", conversation.rejected))
    return "\n\n".join(block for side, messages in sides for block in _blocks(side, messages))


def parsed(text: str) -> Conversation:
    """The conversation that a transcript holds. Raises ValueError where the text is none, or no longer."""
    heads = list(_HEAD.finditer(text))
    if not heads or text[: heads[0].start()].strip():
        raise ValueError("The text does not begin with the heading of a turn.")
    turns = _Turns()
    ends = [head.start() for head in heads[1:]]
    for head, end in zip(heads, [*ends, None], strict=True):
        side, role, calls, name = head.groups()
        content = _content(text[head.end() : end], is_last=end is None)
        if calls:
            turns.add_calls(side or "", content)
        else:
            turns.add(side or "", Message(role, content, json.loads(name) if name else None))
    return turns.whole()


def _blocks(side: str, messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        name = f" {json.dumps(message.name, ensure_ascii=False)}" if message.name is not None else ""
        yield f"### {side}{message.role}{name}\n\n{_LOOKS_LIKE_ONE.sub(_BACKSLASH, message.content)}"
        if message.tool_calls is not None:
            yield f"### {side}{message.role} calls\n\n{message.tool_calls}"


_BACKSLASH = r"\\"  # one, as `re.sub` writes it


def _content(between: str, *, is_last: bool) -> str:
    """What stands between two headings, without the blank lines that set it off."""
    inner = between.removeprefix("\n\n")
    return _ESCAPED.sub("", inner if is_last else inner.removesuffix("\n\n"))
