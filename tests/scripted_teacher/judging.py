"""A judge that knows how good each answer is, and whose faults are set: by place, by error, by saying nothing.

`favours_a` is the share of games in which it says A whatever it read; of the others it is right with `right`. Its
log-odds of A are the difference in quality, `bias` for the place, and normal noise of that standard deviation.
"""

import math
import re
from collections.abc import Mapping
from statistics import NormalDist

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request


class JudgeWorld:
    """Judges by the quality of an answer, 1 to 10, which it looks up by its text."""

    def __init__(
        self,
        quality: Mapping[str, float],
        *,
        favours_a: float = 0.0,
        right: float = 1.0,
        bias: float = 0.0,
        noise: float = 0.0,
    ) -> None:
        self.quality, self.favours_a, self.right, self.bias, self.noise = quality, favours_a, right, bias, noise

    def answer(self, request: Request) -> str | None:
        if "impartial judge" not in request.system:
            return None
        alone = request.tag("answer")
        if alone:
            return f"It is of use. [[{self.quality[alone]:g}]]"
        first, second = (self.quality[request.tag(name)] for name in ("answer_a", "answer_b"))
        if "Say one letter" in request.user:
            return "A" if self.odds(request) >= 0 else "B"
        if re.search(r"\[\[\d+,\d+\]\]", request.user):
            return f"One says more. [[{first:g},{second:g}]]"
        return f"I read both with care. [[{self._letter(request.key, first, second)}]]"

    def odds(self, request: Request) -> float:
        """Log-odds of A: by how much its answer is the better one, its place, and what chance adds."""
        first, second = (self.quality[request.tag(name)] for name in ("answer_a", "answer_b"))
        draw = NormalDist().inv_cdf(0.5 + (share(request.key, "noise") - 0.5) * (1 - 1e-9))
        return first - second + self.bias + self.noise * draw

    def top_logprobs(self, request: Request) -> dict[str, float]:
        """A tenth of the probability is other words', the rest is shared by A and B as their odds say."""
        odds = self.odds(request)
        log_a, log_b = (-math.log1p(math.exp(-sign * odds)) for sign in (1, -1))
        return {"A": log_a + math.log(0.9), " B": log_b + math.log(0.9), "The": math.log(0.06), "I": math.log(0.04)}

    def _letter(self, key: bytes, first: float, second: float) -> str:
        if share(key, "place") < self.favours_a:
            return "A"
        if first == second:
            return "C"
        return "A" if (first > second) == (share(key, "right") < self.right) else "B"
