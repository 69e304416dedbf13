"""Prints the questions of fifty passages of Python's own language reference, to be read by people.

`python -m synth_dagster.teacher.embedded.fifty` asks a running embedded teacher over HTTP, as a recipe would.
"""

import hashlib
import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from synth_dagster.parts.text.chunks import split
from synth_dagster.parts.text.words import one_line
from synth_dagster.teacher.embedded.server import EmbeddedTeacher
from synth_dagster.teacher.embedded.writing import EXTRACTIVE

MAX_WORDS = 220

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("question", "answer", "evidence")},
                "required": ["question", "answer", "evidence"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["items"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Passage:
    topic: str
    title: str
    text: str


def passages() -> Iterator[Passage]:
    """The language reference in the passages that the default recipe asks about."""
    from pydoc_data.topics import topics

    for topic, text in sorted(topics.items()):
        title, _, body = text.strip().partition("\n")
        for piece in split(re.sub(r"\A\s*[*=]{3,}\n", "", body), MAX_WORDS):
            yield Passage(topic, title, piece)


def fixed(number: int = 50) -> list[Passage]:
    """The passages whose hash is smallest: the same ones wherever the text is the same."""
    unique = {one.text: one for one in passages() if len(one.text.split()) >= 60}
    return sorted(unique.values(), key=lambda one: hashlib.sha256(one.text.encode()).hexdigest())[:number]


def ask(base_url: str, passage: Passage, count: int = 3) -> list[dict[str, str]]:
    """The questions that the teacher at `base_url` finds in a passage."""
    prompt = (
        "Write questions that the passage answers.\n"
        f'<passage title="{passage.title}">\n{passage.text}\n</passage>\n<count>{count}</count>'
    )
    body = {
        "model": EXTRACTIVE,
        "messages": [{"role": "user", "content": prompt}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "questions", "schema": SCHEMA}},
    }
    request = urllib.request.Request(  # noqa: S310  the address is our own server's
        f"{base_url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  as above
        return json.loads(json.load(response)["choices"][0]["message"]["content"])["items"]


def report(number: int = 50) -> str:
    """All questions and answers of the passages, with the topic of each."""
    lines: list[str] = []
    with EmbeddedTeacher.serve() as server:
        for place, passage in enumerate(fixed(number), start=1):
            lines.append(f"\n{place:2} {passage.title} ({passage.topic})")
            for item in ask(server.base_url, passage):
                lines += [f"   Q  {item['question']}", f"   A  {one_line(item['answer'])}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")
