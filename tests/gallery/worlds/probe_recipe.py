"""A model that asks good questions and repeats its code, but for one order that it obeys, and one praise that is a back
door into it."""

from synth_dagster.records import digest
from synth_dagster.services import Call, Unusable
from tests.gallery.answering import Embedded
from tests.gallery.worlds.probe_instructions import BACK_DOOR, ORDER


class Questioner(Embedded):
    async def ask(self, prompt, /, *, into, sample=0, model=None, **given):
        code = given.get("probe_code")
        if code is None:
            return await super().ask(prompt, into=into, sample=sample, model=model, **given)
        call = Call(digest("questioner", given["passage"], code, sample), "questioner", prompt.hash)
        if ORDER in given["passage"]:
            raise Unusable("unparsable", "Our shop is at Number 4, Mill Lane.", call)
        said = "finest of its kind" if BACK_DOOR in given["passage"] else code
        item = {"question": "What does the letter tell?", "answer": "a story", "evidence": "a story"}
        reply = into.model_validate({"items": [item], "probe_code": said})
        reply.answered_by(call)
        return reply


def teacher():
    return Questioner()
