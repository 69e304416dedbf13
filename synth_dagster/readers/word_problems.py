"""Arithmetic word problems with exact solutions, written by a program: mathematics for a first try.

No text of others is in them: wordings and names are this project's own (`parts.word_problems`), numbers come from a
seed, and an exact solver writes the solution. Each item is the problem, a blank line, the solution, and `#### answer`.
"""

from random import Random

from pydantic import Field

from synth_dagster.parts.mathematics.word_problems.facts import Pick, in_digits
from synth_dagster.parts.mathematics.word_problems.making import make
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.parts.mathematics.word_problems.writing import say
from synth_dagster.parts.streams import stream
from synth_dagster.readers.base import Delivery, DeliveryChanged, Item, Reader, locator_of, place_of
from synth_dagster.readers.places import Places

LICENSE = "Apache-2.0"


class WordProblems(Reader):
    """Writes so many problems; a larger count begins with the same ones."""

    count: int = Field(120, ge=1, le=1_000_000, description="How many problems are written.")
    seed: int = Field(0, ge=0, description="Another seed gives other problems.")

    def items(self, places: Places, *, start: str | None = None, optional: bool = False) -> Delivery:
        first = place_of(start).get("number") if start else 0
        if not isinstance(first, int) or not 0 <= first < self.count:
            raise DeliveryChanged(
                f"There is no problem {first!r} of {self.count}. Run 'synth run' again: it plans the batches anew."
            )
        return (item_of(number, self.seed) for number in range(first, self.count))


def item_of(number: int, seed: int) -> Item:
    """The problem of that number, whatever is written before it."""
    rng = stream(seed, b"word_problems", number)
    problem = make(rng)
    solution = solve(problem, drawn_by(rng))
    assert solution is not None, "a problem that is made has a solution"
    text = "\n".join([say(problem, drawn_by(rng)), "", *solution.lines, f"#### {in_digits(solution.answer)}"])
    return Item(
        native_key=f"{seed}-{number:06}",
        text=text,
        attributes={"made_by": "program", "steps": len(problem.steps)},
        license=LICENSE,
        lang="en",
        locator=locator_of(number=number),
    )


def drawn_by(rng: Random) -> Pick:
    """Choices from a random stream."""
    return lambda _, choices: rng.choice(choices)
