"""Word problems of the small language of `parts.word_problems`: solved, reworded and stated by rule, others refused."""

from synth_dagster.parts.mathematics.word_problems.facts import in_digits
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.parts.mathematics.word_problems.writing import say, state
from synth_dagster.parts.text.words import normalised
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.prompts import Request

UNSOLVED = "The problem does not determine the answer, or it is worded in a way that I cannot read."
_TRIES = 12  # a few choices of wordings give the old words again


def solved(request: Request, chance: Chance) -> str:
    """The calculation step by step and the answer, or that there is none."""
    text = request.text("problem")
    problem = read(text)
    solution = solve(problem, chance.about(text).pick) if problem else None
    if problem is None or solution is None:
        return UNSOLVED
    what = "The value of x is" if problem.told is not None else "The answer is"
    return "\n".join([*solution.lines, f"{what}: {in_digits(solution.answer)}"])


def reworded(request: Request, chance: Chance) -> dict[str, str]:
    """The same problem in other words; the problem itself where no other words are known."""
    text = request.text("problem")
    problem = read(text)
    if problem is None or problem.asked is None:
        return {"question": text}
    said = (say(problem, Chance.of(chance.seed, text, number).pick) for number in range(_TRIES))
    return {"question": next((other for other in said if normalised(other) != normalised(text)), text)}


def declared(request: Request) -> dict[str, str]:
    """The question with its answer as one statement."""
    clause, answer = request.text("clause"), request.text("answer")
    return {"statement": state(clause, answer) or f"The answer to the question is {answer.strip()}."}
