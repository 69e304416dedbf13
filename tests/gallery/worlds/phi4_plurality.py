"""Word problems that are right in nine of ten tries, each answer wrong in its own way."""

from tests.scripted_teacher.key_points import KeyPointWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(KeyPointWorld(wrong=0.12))
