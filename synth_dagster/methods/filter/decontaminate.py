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
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from synth_dagster.errors import SynthError
from synth_dagster.method import Filter, InputPath, Proof, Rules
from synth_dagster.parts.similarity.overlaps import Index, Overlaps, Side, Sides, index_of, overlaps
from synth_dagster.parts.similarity.word_vectors import Meanings
from synth_dagster.parts.text.hashed_words import normalise, words
from synth_dagster.records import Document, Instruction, Json, Preference
from synth_dagster.services import Ancestors, References

_RECORDS_AT_ONCE = 4_096  # bounds memory: only the matches of these are held together


class Decontaminate(Filter):
    """The best covered item of each record: its share, its covered words, its hash; and how many grams are shared."""

    paper = "arXiv:2411.15124"
    version = "3"
    proof = Proof(
        "planted signal",
        "300 items planted in 10,000 records: all verbatim, at n=5 over 90 % of edited, under 20 % of paraphrased; of "
        "100 questions told in other words over 90 % by meaning, of 9,800 others none.",
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
        items = [item for texts in files.values() for item in texts]
        names = [name for name, texts in files.items() for _ in texts]
        index = self._index(items, references)
        meanings = Meanings.of(items, self.min_item_words) if self.mode == "semantic" else None
        asked = "instruction" in flat.column_names and self._reads_questions
        column = flat["instruction" if asked else "text"].combine_chunks()
        found = compared(index, meanings, column)
        above = inherited(index, meanings, ancestors, flat["record_id"].to_pylist())
        unread = column.is_null().to_numpy(zero_copy_only=False)
        best = [int(item) for item in found.item]
        signals = {
            "matched_share": pa.array(found.share, pa.float64(), mask=unread),
            "matched_words": pa.array(found.matched, pa.int64(), mask=unread),
            "shared_grams": pa.array(found.grams, pa.int64(), mask=unread),
            "ancestor_share": pa.array(above.share, pa.float64()),
            "ancestor_grams": pa.array(above.grams, pa.int64()),
            "item": pa.array([None if n < 0 else f"{index.item_hashes[n]:016x}" for n in best], pa.string()),
            "benchmark": pa.array([None if n < 0 else names[n] for n in best], pa.string()),
        }
        likeness = {"likeness": found.likeness, "ancestor_likeness": above.likeness} if meanings else {}
        return signals | {name: pa.array(values, pa.float64()) for name, values in likeness.items()}

    @property
    def _reads_questions(self) -> bool:
        return self.grams == ("query",)

    def _index(self, questions: Sequence[str], references: References) -> Index:
        if self._reads_questions:
            return index_of(questions, self.gram_words, self.min_item_words, self.common)
        answers = [answer for texts in references.answers(self.against).values() for answer in texts]
        if "query" not in self.grams and not any(answers):
            raise SynthError(
                f"No item under '{self.against}' has an answer, so there is nothing to compare with. "
                f"Give them, or add query to 'grams', which is {', '.join(self.grams)}."
            )
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


@dataclass(frozen=True, slots=True)
class Compared:
    """For each text the item that it is nearest to (-1 for none), by covered words and by likeness."""

    item: np.ndarray
    share: np.ndarray
    matched: np.ndarray
    grams: np.ndarray
    likeness: np.ndarray

    @classmethod
    def nothing(cls, texts: int) -> "Compared":
        item, matched, grams = (np.full(texts, start, np.int64) for start in (-1, 0, 0))
        return cls(item, np.zeros(texts), matched, grams, np.zeros(texts))


def compared(index: Index, meanings: Meanings | None, texts: pa.Array) -> Compared:
    """What benchmark items the texts hold, and with `meanings` what they are like."""
    parts = [overlaps(index, words(normalise(part))) for part in _parts(texts, _RECORDS_AT_ONCE)]
    held = Overlaps.joined(parts)
    found = Compared(held.item, held.share, held.matched, held.grams, np.zeros(len(texts)))
    if meanings is None or not len(texts):
        return found
    item, likeness = meanings.nearest(texts)
    nearer = likeness > found.share
    return replace(found, item=np.where(nearer, item, found.item), likeness=likeness)


def inherited(index: Index, meanings: Meanings | None, ancestors: Ancestors, heirs: Sequence[bytes]) -> Compared:
    """For each heir the most that any record behind it holds of an item, or is like one."""
    found = Compared.nothing(len(heirs))
    place = {record_id: number for number, record_id in enumerate(heirs)}
    for table in ancestors.generations():
        behind = compared(index, meanings, table["text"].combine_chunks())
        owner = [(n, place[one]) for n, each in enumerate(table["heirs"].to_pylist()) for one in each if one in place]
        above, below = (np.array([pair[side] for pair in owner], np.int64) for side in (0, 1))
        for mine, theirs in zip(
            (found.share, found.grams, found.likeness), (behind.share, behind.grams, behind.likeness), strict=True
        ):
            np.maximum.at(mine, below, theirs[above])
    return found


def _parts(texts: pa.Array, size: int) -> Iterator[pa.Array]:
    return (texts.slice(start, size) for start in range(0, len(texts), size))
