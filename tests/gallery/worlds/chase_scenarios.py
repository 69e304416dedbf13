"""People who look things up, some of them again."""

from tests.scripted_teacher.lookups import LookupWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(LookupWorld(alike=0.3))
