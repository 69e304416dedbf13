"""A teacher that writes whole tasks in numbered blocks; some are numbered wrongly, some are near-copies."""

from tests.scripted_teacher.tasks import BlockWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(BlockWorld(mangled=0.1, copies=0.15, novel=False))
