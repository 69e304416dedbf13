"""A judge that knows which pairs are the wrong way round and which are equally good; a fifth of the time it says A."""

import json
from pathlib import Path

from tests.scripted_teacher.judging import JudgeWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

PAIRS = Path(__file__).parents[3] / "recipes/gallery/worlds/pairs.jsonl"
REVERSED = {"pair_03", "pair_06"}
EQUAL = {"pair_04", "pair_09", "pair_13"}


def teacher():
    quality = {}
    for line in PAIRS.read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        worse = 8 if pair["id"] in EQUAL else 9 if pair["id"] in REVERSED else 3
        quality |= {pair["chosen"]: 8.0, pair["rejected"]: float(worse)}
    return ScriptedTeacher(JudgeWorld(quality, favours_a=0.2))
