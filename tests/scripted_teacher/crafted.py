"""Questions about a text with four options: one is a sentence of the text, the others stand in the examples' texts."""

import html
import re
from typing import Any

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

_TEXT = re.compile(r'<text(?: title="([^"]*)")?>\n(.*?)\n</text>', re.DOTALL)
_SENTENCE = re.compile(r"[^.]+\.")


class CraftWorld:
    """Each answer is right by construction; `says` gives another reply for the texts with these titles."""

    def __init__(self, says: dict[str, dict[str, Any] | str] | None = None) -> None:
        self.says = says or {}

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        if request.task != "choice":
            return None
        *shown, (title, text) = _TEXT.findall(request.user)
        title = html.unescape(title)
        if title in self.says:
            return self.says[title]
        right, *others = _sentences(text)
        wrong = [_drawn(_sentences(other), request.key) for _, other in shown]
        place = int(4 * share(request.key, "place"))
        return {
            "question": f"Which of these sentences belongs to this one: {' '.join(others[-1:]) or title}",
            "options": [*wrong[:place], right, *wrong[place:]],
            "answer": "ABCD"[place],
        }


def _drawn(sentences: list[str], key: bytes) -> str:
    return sentences[int(len(sentences) * share(key, "wrong", sentences[0]))]


def _sentences(text: str) -> list[str]:
    return [" ".join(one.split()) for one in _SENTENCE.findall(text)]
