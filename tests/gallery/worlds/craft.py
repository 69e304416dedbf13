"""Questions about texts, of which one has three options, one copies an example, and one cannot be read."""

from tests.scripted_teacher.crafted import CraftWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    says = {
        "Guard bees": {"question": "What does a guard bee do?", "options": ["It smells.", "It hides."], "answer": "A"},
        "Drones": {
            "question": "What decides whether a queen bee lays an egg for a worker or for a drone?",
            "options": ["The age of the queen.", "The weather of the day.", "The size of the cell.", "The foragers."],
            "answer": "C",
        },
    }
    return ScriptedTeacher(CraftWorld(says))
