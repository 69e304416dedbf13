"""Word problems of which some have a wrong answer, some a flaw that is not always taken out, and some programs fail."""

from tests.scripted_teacher.items import ItemWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(ItemWorld(wrong=0.2, flawed=0.5, skill=0.3, broken=0.2), seed=2)
