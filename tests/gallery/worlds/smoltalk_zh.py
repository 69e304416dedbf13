"""A model that knows two dialogues for each task, and a judge that finds one request unclear."""

import json
from pathlib import Path

from tests.scripted_teacher.teacher import ScriptedTeacher

# A word of the task -> requests with their answers, by the number of the sample.
DIALOGUES = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
ANSWERS = {request: answer for dialogues in DIALOGUES.values() for request, answer in dialogues}
TAGS = {"编辑": "editing", "数学": "mathematics", "灯塔": "role_playing", "旅行": "planning", "朋友": "advice"}


class Known:
    def answer(self, request):
        if "score" in request.fields:
            return {"score": 1 if request.tag("request").startswith("那个") else 5}
        if "difficulty" in request.fields:
            return {"task": self._tag(request.tag("request")), "difficulty": "easy"}
        if request.tag("assistant"):
            (dialogues,) = (some for word, some in DIALOGUES.items() if word in request.tag("assistant"))
            return dialogues[request.sample][0]
        return ANSWERS[request.tag("dialogue")]

    def _tag(self, asked):
        words = (word for word, some in DIALOGUES.items() if any(asked == one for one, _ in some))
        return TAGS.get(next(words), "information_seeking")


def teacher():
    return ScriptedTeacher(Known())
