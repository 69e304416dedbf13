"""Students that look for needles: is what they learn from tasks as good at every place of the context?

Artificial needles in small (arXiv:2406.19292): tasks of twelve dictionaries as the method draws them, with keys and
values of two digits. A base student has learnt to look up in short lists, four pairs at a time; it goes on with tasks
whose answers stand anywhere, or, as a control, at the start alone. What counts is how often the value that is asked for
is the likeliest word, by the dictionary that it stands in. A student reads keys as words and values as words of their
own, `: 52`, and writes the value.
"""

import re
from collections.abc import Sequence
from random import Random

import numpy as np

from synth_dagster.methods.synthesize.kv_retrieval import Builder, shown
from synth_dagster.methods.synthesize.kv_retrieval import Shape as Digits
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Batch, Course, rows_of, train

DICTIONARIES, PAIRS, ROWS = 12, 8, 12
DIGITS = Digits(dictionaries=DICTIONARIES, key=(1, 1), shared=0, key_digits=(2, 2), value_digits=(2, 2))
_WORD = re.compile(r": \d+|\d+|\{")
_WORDS = {
    word: place for place, word in enumerate(["{", *map(str, range(10, 100)), *(f": {n}" for n in range(10, 100))], 1)
}


def symbols(text: str) -> list[int]:
    """Keys, values and where a dictionary begins; all else is the same in every task."""
    return [_WORDS[word] for word in _WORD.findall(text) if word in _WORDS]


def task(rng: Random, place: int) -> tuple[list[int], list[int]]:
    """A list of dictionaries with the asked key behind it, and the value."""
    builder = Builder(DIGITS, (3, 4), 0.0, 0.0, rng)
    gold, others = builder.dictionaries(DICTIONARIES)
    listed = " ".join(shown(one) for one in (*others[:place], gold, *others[place:]))
    return [*symbols(listed), *symbols(str(builder.gold_key[0]))], symbols(f": {builder.gold_value}")


def short_lists(rng: np.random.Generator) -> Batch:
    """Pairs, and the same pairs again in another order: what is learnt before the tasks."""
    rows = []
    for _ in range(2 * ROWS):
        keys, values = rng.permutation(90)[:PAIRS] + 2, rng.integers(90, size=PAIRS) + 92
        pairs, again = np.stack([keys, values], axis=1), rng.permutation(PAIRS)
        rows.append((pairs.ravel().tolist(), pairs[again].ravel().tolist()))
    return rows_of(rows)


def by_dictionary(student: Student, tasks: Sequence[tuple[list[int], list[int]]]) -> np.ndarray:
    """Shares of right values by the place of the dictionary, of tasks that go round the places."""
    written = student.generated([given for given, _ in tasks], 1)
    right = [answer == wanted for answer, (_, wanted) in zip(written, tasks, strict=True)]
    return np.array(right).reshape(-1, DICTIONARIES).mean(axis=0)


def run(seed: int, *, base_steps: int = 1_500, steps: int = 400, asked: int = 60) -> dict[str, float]:
    """Shares of right answers before and after, and how far the best place is above the worst."""
    rng = Random(seed)
    base = Student.new(Shape(len(_WORDS) + 1, context=160, width=64, layers=2, heads=2), seed=seed)
    losses = train(base, short_lists, Course(base_steps, rate=4e-3, seed=seed))
    held_out = [task(rng, number % DICTIONARIES) for number in range(asked * DICTIONARIES)]
    arms = {"before": base, "anywhere": base.copy(), "at the start": base.copy()}
    for name, places in (("anywhere", DICTIONARIES), ("at the start", 1)):
        train(
            arms[name],
            lambda _, places=places: rows_of([task(rng, rng.randrange(places)) for _ in range(ROWS)]),
            Course(steps, rate=2e-3, seed=seed),
        )
    found = {"base loss": losses[-1]}
    for name, student in arms.items():
        right = by_dictionary(student, held_out)
        found |= {name: float(right.mean()), f"{name}, best less worst": float(right.max() - right.min())}
        found |= {f"{name}, first": float(right[0]), f"{name}, others": float(right[1:].mean())}
    return found
