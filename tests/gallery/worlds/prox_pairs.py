"""A model that scores a page by how much of it is text; its programs are those of the embedded teacher."""

import json
import re

from synth_dagster.teacher.embedded.cleaning import is_noise
from tests.gallery.answering import Embedded


class Scoring(Embedded):
    def said(self, messages, *, schema, model, sample):
        if schema is None or "educational" not in schema["properties"]:
            return super().said(messages, schema=schema, model=model, sample=sample)
        shown = re.search(r"<document[^>]*>\n(.*)\n</document>", messages[-1]["content"], re.DOTALL)
        lines = shown[1].split("\n")
        text = sum(not is_noise(line) for line in lines) / len(lines)
        return json.dumps({"educational": round(4 * text), "clean": round(5 * text)}), "stop"


def teacher():
    return Scoring()
