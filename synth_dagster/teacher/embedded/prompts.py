"""Reads a prompt as a model would: material in XML-like tags, the wanted shape in the names of the properties."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_OPEN = re.compile(
    r"<(passage|count|instruction|operation|reference|first|second|text|aspect|critique|principle|problem|clause|answer|"
    r"style|lines|page|document)((?:\s+[\w-]+=\"[^\n]*?\")*)\s*>(?=\s*\S?)"
)
_ID = re.compile(r'\bid="([^"]*)"')
_TITLE = re.compile(r'\btitle="(.*)"\s*$')


@dataclass(frozen=True, slots=True)
class Material:
    """What stands between a pair of tags, with the tag's attributes as they were written."""

    text: str
    attributes: str = ""

    @property
    def title(self) -> str:
        found = _TITLE.search(self.attributes)
        return html.unescape(found.group(1)).strip() if found else ""

    @property
    def id(self) -> str:
        found = _ID.search(self.attributes)
        return found.group(1) if found else ""


@dataclass(frozen=True)
class Request:
    """A prompt, read: what it gives, what it wants, and who is asked."""

    task: str
    given: Mapping[str, list[Material]] = field(default_factory=dict)
    system: str = ""
    user: str = ""

    def text(self, tag: str) -> str:
        return self.given[tag][0].text if self.given.get(tag) else ""

    @property
    def source(self) -> str:
        return self.text("passage") or self.text("reference")


def read(messages: list[dict[str, str]], schema: Mapping[str, Any] | None) -> Request:
    """Recognises the task. The last user turn holds the material; earlier system turns hold the principle."""
    user = next((message["content"] for message in reversed(messages) if message["role"] == "user"), "")
    system = "\n".join(message["content"] for message in messages if message["role"] in ("system", "developer"))
    given = materials(user)
    return Request(task_of(given, schema), given, system, user)


def materials(text: str) -> dict[str, list[Material]]:
    """All tagged pieces at the top level. A tag inside another one's text belongs to that text."""
    found: dict[str, list[Material]] = {}
    at = 0
    while opening := _OPEN.search(text, at):
        tag, closing = opening.group(1), f"</{opening.group(1)}>"
        end = _end_of(text, opening.end(), tag, closing)
        if end < 0:
            at = opening.end()
            continue
        found.setdefault(tag, []).append(Material(_unframed(text[opening.end() : end]), opening.group(2)))
        at = end + len(closing)
    return found


def _end_of(text: str, start: int, tag: str, closing: str) -> int:
    """Where the piece ends: for the only piece of its kind the last closing tag, so that a text may speak of tags.

    Of several, one that has a line to itself: an order may speak of them too, as in "between <page> and </page>".
    """
    alone = [found.start() for found in re.finditer(rf"^{re.escape(closing)}[^\S\n]*$", text[start:], re.MULTILINE)]
    last = start + alone[-1] if alone else text.rfind(closing)
    if last < start:
        return -1
    again = re.search(rf"</{tag}>\s*\n\s*<\w+[^>\n]*>", text[start:])
    return start + again.start() if again else last


def _unframed(text: str) -> str:
    """Without the line breaks that set the material apart from its tags."""
    return re.sub(r"^[ \t]*\n|\n[ \t]*$", "", text)


def task_of(given: Mapping[str, list[Material]], schema: Mapping[str, Any] | None) -> str:
    """The task's name by its tags and the schema's properties; 'shape' for an unknown schema, 'ask' for plain text."""
    if schema is None:
        return next((task for task, tags in PLAIN if tags <= given.keys()), _prose_task(given))
    wanted = set(schema.get("properties", {}))
    for task, tags, properties in KNOWN:
        if tags <= given.keys() and (properties <= wanted or (not wanted and task != "shape")):
            return task
    return "shape"


def _prose_task(given: Mapping[str, list[Material]]) -> str:
    return "completion" if "instruction" in given and not given.keys() & {"first", "text"} else "ask"


# Asked for as plain text.
PLAIN: tuple[tuple[str, set[str]], ...] = (
    ("solve", {"problem"}),
    ("rewrite", {"passage", "style"}),
    ("edit", {"lines"}),
    ("clean", {"page"}),
    ("keep", {"document"}),
)

# In this order: the first that fits is meant.
KNOWN: tuple[tuple[str, set[str], set[str]], ...] = (
    ("equal", {"first", "second"}, {"equal"}),
    ("rate", {"instruction", "text", "aspect"}, {"ratings"}),
    ("rate", {"instruction", "text"}, {"ratings"}),
    ("critique", {"instruction", "text"}, {"critique", "overall_score"}),
    ("critique", {"instruction", "text"}, {"overall_score"}),
    ("evolve", {"instruction", "operation"}, {"instruction"}),
    ("rephrase", {"problem"}, {"question"}),
    ("declare", {"clause", "answer"}, {"statement"}),
    ("exchange", {"text"}, {"replacements"}),
    ("hurtful", {"text"}, {"score"}),
    ("questions", {"passage"}, {"items"}),
    ("answer", {"instruction"}, {"answer"}),
)
