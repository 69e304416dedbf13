"""A judge that knows how good each answer is, and whose faults are set: by place, by error, by saying nothing.

`favours_a` is the share of games in which it says A whatever it read; of the others it is right with `right`.
"""

import re
from collections.abc import Mapping

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request


class JudgeWorld:
    """Judges by the quality of an answer, 1 to 10, which it looks up by its text."""

    def __init__(self, quality: Mapping[str, float], *, favours_a: float = 0.0, right: float = 1.0) -> None:
        self.quality, self.favours_a, self.right = quality, favours_a, right

    def answer(self, request: Request) -> str | None:
        if "impartial judge" not in request.system:
            return None
        alone = request.tag("answer")
        if alone:
            return f"It is of use. [[{self.quality[alone]:g}]]"
        first, second = (self.quality[request.tag(name)] for name in ("answer_a", "answer_b"))
        if re.search(r"\[\[\d+,\d+\]\]", request.user):
            return f"One says more. [[{first:g},{second:g}]]"
        return f"I read both with care. [[{self._letter(request.key, first, second)}]]"

    def _letter(self, key: bytes, first: float, second: float) -> str:
        if share(key, "place") < self.favours_a:
            return "A"
        if first == second:
            return "C"
        return "A" if (first > second) == (share(key, "right") < self.right) else "B"
