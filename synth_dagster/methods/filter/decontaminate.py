"""Keeps benchmarks out of training data: records that share words with a benchmark item, or ask the same, are dropped.

Three forms of the test. `coverage` (the overlap measure of open-instruct, arXiv:2411.15124): the share of an item's
words that lie inside an n-gram which also occurs in the record, for the item that is covered best. `hash` (the n-gram
test of datatrove): any shared n-gram is enough. `semantic`: coverage, and besides the likeness of record and item by
their words in any order and by their numbers, which finds an item put in other words; what shares no words with it is
not found.

Of a conversation the user turns are read, of a document the text. In hash mode `grams` can name what datatrove
compares: answers, and what stretches from a question into its answer; then all of a conversation is read. An item
shorter than n words must occur whole. A record is tainted when something that it was made from is contaminated: what
the question was may stand in the answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from synth_dagster.errors import SynthError
from synth_dagster.method import Filter, InputPath, Proof, Rules
from synth_dagster.parts.privacy.disguises import Reading, read_otherwise
from synth_dagster.parts.similarity.overlaps import Index, Side, Sides, index_of, overlaps
from synth_dagster.parts.similarity.word_vectors import Meanings
from synth_dagster.parts.text.hashed_words import Hashed, normalise, words
from synth_dagster.records import Document, Instruction, Json, Preference
from synth_dagster.services import Ancestors, References

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

_RECORDS_AT_ONCE = 4_096  # bounds memory: only the matches of these are held together


class Decontaminate(Filter):
    """The best covered item of each record: its share, its covered words, its hash; how many grams are shared; the
    disguise that the record was read without, if the item was found so; and the record behind it that holds most of an
    item, by which a leak came in."""

    paper = "arXiv:2411.15124"
    version = "5"
    proof = Proof(
        "planted signal",
        "300 items planted in 10,000 records: all verbatim, at n=5 over 90 % of edited, under 20 % of paraphrased; of "
        "100 questions told in other words over 90 % by meaning, of 9,800 others none; all of "
        "40 copied in each of 25 disguises.",
    )
    judges = (Document, Instruction, Preference)

    against: InputPath = Field(description="File or folder with the benchmarks' questions.")
    mode: Literal["coverage", "hash", "semantic"] = Field(
        "coverage",
        description="coverage: drop above `threshold`, as open-instruct. hash: any n-gram, as datatrove. semantic: "
        "coverage, and likeness above `threshold`.",
    )
    n: int | None = Field(
        None, ge=2, le=50, description="Words of an n-gram; unless given 8 (coverage, semantic) or 12 (hash)."
    )
    grams: tuple[Side, ...] = Field(
        ("query",),
        min_length=1,
        description="What hash mode compares: grams of questions (query), of answers, of both at once (overlap). "
        "datatrove has overlap and answer; a benchmark without answers needs query.",
    )
    threshold: float = Field(
        0.5, ge=0, le=1, description="Largest share of an item's words (coverage), and likeness (semantic), to keep."
    )
    min_item_words: int = Field(4, ge=1, description="Shorter items are no evidence and are left out.")
    common: int = Field(
        1_000, ge=1, description="An n-gram found in more items than this is a set phrase and is left out."
    )
    tainted: Literal["drop", "keep"] = Field(
        "drop", description="What becomes of a record that was made from a contaminated one."
    )

    disguises: Literal["undo", "leave"] = Field(
        "undo",
        description="undo: what a text says without look-alikes, unseen characters, escapes, base64 or spacing is "
        "compared too. leave: texts as they stand alone, as released.",
    )

    @model_validator(mode="after")
    def _grams_are_hashed(self) -> Self:
        if self.grams != ("query",) and self.mode != "hash":
            raise ValueError("'grams' chooses what 'mode: hash' compares; the other modes compare questions")
        return self

    @property
    def gram_words(self) -> int:
        """The words of an n-gram in this mode."""
        return self.n or {"coverage": 8, "semantic": 8, "hash": 12}[self.mode]

    def as_applied(self) -> Mapping[str, Json]:
        return {**super().as_applied(), "n": self.gram_words}

    def threshold_settings(self) -> frozenset[str]:
        return frozenset({"threshold", "tainted"})

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References, ancestors: Ancestors
    ) -> Mapping[str, pa.Array]:
        files = references.files(self.against)
        names = [name for name, texts in files.items() for _ in texts]
        benchmark = self._benchmark([item for texts in files.values() for item in texts], references)
        asked = "instruction" in flat.column_names and self._reads_questions
        column = flat["instruction" if asked else "text"].combine_chunks()
        found = compared(benchmark, column)
        above, carrier = inherited(benchmark, ancestors, flat["record_id"].to_pylist())
        unread = column.is_null().to_numpy(zero_copy_only=False)
        best, hashes = [int(item) for item in found.item], benchmark.index.item_hashes
        signals = {
            "matched_share": pa.array(found.share, pa.float64(), mask=unread),
            "matched_words": pa.array(found.matched, pa.int64(), mask=unread),
            "shared_grams": pa.array(found.grams, pa.int64(), mask=unread),
            "ancestor_share": pa.array(above.share, pa.float64()),
            "ancestor_grams": pa.array(above.grams, pa.int64()),
            "ancestor": pa.array(carrier, pa.string()),
            "item": pa.array([None if n < 0 else f"{hashes[n]:016x}" for n in best], pa.string()),
            "benchmark": pa.array([None if n < 0 else names[n] for n in best], pa.string()),
        }
        if benchmark.undone is not None:
            signals["disguise"] = pa.array([how or None for how in found.disguise], pa.string())
        if benchmark.meanings is not None:
            signals["likeness"] = pa.array(found.likeness, pa.float64())
            signals["ancestor_likeness"] = pa.array(above.likeness, pa.float64())
        return signals

    @property
    def _reads_questions(self) -> bool:
        return self.grams == ("query",)

    def _benchmark(self, questions: Sequence[str], references: References) -> "Benchmark":
        answers = [""] * len(questions) if self._reads_questions else self._answers(references)
        index = self._index(questions, answers)
        meanings = Meanings.of(questions, self.min_item_words) if self.mode == "semantic" else None
        if self.disguises == "leave":
            return Benchmark(index, meanings)
        origin, questions, answers = undisguised(questions, answers)
        return Benchmark(index, meanings, self._index(questions, answers), origin)

    def _answers(self, references: References) -> Sequence[str]:
        answers = [answer for texts in references.answers(self.against).values() for answer in texts]
        if "query" not in self.grams and not any(answers):
            raise SynthError(
                f"No item under '{self.against}' has an answer, so there is nothing to compare with. "
                f"Give them, or add query to 'grams', which is {', '.join(self.grams)}."
            )
        return answers

    def _index(self, questions: Sequence[str], answers: Sequence[str]) -> Index:
        if self._reads_questions:
            return index_of(questions, self.gram_words, self.min_item_words, self.common)
        whole = [f"{question} {answer}" for question, answer in zip(questions, answers, strict=True)]
        sides = Sides(words(normalise(pa.array(questions, pa.string()))).counts, frozenset(self.grams))
        return index_of(whole, self.gram_words, self.min_item_words, self.common, sides)

    def rules(self) -> Rules:
        if self.mode == "hash":
            rules = {"contaminated": "shared_grams > 0"}
            above = "ancestor_grams > 0"
        else:
            rules = {"contaminated": f"matched_share > {self.threshold}"}
            above = f"ancestor_share > {self.threshold}"
        if self.mode == "semantic":
            rules["rephrased"] = f"likeness > {self.threshold}"
            above = f"greatest(ancestor_share, ancestor_likeness) > {self.threshold}"
        return rules | ({"tainted": above} if self.tainted == "drop" else {})


def undisguised(questions: Sequence[str], answers: Sequence[str]) -> tuple[np.ndarray, list[str], list[str]]:
    """Number, question and answer of each item that has other words without a disguise, once for each disguise."""
    asked, said = _other_words(questions), _other_words(answers)
    keys = sorted(asked.keys() | said.keys())
    return (
        np.array([number for number, _ in keys], np.int64),
        [asked.get((number, how), questions[number]) for number, how in keys],
        [said.get((number, how), answers[number]) for number, how in keys],
    )


def _other_words(texts: Sequence[str]) -> dict[tuple[int, str], str]:
    column = pa.array(texts, pa.string())
    rows, readings, _ = _readings(column, normalise(column))
    return {(row, one.how): one.text for row, one in zip(rows.tolist(), readings, strict=True)}


def _readings(texts: pa.Array, plain: pa.Array) -> tuple[np.ndarray, list[Reading], pa.Array]:
    """Row, reading and normalised reading of the texts whose normalised words are others without a disguise."""
    read = list(read_otherwise(texts, words_alone=True))
    rows = np.array([row for row, _ in read], np.int64)
    words_read = normalise(pa.array([one.text for _, one in read], pa.string()))
    differs = np.flatnonzero(pc.not_equal(words_read, plain.take(pa.array(rows))).to_numpy(zero_copy_only=False))
    return rows[differs], [read[place][1] for place in differs.tolist()], words_read.take(pa.array(differs))


@dataclass(frozen=True, slots=True)
class Compared:
    """For each text the item that it is nearest to (-1 for none), by covered words and by likeness, and the disguise
    without which it was read (empty for none)."""

    item: np.ndarray
    share: np.ndarray
    matched: np.ndarray
    grams: np.ndarray
    likeness: np.ndarray
    disguise: np.ndarray

    @classmethod
    def nothing(cls, texts: int) -> "Compared":
        item, matched, grams = (np.full(texts, start, np.int64) for start in (-1, 0, 0))
        return cls(item, np.zeros(texts), matched, grams, np.zeros(texts), np.full(texts, "", object))

    @classmethod
    def joined(cls, parts: Sequence["Compared"]) -> "Compared":
        parts = [cls.nothing(0), *parts]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))

    def nearest(self, owner: np.ndarray) -> "Compared":
        """One for each owner 0, 1, ..., which all have some: of equally near ones the first."""
        near, covered = _largest(owner, np.maximum(self.share, self.likeness)), _largest(owner, self.share)
        best = Compared.nothing(len(near))
        np.maximum.at(best.grams, owner, self.grams)
        np.maximum.at(best.likeness, owner, self.likeness)
        return replace(
            best,
            item=self.item[near],
            share=self.share[covered],
            matched=self.matched[covered],
            disguise=self.disguise[near],
        )


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The items as they stand, and in `undone` as they read without a disguise: those that wear one, with their
    numbers in `origin`. Without `undone` no disguise of a text is looked for either."""

    index: Index
    meanings: Meanings | None
    undone: Index | None = None
    origin: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def compared(self, texts: pa.Array) -> Compared:
        """What items a few texts hold."""
        plain = normalise(texts)
        found, owner = self._compared(texts, words(plain), np.full(len(texts), "", object))
        if self.undone is None:
            return found
        rows, readings, other = _readings(texts, plain)
        said = pa.array([one.text for one in readings], pa.string())
        less, of = self._compared(said, words(other), np.array([one.how for one in readings], object))
        return Compared.joined([found, less]).nearest(np.concatenate([owner, rows[of]]))

    def _compared(self, texts: pa.Array, held: Hashed, disguise: np.ndarray) -> tuple[Compared, np.ndarray]:
        """Each text with the items as they stand, then with the others, and the place of the text."""
        found = replace(_held(self.index, held), disguise=disguise)
        if self.meanings is not None and len(texts):
            item, likeness = self.meanings.nearest(texts)
            found = replace(found, item=np.where(likeness > found.share, item, found.item), likeness=likeness)
        place = np.arange(len(texts))
        if self.undone is None or not len(self.origin):
            return found, place
        other = _held(self.undone, held)
        other = replace(other, item=np.where(other.item < 0, -1, self.origin[other.item]), disguise=disguise)
        return Compared.joined([found, other]), np.concatenate([place, place])


def _held(index: Index, texts: Hashed) -> Compared:
    held = overlaps(index, texts)
    return replace(
        Compared.nothing(len(texts)), item=held.item, share=held.share, matched=held.matched, grams=held.grams
    )


def compared(benchmark: Benchmark, texts: pa.Array) -> Compared:
    """What benchmark items the texts hold, and what they are like."""
    return Compared.joined([benchmark.compared(part) for part in _parts(texts, _RECORDS_AT_ONCE)])


def inherited(benchmark: Benchmark, ancestors: Ancestors, heirs: Sequence[bytes]) -> tuple[Compared, list[str | None]]:
    """For each heir the most that any record behind it holds of an item, or is like one; and the id of that record, of
    equals the nearest."""
    found = Compared.nothing(len(heirs))
    carrier: list[str | None] = [None] * len(heirs)
    most = np.zeros(len(heirs))
    place = {record_id: number for number, record_id in enumerate(heirs)}
    for table in ancestors.generations():
        behind = compared(benchmark, table["text"].combine_chunks())
        owner = [(n, place[one]) for n, each in enumerate(table["heirs"].to_pylist()) for one in each if one in place]
        above, below = (np.array([pair[side] for pair in owner], np.int64) for side in (0, 1))
        for mine, theirs in zip(
            (found.share, found.grams, found.likeness), (behind.share, behind.grams, behind.likeness), strict=True
        ):
            np.maximum.at(mine, below, theirs[above])
        held, ids = np.maximum(behind.share, behind.likeness), table["record_id"].to_pylist()
        for n, heir in owner:
            if held[n] > most[heir]:
                most[heir], carrier[heir] = held[n], ids[n].hex()
    return found, carrier


def _parts(texts: pa.Array, size: int) -> Iterator[pa.Array]:
    return (texts.slice(start, size) for start in range(0, len(texts), size))


def _largest(owner: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The place of the largest value of each owner; of equal ones the first."""
    order = np.lexsort((-values, owner))  # stable
    return order[np.unique(owner[order], return_index=True)[1]]
