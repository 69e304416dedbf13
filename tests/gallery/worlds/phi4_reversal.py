"""Ten functions; two tasks are those of other code, and one has hardly any calls."""

from tests.scripted_teacher.snippets import SnippetWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def teacher():
    return ScriptedTeacher(SnippetWorld({"rotate": "other", "median": "near", "flatten": "few"}))
