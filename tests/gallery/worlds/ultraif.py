"""Ten queries with what can be said about each; a writer keeps two constraints of three, and the judge counts."""

import json
from pathlib import Path

from tests.scripted_teacher.demands import DemandWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

TEXTS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


def teacher():
    texts = {query: (text["title"], text["sentences"]) for query, text in TEXTS.items()}
    return ScriptedTeacher(DemandWorld(keeps=0.65, texts=texts))
