"""Problems over twelve functions, of which some are unsound, badly tested or vague."""

from tests.scripted_teacher.code_chains import CodeWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(CodeWorld({"raises": 0.15, "helper_test": 0.15, "vague": 0.3}, clears=0.5))
