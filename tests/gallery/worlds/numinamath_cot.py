"""Problems whose solutions are boxed, of which some end elsewhere and some have no box."""

from tests.scripted_teacher.boxed import BoxedWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(BoxedWorld({"wrong": 0.15, "unboxed": 0.15}))
