"""Articles about a valley that share the names of two towns; of one an article is asked what it does not say."""

import json

from tests.gallery.example import RECIPES
from tests.scripted_teacher.hops import HopWorld, Told
from tests.scripted_teacher.teacher import ScriptedTeacher

TOLD = (
    # article, name, question that it answers by the name, the name in its words and in others, question, answer
    (
        "The ferry at Low Water",
        "Orrin",
        "Whose bridge was carried away by ice in 1834?",
        "the town whose bridge was carried away by ice in 1834",
        "the town that lost its bridge to the ice in 1834",
        "Who taught the children of Orrin to read the colour of the river?",
        "Ada Brandt",
    ),
    (
        "Salt from Sundhall",
        "Orrin",
        "Where did the workers of Jonas Weir trade their salt?",
        "the town where the workers of Jonas Weir traded their salt",
        "the town to which the workers of Jonas Weir took their salt",
        "What did people get for salt in Orrin?",
        "barley",
    ),
    (
        "The bell of Tarn",
        "Orrin",
        "For the fair of which town is the bell of Tarn rung?",
        "the town for whose fair the bell of Tarn is rung",
        "the town whose fair begins with the bell of Tarn",
        "What kind of fair is held in Orrin?",
        "cattle fair",
    ),
    (
        "The ferry at Low Water",
        "Sundhall",
        "Where was the rope of the ferry at Low Water made?",
        "the town where the rope of the ferry at Low Water was made",
        "the town from which the ferry at Low Water has its rope",
        "How often is the steel rope from Sundhall renewed?",
        "every nine years",
    ),
    (
        "Salt from Sundhall",
        "Sundhall",
        "Which town has boiled salt since before it had a wall?",
        "the town that boiled salt before it had a wall",
        "the town whose salt is older than its wall",
        "From which shaft comes the brine of Sundhall?",
        "the Old Shaft",
    ),
    (
        "How the orchards came to Marsh Point",
        "Sundhall",
        "On the quay of which town is the cider of Marsh Point sold?",
        "the town that sells the cider of Marsh Point",
        "the town on whose quay Marsh Point sells its cider",
        "What is sold on the quay of Sundhall every autumn?",
        "cider",
    ),
)


def teacher():
    lines = (RECIPES / "worlds/valley.jsonl").read_text(encoding="utf-8").splitlines()
    texts = {row["title"]: row["text"] for row in map(json.loads, lines)}
    told = [Told(texts[title], *rest) for title, *rest in TOLD]
    unanswered = frozenset({(texts["The bell of Tarn"], "Orrin")})
    world = HopWorld(told, planted=unanswered, skill=0.6, luck=0.02, drifting=0.2)
    return ScriptedTeacher(world, faults={"asked": {"truncation": 0.1}})
