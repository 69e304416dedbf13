"""A judge that knows which questions ask what an item of the quiz asks."""

from tests.scripted_teacher.teacher import ScriptedTeacher

SAME = {  # words of an item and of a question that are the same problem
    ("year was the bridge", "year was its opening"),
    ("wells does the map", "wells are shown on the map"),
    ("broad loom in the east wing need", "broad loom of the east wing"),
    ("paint his table on a board", "paint the table on a board"),
}


class Judge:
    def answer(self, request):
        item, question = request.tag("item"), request.tag("question")
        return {"same": any(one in item and other in question for one, other in SAME)}


def teacher():
    return ScriptedTeacher(Judge())
