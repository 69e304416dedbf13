"""A writer of Chinese that knows a text for each page of the gallery, and once has none to give."""

import json
from pathlib import Path

from tests.scripted_teacher.teacher import ScriptedTeacher

# The beginning of a page -> the text, in the style that is drawn for it.
TEXTS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


class Known:
    def answer(self, request):
        seed = request.tag("seed")
        return next((text for begin, text in TEXTS.items() if seed.startswith(begin)), "抱歉，我无法写这个主题。")


def teacher():
    return ScriptedTeacher(Known())
