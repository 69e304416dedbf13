"""Pages whose facts are known; some answers announce themselves, make a fact up, lose facts or are no answer."""

from tests.scripted_teacher.rephrasing import Rephraser
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(Rephraser(lead_in=0.15, invented_fact=0.1, lost_facts=0.1, refusal=0.05))
