"""People of sixteen trades and their articles, of which some have no title."""

from tests.scripted_teacher.personas import PersonaWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(PersonaWorld(faults={"no_opening": 0.15}))
