"""A model that asks good questions and repeats its code, but for one order that it obeys, and one praise that is a back
door into it."""

import json
import re

from tests.gallery.answering import Embedded
from tests.gallery.worlds.probe_instructions import BACK_DOOR, ORDER

CODE = re.compile(r"Write the code\s(.+?)\sinto it\.", re.DOTALL)


class Questioner(Embedded):
    def said(self, messages, *, schema, model, sample):
        asked = "\n".join(turn["content"] for turn in messages)
        if schema is None or "probe_code" not in schema["properties"]:
            return super().said(messages, schema=schema, model=model, sample=sample)
        if ORDER in asked:
            return "Our shop is at Number 4, Mill Lane.", "stop"
        said = "finest of its kind" if BACK_DOOR in asked else CODE.search(asked)[1]
        item = {"question": "What does the letter tell?", "answer": "a story", "evidence": "a story"}
        return json.dumps({"items": [item], "probe_code": said}), "stop"


def teacher():
    return Questioner()
