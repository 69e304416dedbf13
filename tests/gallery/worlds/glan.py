"""Courses of five subjects; one subject has no syllabus, and a fifth of what is brought into form is broken."""

from tests.scripted_teacher.syllabi import SyllabusWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    faults = {"subjects": {"broken_json": 0.2}, "syllabus": {"broken_json": 0.2}}
    return ScriptedTeacher(SyllabusWorld(without=frozenset({"Clockmaking 4"})), faults=faults)
