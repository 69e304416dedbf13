"""What a step that met a cap still has to do, and what that would cost, from what it has done so far."""

from collections.abc import Mapping
from dataclasses import dataclass

from synth_dagster.runner.context import UsageLike


@dataclass(frozen=True, slots=True)
class Sums:
    """What teachers did, all roles together; `usd` is None where a price is unknown."""

    calls: int = 0
    answers: int = 0  # calls, and answers that were kept before
    tokens: int = 0
    usd: float | None = 0.0

    @classmethod
    def of(cls, by_role: Mapping[str, UsageLike]) -> "Sums":
        used = list(by_role.values())
        prices = [one.usd for one in used if one.calls]
        return cls(
            sum(one.calls for one in used),
            sum(one.calls + one.cached for one in used),
            sum(one.tokens_in + one.tokens_out for one in used),
            None if None in prices else sum(price for price in prices if price is not None),
        )

    def __sub__(self, other: "Sums") -> "Sums":
        usd = None if self.usd is None or other.usd is None else self.usd - other.usd
        return Sums(self.calls - other.calls, self.answers - other.answers, self.tokens - other.tokens, usd)


def missing(step: str, done: int, total: int, *, answers: int, so_far: Sums) -> str:
    """How far a step came, and what the rest of it costs at the mean of what is done.

    `answers` are those that its finished inputs needed; `so_far` is all that the step used, for unfinished ones too.
    """
    head = f"{done:,} of {total:,} inputs of {step} are done"
    if not done or not so_far.calls:
        return f"{head}; what the rest costs cannot be told from that."
    left = max(total - done, round(total * answers / done - so_far.answers))
    tokens = round(left * so_far.tokens / so_far.calls)
    money = "money at an unknown price" if so_far.usd is None else f"${left * so_far.usd / so_far.calls:,.4f}"
    return f"{head}; the rest of this step needs about {left:,} more calls, {tokens:,} tokens and {money}."
