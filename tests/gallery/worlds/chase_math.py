"""Problems that grow; some steps are wrong, say what they must not, or point outside the part that is solved."""

from tests.scripted_teacher.chains import ChainWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    bad = {"wrong": 0.1, "repeats": 0.1, "unused": 0.1, "back": 0.1}
    return ScriptedTeacher(ChainWorld(bad, errs=0.03))
