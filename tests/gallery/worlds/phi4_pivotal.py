"""Solutions in which one word decides."""

from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.turning import TurningWorld


def teacher():
    return ScriptedTeacher(TurningWorld())
