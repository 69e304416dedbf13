"""A judge that knows how many points each page of the gallery deserves."""

import json
from pathlib import Path

from tests.scripted_teacher.teacher import ScriptedTeacher

PAGES = Path(__file__).parents[3] / "recipes/gallery/worlds/edu_pages.jsonl"


class Known:
    def __init__(self):
        rows = map(json.loads, PAGES.read_text(encoding="utf-8").splitlines())
        self.points = {row["text"]: row["points"] for row in rows}

    def answer(self, request):
        points = self.points.get(request.tag("page"))
        return None if points is None else f"It explains its subject as far as it goes.\nEducational score: {points}"


def teacher():
    return ScriptedTeacher(Known())
