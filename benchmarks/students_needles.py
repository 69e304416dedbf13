"""Students that look for needles: is what they learn from tasks as good at every place of the context?

Artificial needles in small (arXiv:2406.19292): tasks of twelve dictionaries as the method writes them, with keys of two
digits and values of three, so that each number is a word. A base student has learnt to look up in lists; it goes on
with tasks, of which only the answer counts, each once: with the form of the answer in the question or without. What
counts is how often the value that is asked for is the likeliest word, by the dictionary that it stands in, and how
surprising those words of the answer are that are the same in each task.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeAlias

import numpy as np

from synth_dagster.methods.synthesize.kv_retrieval import KvRetrieval
from synth_dagster.methods.synthesize.kv_retrieval import Shape as Digits
from synth_dagster.parts.models.layers import log_softmax
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Batch, Course, rows_of, train
from synth_dagster.records import Document, Instruction, digest

DICTIONARIES, ROWS = 12, 12
NUMBERS = 990  # the first symbols: from 10 to 999
ARMS = {"form shown": True, "form not shown": False}
Pair: TypeAlias = tuple[list[int], list[int]]  # a question and its answer
_PIECE = re.compile(r"Dictionary \[[^]]+\]|<?\w+>?")  # a word each: the place of a dictionary, a number, a word


class OfFewDigits(KvRetrieval):
    """The method with numbers that a small vocabulary holds."""

    def _shape(self) -> Digits:
        return Digits(dictionaries=DICTIONARIES, key=(1, 1), shared=0, key_digits=(2, 2), value_digits=(3, 3))


def tasks(count: int, seed: int, *, template: bool, whose: str = "taught") -> list[Instruction]:
    """As the method writes them: the paper's places where they are taught, evenly anywhere where they are held out."""
    early = {} if whose == "taught" else {"at_start": 0.0, "near_start": 0.0}
    settings = {"samples": count, "dictionaries": DICTIONARIES, "template": template, "wordings": 2, "seed": seed}
    method = OfFewDigits.model_validate(settings | early)
    made = asyncio.run(method.synthesize(Document(body=whose, record_id=digest("lot", whose))))
    assert isinstance(made, list)
    return made


@dataclass(frozen=True)
class Vocabulary:
    """Every number and word of the tasks, by its place."""

    places: Mapping[str, int]

    @classmethod
    def of(cls, made: Iterable[Instruction]) -> "Vocabulary":
        numbers = [str(number) for number in range(10, 1_000)]
        words = {piece for one in made for piece in _PIECE.findall(f"{one.instruction} {one.response}")}
        return cls({word: place for place, word in enumerate([*numbers, *sorted(words - set(numbers))], 1)})

    @property
    def size(self) -> int:
        return len(self.places) + 1

    @property
    def words(self) -> list[int]:
        return list(self.places.values())[NUMBERS:]

    def symbols(self, text: str) -> list[int]:
        return [self.places[piece] for piece in _PIECE.findall(text)]

    def pair(self, task: Instruction) -> Pair:
        return self.symbols(task.instruction), self.symbols(task.response)

    @property
    def dictionaries(self) -> list[int]:
        return [place for word, place in self.places.items() if word.startswith("Dictionary [")]


def lists(rows: int, pairs: int, again: int, words: Sequence[int], rng: np.random.Generator) -> Batch:
    """What is learnt before the tasks: pairs of a key and a value, then some of them again in another order, of which
    the values count; up to six words may stand between the key and the value."""
    symbols, weights = np.zeros((2, rows, 2 * pairs + 9 * again + 1), np.int64)
    for row, counts in zip(symbols, weights, strict=True):
        keys, values = rng.permutation(90)[:pairs] + 1, rng.integers(900, size=pairs) + 91
        row[1 : 2 * pairs + 1] = np.stack([keys, values], axis=1).ravel()
        place = 2 * pairs + 1
        for asked in rng.permutation(pairs)[:again]:
            between = rng.choice(words, rng.integers(7)) if len(words) else ()
            told = [keys[asked], *between, values[asked]]
            row[place : place + len(told)] = told
            place += len(told)
            counts[place - 1] = 1
    end = int(np.flatnonzero(weights.any(axis=0)).max()) + 1
    return Batch(symbols[:, :end], weights[:, 1:end].astype(float))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Tasks that nobody learns from: the symbols, where the value of each stands, and which dictionary has it."""

    rows: Batch
    values: np.ndarray  # of each row the place of the value among what is foretold
    dictionaries: np.ndarray
    forms: np.ndarray  # (rows, length): the words of the answer that are no number

    @classmethod
    def of(cls, made: Sequence[Instruction], vocabulary: Vocabulary) -> "HeldOut":
        rows = rows_of([vocabulary.pair(one) for one in made])
        wanted = np.array([vocabulary.places[str(one.attributes["gold_value"])] for one in made])
        counts = rows.weights > 0
        values = ((rows.symbols[:, 1:] == wanted[:, None]) & counts).argmax(axis=1)
        forms = counts & (rows.symbols[:, 1:] > NUMBERS) & ~np.isin(rows.symbols[:, 1:], vocabulary.dictionaries)
        return cls(rows, values, np.array([one.attributes["gold_dictionary"] for one in made]), forms)

    def by(self, student: Student) -> tuple[np.ndarray, float]:
        """Shares of right values by dictionary, and the mean loss of the words of the form."""
        right, losses = list[bool](), list[float]()
        for first in range(0, len(self.values), 40):
            some = slice(first, first + 40)
            given, wanted = self.rows.symbols[some, :-1], self.rows.symbols[some, 1:]
            hidden = student.hidden(given)[0].reshape(*given.shape, -1)
            each, value = np.arange(len(given)), self.values[some]
            told = hidden[each, value] @ student.weights["written"].T
            right += (told.argmax(axis=1) == wanted[each, value]).tolist()
            form = self.forms[some]
            logs = log_softmax(hidden[form] @ student.weights["written"].T)
            losses += (-logs[np.arange(len(logs)), wanted[form]]).tolist()
        found = np.array(right)
        shares = [found[self.dictionaries == place].mean() for place in range(1, DICTIONARIES + 1)]
        return np.array(shares), float(np.mean(losses))


def learnt_lists(vocabulary: Vocabulary, seed: int, short: int, long: int) -> Student:
    """The base: short lists, then lists as long as those of the tasks, with words between key and value."""
    student = Student.new(Shape(vocabulary.size, context=200, width=64, layers=2, heads=2), seed=seed)
    train(student, partial(lists, 24, 8, 8, ()), Course(short, rate=4e-3, seed=seed))
    train(student, partial(lists, 8, 40, 12, vocabulary.words), Course(long, rate=4e-3, seed=seed))
    return student


def learnt_tasks(student: Student, pairs: Sequence[Pair], seed: int) -> Student:
    """A copy that has read each task once."""
    waiting, student = iter(pairs), student.copy()
    train(student, lambda _: rows_of(list(islice(waiting, ROWS))), Course(len(pairs) // ROWS, rate=4e-3, seed=seed))
    return student


def run(
    seed: int,
    *,
    base: tuple[int, int] = (800, 1_100),
    taught: int = 9_600,
    asked: int = 1_200,
    only: Sequence[str] = tuple(ARMS),
) -> dict[str, float]:
    """Shares of right answers before and after, how far the best place is above the worst, and the loss of the form."""
    made = {name: tasks(taught, seed, template=shown) for name, shown in ARMS.items()}
    held_out = {name: tasks(asked, seed, template=shown, whose="held out") for name, shown in ARMS.items()}
    vocabulary = Vocabulary.of([one for some in (made, held_out) for one in some["form shown"]])
    student, found = learnt_lists(vocabulary, seed, *base), dict[str, float]()
    asked_of = {name: HeldOut.of(some, vocabulary) for name, some in held_out.items()}
    for name, shown in (("before", "form shown"), *((name, name) for name in only)):
        one = student if name == "before" else learnt_tasks(student, [vocabulary.pair(one) for one in made[name]], seed)
        shares, form = asked_of[shown].by(one)
        found |= {name: float(shares.mean()), f"{name}, best less worst": float(shares.max() - shares.min())}
        found |= {f"{name}, loss of the form": form}
    return found
