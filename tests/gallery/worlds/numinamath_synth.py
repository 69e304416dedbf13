"""New problems with their solutions, of which some are their seed again and some have no box."""

from tests.scripted_teacher.anew import AnewWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(AnewWorld({"same": 0.1, "unboxed": 0.15}))
