"""The gallery's programs behind an endpoint: what the gateway asks over HTTP is answered as it is in process."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from synth_dagster.teacher.structured import AGAIN
from tests.teacher.faulty import FaultServer, Say

_ASKED_AGAIN = AGAIN.partition("{")[0]

Messages = Sequence[Mapping[str, str]]


class Program(Protocol):
    """A teacher of `tests/gallery/worlds` as an endpoint sees it."""

    models: tuple[str, ...]

    def said(self, messages: Messages, *, schema: Mapping[str, Any] | None, model: str, sample: int) -> tuple[str, str]:
        """The text of an answer, and its finish reason."""
        ...


class Served(FaultServer):
    """An endpoint whose only model is a program; asked to repair an answer, it writes the same one again."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program, self.repairs = program, 0
        self.script = lambda body, seen: self._said(body)

    def _said(self, body: Mapping[str, Any]) -> Say:
        asked = self._first_asked(body["messages"])
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        sample = body["seed"] % 1_000_000  # the gateway adds a million for each attempt
        text, finish = self.program.said(asked, schema=schema, model=body["model"], sample=sample)
        return Say(text, finish=finish)

    def _first_asked(self, messages: Messages) -> Messages:
        if not messages[-1]["content"].startswith(_ASKED_AGAIN):
            return messages
        self.repairs += 1
        return messages[:-2]
