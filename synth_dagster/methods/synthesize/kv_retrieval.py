"""Artificial needles: find the one right entry in a long list of dictionaries of numbers, written without a model.

Paper: arXiv:2406.19292. A document names a lot, such as a training set; as many tasks are written for it as are asked
for. Draws and their order are those of the released code, the wordings are ours, and three of its slips are not
repeated: the gold dictionary has a size of its own, which tells it from the others; an early position is drawn from the
number of samples instead of dictionaries; and of several numbers to a key, another key may hold all that is asked for.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field, model_validator

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.tokens import PATTERN
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Instruction, Json
from synth_dagster.services import Drop

Key: TypeAlias = tuple[int, ...]
Dictionary: TypeAlias = Mapping[Key, int]
Range: TypeAlias = tuple[int, int]

DRAWS = 1_000  # of one task, until it is short enough
RESERVED = 100  # tokens that are kept free for the answer
LONGEST = 60  # characters: what is longer, or has several lines, is a text and names no lot
EARLY = 0.05  # share of the dictionaries that are near the start
_TOKEN, _NUMBER = re.compile(PATTERN), re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Shape:
    """What keys and values look like; sizes are first and last of a range."""

    dictionaries: int
    key: Range  # numbers of a key
    shared: int  # numbers of the gold key that other keys may have too
    key_digits: Range
    value_digits: Range


SHAPES: Mapping[str, Shape] = {
    "simple": Shape(dictionaries=85, key=(1, 1), shared=0, key_digits=(3, 4), value_digits=(3, 4)),
    "multi_subkey": Shape(dictionaries=49, key=(3, 4), shared=2, key_digits=(3, 3), value_digits=(4, 4)),
}

# How a task is asked and answered; the first is the released code's in our words.
_ASKS = {
    "simple": "Every key and every value in this list of dictionaries is a whole number. Give the value of key {key} "
    "and say which dictionary it is in.",
    "multi_subkey": "Every key in this list of dictionaries is a tuple of whole numbers, and every value is a whole "
    "number. Give the key that contains {key} (in any order), its value, and the dictionary it is in.",
}
_FORM = "\nAnswer in this form:\n{form}"
_ANSWERS: Mapping[str, Sequence[str]] = {
    "simple": (
        "The value of key {key} is {value} and it is in Dictionary [{place}].",
        "Dictionary [{place}] has the key {key}; its value there is {value}.",
        "{value} belongs to key {key}, which stands in Dictionary [{place}].",
        "Key {key}: value {value}, Dictionary [{place}].",
    ),
    "multi_subkey": (
        "The key that contains {key} is {found}. Its value is {value} and it is in Dictionary [{place}].",
        "Dictionary [{place}] has the key {found}, which contains {key}; its value there is {value}.",
        "{value} belongs to key {found}, which contains {key} and stands in Dictionary [{place}].",
        "Contains {key}: key {found}, value {value}, Dictionary [{place}].",
    ),
}
_BLANKS = {"found": "<key>", "value": "<value>", "place": "<number of the dictionary>"}


class KvRetrieval(Synthesizer[Document, Instruction]):
    """One question and its answer for each task, with what is to be found and where in its attributes."""

    paper: ClassVar[str] = "arXiv:2406.19292"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = ("long context", "retrieval", "needle in a haystack", "fine-tuning")
    proof: ClassVar[Proof] = Proof(
        "official parity",
        "From Python's seed 0 come the 85 dictionaries of the released builder, entry by entry, and its 49 of tuples; "
        "of 10,000 tasks each has one answer; a small attention reader that learns from them is as good at every "
        "place. Small transformers that could look names up in lists find .61 of values, best place less worst .48, "
        "and after 9,600 tasks 1.00 (.003); with the form of the answer shown its words cost .0003 nats, without .042 "
        "(`python -m benchmarks.students kv_retrieval`).",
    )

    task: Literal["simple", "multi_subkey"] = Field("simple", description="A key is one number, or a tuple of several.")
    samples: int = Field(350, ge=1, le=100_000, description="Tasks of a lot; the paper trains on 350.")
    dictionaries: int | None = Field(
        None, ge=2, le=10_000, description="Dictionaries of a task; unless given 85, or 49 where keys are tuples."
    )
    fewest_entries: int = Field(3, ge=1, le=100, description="Fewest entries of a dictionary.")
    most_entries: int = Field(4, ge=1, le=100, description="Most entries of a dictionary.")
    max_tokens: int = Field(
        4_096, ge=200, description="Longest context; each digit counts as a token, and 100 tokens stay free."
    )
    at_start: float = Field(0.05, ge=0, le=1, description="Share of tasks whose answer is in the first dictionary.")
    near_start: float = Field(0.03, ge=0, le=1, description="Share of tasks whose answer is in the first twentieth.")
    has_shared: float = Field(
        0.5, ge=0, le=1, description="Tuples: share of keys that resemble the gold one; ours, the paper does not say."
    )
    each_shared: float = Field(
        0.8, ge=0, le=1, description="Tuples: how probably such a key has each of the shared numbers; ours."
    )
    template: bool = Field(True, description="Show the form of the answer in the question, as the better arm does.")
    wordings: int = Field(1, ge=1, le=4, description="Wordings of the answer to draw from; the paper has one.")
    seed: int = Field(0, ge=0, description="Seed of all draws.")

    @model_validator(mode="after")
    def _in_order(self) -> "KvRetrieval":
        if self.fewest_entries > self.most_entries:
            raise ValueError("fewest_entries must not exceed most_entries")
        if self.at_start + self.near_start > 1:
            raise ValueError("at_start and near_start are shares of the same tasks and must not exceed 1 together")
        return self

    def as_applied(self) -> Mapping[str, Json]:
        return {**super().as_applied(), "dictionaries": self._count()}

    async def synthesize(self, lot: Document, /) -> Sequence[Instruction] | Drop:
        if is_blank(lot.body):
            return Drop("blank_lot")
        if len(lot.body) > LONGEST or len(lot.body.strip().splitlines()) > 1:
            return Drop("no_lot", f"A lot is named in one line of at most {LONGEST} characters; this is a text.")
        places = self._places(stream(self.seed, lot.record_id, "places"))
        made: list[Instruction] = []
        for number, place in enumerate(places):
            task = self._short_enough(stream(self.seed, lot.record_id, "task", number), place)
            if task is None:
                return Drop("too_long", f"No draw of {DRAWS:,} fits max_tokens; lower dictionaries or most_entries.")
            made.append(self._record(task, lot, number))
        return made

    def _count(self) -> int:
        return self.dictionaries or self._shape().dictionaries

    def _shape(self) -> Shape:
        return SHAPES[self.task]

    def _places(self, rng: random.Random) -> list[int]:
        """The place of the answer in each task: anywhere, and exactly the stated shares at and near the start."""
        number, size = self.samples, self._count()
        places = [rng.randrange(size) for _ in range(number)]
        at_start, near = int(number * self.at_start), int(number * self.near_start)
        chosen = rng.sample(range(number), at_start + near)
        for one in chosen[:at_start]:
            places[one] = 0
        for one in chosen[at_start:]:
            places[one] = rng.randrange(max(1, int(size * EARLY)))
        return places

    def _short_enough(self, rng: random.Random, place: int) -> "Task | None":
        for _ in range(DRAWS):
            task = self._drawn(rng, place)
            if task.tokens < self.max_tokens - RESERVED:
                return task
        return None

    def _drawn(self, rng: random.Random, place: int) -> "Task":
        builder = Builder(
            self._shape(), (self.fewest_entries, self.most_entries), self.has_shared, self.each_shared, rng
        )
        gold, others = builder.dictionaries(self._count())
        asked = list(builder.gold_key)
        rng.shuffle(asked)
        form = _ANSWERS[self.task][rng.randrange(self.wordings)]
        told = {"key": ", ".join(map(str, asked)), "found": shown_key(builder.gold_key)}
        question = _ASKS[self.task].format(**told) + (
            _FORM.format(form=form.format(**told | _BLANKS)) if self.template else ""
        )
        listed = "\n".join(
            f"Dictionary [{name}] {shown(one)}" for name, one in enumerate([*others[:place], gold, *others[place:]], 1)
        )
        answer = form.format(**told, value=builder.gold_value, place=place + 1)
        asked_of = f"{listed}\n\n{question}"
        return Task(asked_of, answer, builder.gold_key, builder.gold_value, place, tokens_of(asked_of))

    def _record(self, task: "Task", lot: Document, number: int) -> Instruction:
        facts: dict[str, Json] = {
            "number": number,
            "gold_dictionary": task.place + 1,
            "gold_key": list(task.key),
            "gold_value": task.value,
            "n_tokens": task.tokens,
            "template": self.template,
        }
        return Instruction.single(task.question, task.answer, parents=(lot,), attributes=facts)


@dataclass(frozen=True, slots=True)
class Task:
    """A question with its answer, and what is to be found at which place, counted from 0."""

    question: str
    answer: str
    key: Key
    value: int
    place: int
    tokens: int


def tokens_of(text: str) -> int:
    """At most so many for the usual tokenizers: words and marks, and each digit for itself."""
    numbers = _NUMBER.findall(text)
    return len(_TOKEN.findall(text)) + len("".join(numbers)) - len(numbers)


class Builder:
    """Draws the dictionaries of one task. `gold_entries` sets the size of the gold one, as the released code does."""

    def __init__(
        self,
        shape: Shape,
        entries: Range,
        has_shared: float,
        each_shared: float,
        rng: random.Random,
        *,
        gold_entries: int | None = None,
    ) -> None:
        self._shape, self._entries, self._rng = shape, entries, rng
        self._has_shared, self._each_shared = has_shared, each_shared
        size = gold_entries or self._between(*entries)
        self._gold_place, self._gold_entries = self._between(0, size - 1), size
        self._shared = [self._number(shape.key_digits) for _ in range(shape.shared)]
        self.gold_key = self._key(shape.key[0], has_shared=1.0, each_shared=1.0)
        self.gold_value = self._number(shape.value_digits)
        self._asked = frozenset(self.gold_key)

    def dictionaries(self, number: int) -> tuple[Dictionary, list[Dictionary]]:
        """The gold dictionary and so many less one others; nowhere else is the gold value or what is asked for."""
        gold: dict[Key, int] = {}
        for place in range(self._gold_entries):
            key, value = (self.gold_key, self.gold_value) if place == self._gold_place else self._other(gold)
            gold[key] = value
        return gold, [self._dictionary() for _ in range(number - 1)]

    def _dictionary(self) -> Dictionary:
        made: dict[Key, int] = {}
        for _ in range(self._between(*self._entries)):
            key, value = self._other(made)
            made[key] = value
        return made

    def _other(self, taken: Dictionary) -> tuple[Key, int]:
        size = self._between(*self._shape.key)
        while True:
            key = self._key(size, has_shared=self._has_shared, each_shared=self._each_shared)
            value = self._number(self._shape.value_digits)
            if value != self.gold_value and key not in taken and not self._asked.issubset(key):
                return key, value

    def _key(self, size: int, *, has_shared: float, each_shared: float) -> Key:
        """So many numbers, some perhaps shared with the gold key, each put at a place of its own."""
        rng, numbers = self._rng, list[int]()
        if rng.random() >= (has_shared if self._shared or has_shared == 1 else 0):
            return tuple(self._number(self._shape.key_digits) for _ in range(size))
        for one in self._shared:
            if rng.random() < each_shared:
                numbers.insert(self._between(0, len(numbers)), one)
        for _ in range(size - len(numbers)):
            place = self._between(0, len(numbers))
            numbers.insert(place, self._number(self._shape.key_digits))
        return tuple(numbers)

    def _number(self, digits: Range) -> int:
        size = self._between(*digits)
        return self._between(10 ** (size - 1), 10**size - 1)

    def _between(self, first: int, last: int) -> int:
        """Python's randint, number for number, at a third of its cost: a task has a thousand of these draws."""
        size = last - first + 1
        bits, draw = size.bit_length(), self._rng.getrandbits
        found = draw(bits)
        while found >= size:
            found = draw(bits)
        return first + found


def shown_key(key: Key) -> str:
    """A single number without the marks of a tuple."""
    return str(key) if len(key) > 1 else str(*key)


def shown(dictionary: Dictionary) -> str:
    return "{" + ", ".join(f"{shown_key(key)}: {value}" for key, value in dictionary.items()) + "}"
