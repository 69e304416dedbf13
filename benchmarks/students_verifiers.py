"""A world of word problems for a student and its verifier: the second half of TinyGSM in small (arXiv:2312.09241).

A teacher writes problems with expressions and is wrong in its own ways: it adds `a` and `b` where `a` bags of `b` were
bought, and counts what has nothing to do with the question. A student that learns from it is wrong in the same ways, so
its wrong answers agree with each other, as a vote must not have them. For other problems the right answer is known: the
student's candidates for these, of three checkpoints, are executed and labelled, and a verifier learns from them, which
is the student's body with a head. It chooses among 48 candidates by the last token. What is compared is a label on
every token of a candidate (arXiv:2110.14168) with one on its last token alone; all else is equal. On the question,
which all candidates share, a label would teach how hard it is and not which of them is right. Of 80 problems 48
candidates are labelled, so that the student has about three numbers for each labelled token, as the paper's has.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from random import Random

import numpy as np

from synth_dagster.parts.mathematics.expressions import value_of
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Batch, Course, right_or_wrong, rows_of, train, verdicts, with_verdict
from synth_dagster.parts.models.vocabulary import Words


@dataclass(frozen=True, slots=True)
class Problem:
    question: str
    expression: str  # as the teacher has it
    answer: int  # which is right


ROWS = 32
CANDIDATES = 48  # of a question, as in the paper
TEMPERATURES = (0.5, 0.7)  # of the paper
SLIPS = 0.55  # how often the teacher is wrong where it may be
_GAINS = ("finds {a} more", "is given {a}", "buys {a}")
_LOSSES = ("loses {a}", "gives away {a}", "eats {a}")
_PACKS = ("buys {a} bags of {b}", "is given {a} boxes of {b}")
_DOUBT = "Her brother is {a} years old."  # a fact that does not matter, as in a third of the paper's problems


def problem(rng: Random) -> Problem:
    """What somebody has after two or three things have happened."""
    first = rng.randint(2, 9)
    said, expression, total = [f"Anna has {first} apples."], str(first), first
    doubt = rng.randint(0, 7)  # behind which sentence; a third of the problems have it
    for number in range(rng.choice((2, 3))):
        if number == doubt:
            said.append(_DOUBT.format(a=(age := rng.randint(2, 9))))
            expression += f" + {age}" if rng.random() < SLIPS else ""
        a, b, kind = rng.randint(2, 9), rng.randint(2, 9), rng.choice("+-*")
        forms = {"+": _GAINS, "-": _LOSSES, "*": _PACKS}[kind]
        said.append(f"She {rng.choice(forms)}.".format(a=a, b=b))
        if kind == "*":
            expression += f" + {a} + {b}" if rng.random() < SLIPS else f" + {a} * {b}"
            total += a * b
        else:
            expression, total = f"{expression} {kind} {a}", total + (a if kind == "+" else -a)
    return Problem(f"{' '.join(said)} How many?", f" {expression}", total)


def executed(expression: str) -> int | None:
    """What an expression comes to; None where it is none."""
    found = value_of(expression)
    return None if found is None or found.denominator != 1 else int(found)


@dataclass(frozen=True)
class Sampled:
    """Problems with a student's candidates for each, and whether they come to the right answer."""

    problems: Sequence[Problem]
    candidates: Sequence[Sequence[str]]

    @cached_property
    def right(self) -> np.ndarray:
        """(problems, candidates)."""
        both = zip(self.problems, self.candidates, strict=True)
        return np.array([[executed(one) == problem.answer for one in some] for problem, some in both])

    def majority(self) -> float:
        """How often the commonest answer is right."""
        return float(
            np.mean([voted(some) == one.answer for one, some in zip(self.problems, self.candidates, strict=True)])
        )

    def pairs(self, words: Words) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Question and candidate, with its end, one after the other."""
        both = zip(self.problems, self.candidates, strict=True)
        return [(words.symbols(one.question), [*words.symbols(text), 0]) for one, some in both for text in some]


def voted(candidates: Sequence[str]) -> int | None:
    answers = Counter(answer for answer in map(executed, candidates) if answer is not None)
    return answers.most_common(1)[0][0] if answers else None


def sampled(student: Student, words: Words, asked: Sequence[Problem], many: int, seed: int) -> Sampled:
    """So many candidates of each problem, half at either temperature."""
    prompts = [words.symbols(one.question) for one in asked for _ in range(many // 2)]
    found: list[list[str]] = [[] for _ in asked]
    for number, temperature in enumerate(TEMPERATURES):
        written = student.generated(prompts, 18, temperature=temperature, seed=2 * seed + number)
        for place, symbols in enumerate(written):
            found[place // (many // 2)].append(words.text(symbols))
    return Sampled(asked, found)


def taught(pairs: Sequence[Problem], words: Words, seed: int, steps: int) -> list[Student]:
    """A student after a third of its steps, after two thirds, and at the end."""
    rows, done = [(words.symbols(one.question), words.symbols(one.expression)) for one in pairs], count()
    student = Student.new(Shape(words.size, context=72, width=64, layers=2, heads=2), seed=seed)
    checkpoints = list[Student]()

    def drawn(rng: np.random.Generator) -> Batch:
        if next(done) in (steps // 3, 2 * steps // 3):
            checkpoints.append(student.copy())
        return rows_of([rows[place] for place in rng.integers(len(rows), size=ROWS)])

    train(student, drawn, Course(steps, rate=4e-3, seed=seed))
    return [*checkpoints, student]


def verifier(
    student: Student, words: Words, labelled: Sequence[Sampled], *, every: bool, seed: int, steps: int
) -> Student:
    """The student's body with a head, taught by a label on every token of the candidate or on its last one."""
    pairs = [pair for one in labelled for pair in one.pairs(words)]
    labels = np.concatenate([one.right.ravel() for one in labelled])
    judge = with_verdict(student)

    def drawn(rng: np.random.Generator) -> Batch:
        places = rng.integers(len(pairs), size=ROWS)
        batch = rows_of([pairs[place] for place in places], labels[places].tolist())
        if not every:
            later = np.cumsum(batch.weights[:, ::-1], axis=1)[:, ::-1]  # 1 at the last place that counts
            batch.weights[later > 1] = 0
        return batch

    train(judge, drawn, Course(steps, rate=1e-3, seed=seed), objective=right_or_wrong)
    return judge


def run(
    seed: int, *, steps: int = 450, shown: int = 80, asked: int = 320, judge_steps: int = 2_000
) -> dict[str, float]:
    """Accuracy of one candidate, of the commonest answer, and of the best by a verifier of either supervision."""
    rng = Random(seed)
    pairs, known, held_out = ([problem(rng) for _ in range(size)] for size in (5_000, shown, asked))
    words = Words.of(one.question + one.expression for one in pairs)
    checkpoints = taught(pairs, words, seed, steps)
    labelled = [
        sampled(one, words, known, CANDIDATES // 3, 10 * seed + number) for number, one in enumerate(checkpoints)
    ]
    student = checkpoints[-1]
    found = sampled(student, words, held_out, CANDIDATES, 10 * seed + 5)
    scores = {
        "single": float(found.right.mean()),
        "any of 48": float(found.right.any(axis=1).mean()),
        "majority": found.majority(),
    }
    texts = [[*given, *answer] for given, answer in found.pairs(words)]
    for name, every in (("every token", True), ("last token", False)):
        judge = verifier(student, words, labelled, every=every, seed=seed, steps=judge_steps)
        told = verdicts(judge, texts).reshape(found.right.shape)
        best = found.right[np.arange(len(told)), told.argmax(axis=1)]
        scores |= {
            f"best by verifier, {name}": float(best.mean()),
            f"AUC, {name}": auc(told.ravel(), found.right.ravel()),
        }
        scores[f"AUC of one problem, {name}"] = within(told, found.right)
    return scores


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """How often a right one is scored above a wrong one, ties half."""
    good, bad = scores[labels], np.sort(scores[~labels])
    if not len(good) or not len(bad):
        return 0.5
    below = np.searchsorted(bad, good, "left") + np.searchsorted(bad, good, "right")
    return float(below.mean() / (2 * len(bad)))


def within(scores: np.ndarray, labels: np.ndarray) -> float:
    """The mean AUC of the problems that have right and wrong candidates."""
    mixed = labels.any(axis=1) & ~labels.all(axis=1)
    return float(np.mean([auc(told, right) for told, right in zip(scores[mixed], labels[mixed], strict=True)]))
