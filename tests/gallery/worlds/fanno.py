"""Instructions that a ferry, salt works, an orchard and a bell make one think of; some speak of their paragraph."""

from tests.scripted_teacher.paragraphs import ParagraphWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    faults = {"completion": {"truncation": 0.02}}
    return ScriptedTeacher(
        ParagraphWorld(unfit={"key_word": 0.05, "too_short": 0.03}, novel=False), faults=faults, seed=2
    )
