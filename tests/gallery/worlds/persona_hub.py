"""People of sixteen trades; some are described twice, and some problems come with their solution or in three parts."""

from tests.scripted_teacher.personas import PersonaWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(PersonaWorld(copies=0.15, faults={"has_solution": 0.1, "too_many_parts": 0.1}), seed=2)
