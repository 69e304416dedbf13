"""A world of twelve small functions over lists of numbers; problems put four of them in a row."""

import re
from collections.abc import Mapping
from random import Random
from typing import Any

from synth_dagster.records import Document, digest
from tests.scripted_teacher.faults import drawn_fault, share
from tests.scripted_teacher.reading import Request

# name -> what it does in words, and as an expression over `numbers`
KNOWN: Mapping[str, tuple[str, str]] = {
    "double_entries": ("multiply every value by two", "[n * 2 for n in numbers]"),
    "drop_negative": ("leave out whatever is below zero", "[n for n in numbers if n >= 0]"),
    "sort_upwards": ("put them in ascending order", "sorted(numbers)"),
    "reverse_list": ("turn the sequence around", "numbers[::-1]"),
    "keep_even": ("keep only multiples of two", "[n for n in numbers if n % 2 == 0]"),
    "shift_by_three": ("add three to each number", "[n + 3 for n in numbers]"),
    "take_first_five": ("cut it off after five items", "numbers[:5]"),
    "square_all": ("square each element", "[n * n for n in numbers]"),
    "running_sums": ("replace each entry by the sum up to it", "[sum(numbers[: k + 1]) for k in range(len(numbers))]"),
    "without_copies": ("remove repetitions and keep the earliest", "list(dict.fromkeys(numbers))"),
    "negate": ("change all signs", "[-n for n in numbers]"),
    "limit_to_hundred": ("cap anything above one hundred", "[min(n, 100) for n in numbers]"),
}
_STEP = re.compile("|".join(map(re.escape, (words for words, _ in KNOWN.values()))))
_BY_WORDS = {words: name for name, (words, _) in KNOWN.items()}

# How a problem may be bad, and why it goes.
BAD: Mapping[str, str] = {
    "raises": "solution_program_failed",
    "fails": "trial_program_failed",
    "idle_trial": "trial_calls_nothing",
    "few": "too_few_helpers",
    "unnamed": "no_function",
    "no_assert": "test_asserts_nothing",
    "helper_test": "test_calls_helpers",
    "idle_test": "test_calls_no_solution",
    "unasserted": "test_asserts_nothing_of_it",
    "wrong_test": "test_program_failed",
    "endless_test": "test_time_out",
    "vague": "not_solved",
}


def helpers() -> list[Document]:
    return [
        Document(
            body=f'def {name}(numbers):\n    """{words.capitalize()}."""\n    return {code}',
            record_id=digest("helper", name),
        )
        for name, (words, code) in KNOWN.items()
    ]


class CodeWorld:
    """`bad` is the rate of each way in which a problem is bad; `clears` that of rewritten statements that are exact."""

    def __init__(self, bad: Mapping[str, float] | None = None, *, clears: float = 0.0) -> None:
        self.bad, self.clears = bad or {}, clears

    def answer(self, request: Request) -> dict[str, Any] | None:
        work = {"code_problem": self._problem, "trial": self._tried, "test": self._test}
        work |= {"program": self._solved, "declare": self._restated}
        found = work.get(request.task)
        return found(request) if found else None

    def _fault(self, steps: list[str]) -> str | None:
        return drawn_fault(digest("problem", steps), self.bad)

    def _problem(self, request: Request) -> dict[str, str]:
        shown = [re.findall(r"def (\w+)", one)[0] for one in request.tags("helper")]
        steps = Random(request.key).sample(shown, int(request.tag("count")))
        fault = self._fault(steps)
        steps = steps[:3] if fault == "few" else steps
        body = "".join(f"    numbers = {name}(numbers)\n" for name in steps)
        body += "    numbers[0] / 0\n" if fault == "fails" else ""
        program = f"def combined(numbers):\n{body}    return numbers" + ("\n\n1 / 0" if fault == "raises" else "")
        said = steps[1:] if fault == "vague" else steps
        return {
            "statement": _statement(said),
            "name": "other" if fault == "unnamed" else "combined",
            "program": program,
        }

    def _tried(self, request: Request) -> dict[str, str]:
        fault = self._fault(_steps_in(request.tag("function")))
        return {"trial": "given = [5, -2, 7]" if fault == "idle_trial" else "print(combined([5, -2, 7]))"}

    def _test(self, request: Request) -> dict[str, str]:
        steps = _steps_in(request.tag("solution"))
        fault = self._fault(steps)
        own = "".join(f"    numbers = {KNOWN[name][1]}\n" for name in steps)
        checks = (
            "for given in ([5, -2, 7, 7, 130, 4, 0], [], [1, 2, 3]):\n    assert combined(given) == expected(given)"
        )
        test = f"def expected(numbers):\n{own}    return numbers\n\n{checks}"
        changes = {
            "no_assert": test.replace("assert ", ""),
            "helper_test": f"{test}\nassert {steps[0]}([1]) is not None",
            "unasserted": f"expected = combined([1])\n{test.replace('combined(given)', 'own(given)')}".replace(
                "def expected", "def own"
            ).replace("expected(given)", "own(given)"),
            "idle_test": test.replace("combined(given)", "expected(given)"),
            "wrong_test": test.replace("return numbers", "return [*numbers, 1]"),
            "endless_test": f"{test}\nwhile True:\n    pass",
        }
        return {"test": f"```python\n{changes.get(fault or '', test)}\n```"}

    def _solved(self, request: Request) -> dict[str, str]:
        steps = [_BY_WORDS[words] for words in _STEP.findall(request.tag("statement"))]
        body = "".join(f"    numbers = {name}(numbers)\n" for name in steps)
        return {"program": f"def combined(numbers):\n{body}    return numbers"}

    def _restated(self, request: Request) -> dict[str, str]:
        clear = share(request.key, "clears") < self.clears
        return {"statement": _statement(_steps_in(request.tag("solution"))) if clear else request.tag("statement")}


def _statement(steps: list[str]) -> str:
    return f"Given a list of numbers, {'; then '.join(KNOWN[name][0] for name in steps)}. Return the list that results."


def _steps_in(program: str) -> list[str]:
    return re.findall(r"= (\w+)\(numbers\)", program)
