"""Word problems of eight topics; some problems miss key points, some solutions miscalculate, or end elsewhere."""

from tests.scripted_teacher.key_points import KeyPointWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    world = KeyPointWorld(wrong=0.12, slips=0.12, vague=0.2)
    return ScriptedTeacher(world, faults={"completion": {"truncation": 0.05}})
