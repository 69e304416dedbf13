"""A model that copies questions and answers as they stand, and adds a sentence to the second answer of the exam."""

import re

from tests.scripted_teacher.reading import Request
from tests.scripted_teacher.teacher import ScriptedTeacher

_PAIR = re.compile(r"(?:\d\.|Question:) (.*?)\nAnswer: (.*)", re.DOTALL)


class Copyist:
    def answer(self, request: Request) -> dict[str, object] | None:
        if "items" not in request.fields:
            return None
        parts = (_PAIR.fullmatch(part.strip()) for part in request.tag("passage").split("\n\n"))
        pairs = [(found[1], found[2]) for found in parts if found]
        if len(pairs) > 1 and "weir" in pairs[1][0]:
            more = " Weirs of this kind were built all over the valley by monks in the twelfth century."
            pairs[1] = (pairs[1][0], pairs[1][1] + more)
        return {"items": [{"exact_question": asked, "exact_answer": answered} for asked, answered in pairs]}


def teacher():
    return ScriptedTeacher(Copyist())
