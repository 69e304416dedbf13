"""A teacher that goes on with a list of tasks; every fifth item is a near-copy, and some ask for a picture."""

from tests.scripted_teacher.tasks import TaskWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(TaskWorld(copies=0.2, unfit=0.1))
