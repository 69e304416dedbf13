"""Problems with solutions in steps, of which some are wrong and some are guesses."""

from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.tool_steps import StepWorld


def teacher():
    return ScriptedTeacher(StepWorld(wrong=0.3, codeless=0.15))
