"""More functions for a code base, of which some do not run, say nothing of themselves or are none."""

from tests.scripted_teacher.code_base import CodeBase
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(CodeBase({"fails": 0.15, "silent": 0.15, "prose": 0.1}))
