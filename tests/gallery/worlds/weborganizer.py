"""A judge that knows topic and format of each page of the gallery."""

import json
from pathlib import Path

from tests.scripted_teacher.sorting import SortingWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

PAGES = Path(__file__).parents[3] / "recipes/gallery/worlds/weborganizer_pages.jsonl"


def teacher():
    rows = map(json.loads, PAGES.read_text(encoding="utf-8").splitlines())
    return ScriptedTeacher(SortingWorld({row["text"]: (row["topic"], row["format"]) for row in rows}))
