"""Solutions in which one word decides: steps are taken in the given order, or in the reverse one and go wrong."""

from synth_dagster.parts.mathematics.word_problems.facts import in_digits
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from tests.scripted_teacher.arithmetic import choose
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

BEGINNING = "We take the steps of the problem one by one, and all of them in the"
RIGHT, WRONG = "given", "reverse"


class TurningWorld:
    """A policy that takes the right turn in a share `skill` of all tries, and after it does not change its mind."""

    def __init__(self, *, skill: float = 0.5) -> None:
        self.skill = skill

    def answer(self, request: Request) -> str | None:
        if request.task != "completion" or not request.tag("problem"):
            return None
        so_far = request.tag("solution")
        turn = RIGHT if share(request.key, "turn") < self.skill else WRONG
        taken = so_far.removeprefix(BEGINNING).split()
        whole = _solution(request.tag("problem"), taken[0] if taken and so_far.startswith(BEGINNING) else turn)
        return whole.removeprefix(so_far) if whole.startswith(so_far) else "That leads nowhere."


def _solution(text: str, turn: str) -> str:
    problem = read(text)
    solution = problem and solve(problem, choose)
    assert solution, "no problem of this world"
    if turn == RIGHT:
        return f"{BEGINNING} {turn} order. {' '.join(solution.lines)}\nThe answer is: {in_digits(solution.answer)}"
    return f"{BEGINNING} {turn} order. Then it is easy to see.\nThe answer is: {in_digits(solution.answer + 3)}"
