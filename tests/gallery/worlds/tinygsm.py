"""Problems with programs, some of them broken."""

from tests.scripted_teacher.arithmetic import ProgramWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    broken = {"syntax": 0.08, "raises": 0.08, "no_result": 0.08, "no_digits": 0.08}
    return ScriptedTeacher(ProgramWorld(broken=broken))
