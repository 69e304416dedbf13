"""A judge that knows which questions ask what an item of the quiz asks."""

from synth_dagster.records import digest
from synth_dagster.services import Call
from tests.gallery.answering import Embedded

SAME = {  # words of an item and of a question that are the same problem
    ("year was the bridge", "year was its opening"),
    ("wells does the map", "wells are shown on the map"),
    ("broad loom in the east wing need", "broad loom of the east wing"),
    ("paint his table on a board", "paint the table on a board"),
}


class Judge(Embedded):
    async def ask(self, prompt, /, *, into, sample=0, model=None, **given):
        item, question = given["item"], given["question"]
        same = any(one in item and other in question for one, other in SAME)
        reply = into.model_validate({"same": same})
        reply.answered_by(Call(digest("judge", item, question), "judge", prompt.hash))
        return reply


def teacher():
    return Judge()
