"""Teachers of these tests: one that writes nonsense on some passages, and an endpoint on loopback that counts."""

import json
import re
from typing import Any

from synth_dagster.services import Call, Unusable
from tests.scripted_teacher.echo import EchoTeacher
from tests.teacher.faulty import FaultServer, Say, question


class Junk(EchoTeacher):
    """An echo whose answer to every prompt that holds a word is nonsense, as a model answers that has lost its way."""

    def __init__(self, word: str = "", text: str = "<b>nonsense</b> & more") -> None:
        super().__init__()
        self.word, self.text = word, text

    async def ask(self, prompt: Any, /, **given: Any) -> Any:
        if self.word in str(given):
            self.calls += 1
            raise Unusable("unparsable", self.text, Call(bytes(16), "echo", prompt.hash))
        return await super().ask(prompt, **given)


class Endpoint(FaultServer):
    """A loopback endpoint that asks one question about a passage, counts, and can be slow, down or out of its mind."""

    def __init__(self) -> None:
        super().__init__()
        self.script = lambda body, seen: Say(asked_about(body))


def asked_about(body: dict[str, Any]) -> str:
    """A question about the one sentence of the passage in a request."""
    (told,) = re.findall(r"<passage[^>]*>\s*(.*?)\s*</passage>", question(body), re.DOTALL)
    item = {"question": f"Why is it said that {told.rstrip('.')}?", "answer": told, "evidence": told}
    return json.dumps({"items": [item]})
