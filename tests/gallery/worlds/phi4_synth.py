"""Lessons whose drafts sometimes have a flaw, which a revision mostly takes out, or an invented quotation."""

from tests.scripted_teacher.lessons import LessonWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(LessonWorld(flawed=0.4, invented=0.15, skill=0.5), seed=3)
