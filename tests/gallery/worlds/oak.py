"""Three categories of crafts and two voices; one topic is told in the same words every time, one has no topics."""

from tests.scripted_teacher.encyclopaedia import VOICES, Encyclopaedia
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    world = Encyclopaedia(copying=frozenset({"The bowline", "Reefing a sail"}), without=frozenset({"Soil"}))
    return ScriptedTeacher(world, models=tuple(VOICES))
