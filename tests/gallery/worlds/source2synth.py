"""Tables with questions, of which some rest on a broken statement and some ask for what the table does not hold."""

import json

from tests.gallery.example import RECIPES
from tests.scripted_teacher.tables import TableWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    lines = (RECIPES / "worlds/tables.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    faults = {texts[1]: "missing_column", texts[5]: "unanswerable", texts[8]: "empty"}
    return ScriptedTeacher(TableWorld(planted=faults, skill=0.6, luck=0.02), seed=1)
