"""A model that scores a page by how much of it is text; its programs are those of the embedded teacher."""

import re

from synth_dagster.records import digest
from synth_dagster.services import Call
from synth_dagster.teacher.embedded.cleaning import is_noise
from tests.gallery.answering import Embedded


class Scoring(Embedded):
    async def ask(self, prompt, /, *, into, sample=0, model=None, **given):
        shown = re.search(r"<document[^>]*>\n(.*)\n</document>", given["document"], re.DOTALL)
        lines = shown[1].split("\n")
        text = sum(not is_noise(line) for line in lines) / len(lines)
        reply = into.model_validate({"educational": round(4 * text), "clean": round(5 * text)})
        reply.answered_by(Call(digest("scores", given["document"]), "large", prompt.hash))
        return reply


def teacher():
    return Scoring()
