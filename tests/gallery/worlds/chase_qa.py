"""Questions and their documents, of which some leak, omit or say too much."""

from tests.scripted_teacher.lookups import LookupWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    rates = {"crosses": 0.2, "omits": 0.2, "extra": 0.2, "leaks": 0.3, "repairs_badly": 0.1}
    return ScriptedTeacher(LookupWorld(rates, alike=0.2))
