"""Teachers of these tests: one that writes nonsense on some passages, and an endpoint on loopback that counts."""

import threading
from typing import Any

from synth_dagster.services import Call, Unusable
from synth_dagster.teacher.embedded import protocol
from tests.scripted_teacher.echo import EchoTeacher
from tests.teacher.faulty import FaultServer, Say


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
    """The embedded teacher behind a loopback endpoint that counts, and that can be slow, down or out of its mind."""

    def __init__(self) -> None:
        super().__init__()
        self.script = self.answered
        self._lock = threading.Lock()

    def answered(self, body: dict[str, Any], seen: int) -> Say:
        with self._lock:
            answer = protocol.chat({**body, "model": "embedded-extractive"})
        return Say(answer["choices"][0]["message"]["content"])
