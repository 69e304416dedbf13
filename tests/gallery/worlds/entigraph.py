"""Articles whose entities are the names in them; some of what is told about them is made up, cut or without form."""

from tests.scripted_teacher.entities import EntityWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    spoilt = {"invented_fact": 0.06, "entity_missing": 0.04, "wrong_form": 0.04}
    return ScriptedTeacher(EntityWorld(spoilt, unnamed=("Atlantis",)), faults={"completion": {"truncation": 0.04}})
