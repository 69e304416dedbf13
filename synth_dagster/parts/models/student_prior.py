"""A student as a prior: how probable the words of a text were to it, and what else could have stood there."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from synth_dagster.errors import MethodError
from synth_dagster.parts.models.priors import Candidates
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Course, blocks_of, packed_batches, train
from synth_dagster.parts.models.vocabulary import Words, pieces_of

VERSION = "1"  # of what is learnt from the same texts: raise it when what is below, the student or its training changes
CONTEXT, ROWS = 256, 8  # words that are read at once, and rows of a step
_HEAD = 32  # width of a head


class StudentSettings(BaseModel):
    """How large it is and how long it learns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vocabulary: int = Field(4_000, ge=1, le=50_000, description="Transformer: words that it knows, the commonest.")
    width: int = Field(128, ge=_HEAD, le=1_024, multiple_of=_HEAD, description="Transformer: numbers for each word.")
    layers: int = Field(2, ge=1, le=12, description="Transformer: its layers.")
    steps: int = Field(
        300, ge=1, le=100_000, description="Transformer: steps that it learns, of 2,048 words each; one takes 0.2 s."
    )

    def training(self) -> dict[str, int]:
        """These settings by name, without others that a method has beside them."""
        return {name: getattr(self, name) for name in StudentSettings.model_fields}


@dataclass(frozen=True)
class StudentPrior:
    """`Prior` over words. What it says of all words that it does not know together is shared evenly among `others`."""

    student: Student
    words: Words
    others: int = 1  # kinds of words that it does not know: those it met when it learnt, and one that it never met

    @classmethod
    def learnt(cls, texts: Sequence[str], settings: StudentSettings) -> "StudentPrior":
        """From texts; the same texts in the same order give the same model. Raises MethodError where none has a word.

        Its first weights and the order of its blocks are drawn from one seed: what it is hangs on the texts alone.
        """
        words = Words.of(texts, most=settings.vocabulary)
        read = [symbols for text in texts if (symbols := words.symbols(text))]
        if not read:
            raise MethodError("A transformer cannot be learnt: no text has a word in it. Name texts that have some.")
        kinds = len({piece for text in texts for piece in pieces_of(text)})
        shape = Shape(
            words.size,
            context=CONTEXT,
            width=settings.width,
            layers=settings.layers,
            heads=settings.width // _HEAD,
        )
        student = Student.new(shape)
        train(student, packed_batches(blocks_of(read, CONTEXT), ROWS), Course(settings.steps))
        return cls(student, words, kinds - len(words.words) + 1)

    @property
    def name(self) -> str:
        return f"student-{self._hash}"

    def tokens(self, text: str) -> list[str]:
        return pieces_of(text)

    def probabilities(self, tokens: Sequence[str]) -> np.ndarray:
        symbols = self._symbols(tokens)
        found = np.exp(self.student.log_probabilities([symbols])[0])
        return np.where(np.array(symbols) == 1, found / self.others, found)

    def likeliest(self, tokens: Sequence[str], places: Sequence[int], most: int) -> list[Candidates]:
        """Of the words that it knows: neither the end of a text nor the symbol for all others."""
        logs = self.student.distributions(self._symbols(tokens))[list(places), 2:].astype(float)
        best = np.argsort(-logs, axis=1, kind="stable")[:, :most]
        return [
            Candidates([self.words.words[place] for place in row], one[row])
            for row, one in zip(best, logs, strict=True)
        ]

    def packed(self) -> bytes:
        """As safetensors: plain numbers, and the words as JSON."""
        return self.student.packed(words=self.words.packed(), others=str(self.others))

    @classmethod
    def unpacked(cls, data: bytes) -> "StudentPrior":
        """Raises MethodError for bytes that are no such model."""
        student, about = Student.unpacked(data)
        return cls(student, Words.unpacked(about["words"]), int(about["others"]))

    @cached_property
    def _hash(self) -> str:
        return hashlib.sha256(self.packed()).hexdigest()[:16]

    def _symbols(self, tokens: Sequence[str]) -> list[int]:
        return [self.words.symbol(token) for token in tokens]
