"""Students of edited pages: a text that is partly drawn anew against one that a model wrote from nothing.

ToEdit in small (arXiv:2412.14689): people's text is the reference of Python that comes with it, in four parts that
share no topic. A prior, a student, is learnt from one part. It writes texts of its own (fully synthetic) at the
temperature at which models usually write, and another part is edited where it is sure (semi-synthetic). A judge who
learnt from a third part says how wide the perplexities of each set spread, from the 25th to the 99th of a hundred; and
students that learn from each set for the same number of steps say what it is worth: their perplexity of the fourth.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pydoc_data.topics import topics
from random import Random

import numpy as np

from synth_dagster.methods.augment.toedit import Toedit
from synth_dagster.parts.models.priors import Prior
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.student_prior import StudentPrior
from synth_dagster.parts.models.training import Course, blocks_of, packed_batches, train
from synth_dagster.parts.models.vocabulary import Words, pieces_of
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, digest

PARTS, PART = 4, 250  # texts of each
TEXT = 80  # words at most, as the vocabulary counts them
VOCABULARY = 800  # words; all others are one symbol
LENGTH, ROWS = 64, 16
TEMPERATURE = 0.7


class Services:
    """Stands for services that a prior of one's own does not ask."""


@dataclass
class Learnt:
    """What the method is given instead of counted n-grams."""

    prior: StudentPrior | None = None


LEARNT = Learnt()


class ByStudent(Toedit):
    """The method with a student as its prior."""

    def prior_of(self, references: object, models: object) -> Prior:
        assert LEARNT.prior
        return LEARNT.prior


def parts(seed: int) -> list[list[str]]:
    """Texts of at most so many words, cut where a paragraph ends; each topic is in one part."""
    rng, found, known = Random(seed), [list[str]() for _ in range(PARTS)], set[str]()
    for name in rng.sample(sorted(topics), len(topics)):
        smallest = min(found, key=len)
        for paragraph in re.split(r"\n\s*\n", topics[name]):
            pieces = pieces_of(paragraph.strip())[:TEXT]
            text = "".join(pieces)
            if len(pieces) >= TEXT // 4 and text not in known and not is_blank(text):  # as lines of a table are
                smallest.append(text)
                known.add(text)
    return [rng.sample(part, PART) for part in found]


def learnt(texts: Sequence[str], words: Words, seed: int, steps: int) -> Student:
    student = Student.new(Shape(words.size, context=TEXT + 1, width=64, layers=2, heads=2), seed=seed)
    blocks = blocks_of([words.symbols(text) for text in texts], LENGTH)
    train(student, packed_batches(blocks, ROWS), Course(steps, rate=3e-3, seed=seed))
    return student


@dataclass(frozen=True, slots=True)
class Edited:
    """Texts after one pass, and the shares of their tokens that were drawn anew and that became others."""

    texts: Sequence[str]
    drawn: float
    changed: float


def edited(texts: Sequence[str], prior: StudentPrior, seed: int, sure: float) -> Edited:
    LEARNT.prior = prior
    method = ByStudent.model_validate(
        {"prior": "student", "seed": seed, "sure": sure, "keep_facts": False}
    )  # the paper edits all

    async def all_of_them() -> list[Document]:
        documents, services = [Document(body=text, record_id=digest("page", text)) for text in texts], Services()
        made = [await method.augment(one, references=None, models=services) for one in documents]  # type: ignore[arg-type]
        return [one for some in made for one in some]  # type: ignore[union-attr]

    made = asyncio.run(all_of_them())
    drawn, changed, tokens = (
        sum(int(str(one.attributes[name])) for one in made) for name in ("n_resampled", "n_changed", "n_tokens")
    )
    return Edited([one.body for one in made], drawn / tokens, changed / tokens)


def perplexities(judge: Student, words: Words, texts: Sequence[str]) -> np.ndarray:
    """Of each text, a word."""
    return np.array([np.exp(-logs.mean()) for logs in judge.log_probabilities([words.symbols(text) for text in texts])])


def span(values: np.ndarray) -> float:
    """From the 25th to the 99th of a hundred."""
    low, high = np.percentile(values, [25, 99])
    return float(high - low)


def run(seed: int, *, steps: int = 300, learner_steps: int = 150) -> dict[str, float]:
    """Spans of perplexity, and the perplexity of unseen texts after learning from each set."""
    for_prior, human, for_judge, unseen = parts(seed)
    words = Words.of([*for_prior, *human, *for_judge, *unseen], most=VOCABULARY)
    prior = StudentPrior(learnt(for_prior, words, seed, steps), words)
    judge = learnt(for_judge, words, seed + 100, steps)
    by_paper, often = (edited(human, prior, seed, sure) for sure in (0.99, 0.5))
    sets = {"human": human, "edited": by_paper.texts, "edited from .5": often.texts}
    for name, temperature in {"synthetic": TEMPERATURE, "synthetic at 1": 1.0}.items():
        written = prior.student.generated([[]] * PART, TEXT, temperature=temperature, seed=seed)
        sets[name] = [words.text(symbols) for symbols in written if symbols]
    found = {"changed": by_paper.changed, "changed from .5": often.changed}
    found |= {f"{name}, span": span(perplexities(judge, words, texts)) for name, texts in sets.items()}
    for name in ("human", "edited from .5", "synthetic"):
        one = learnt(sets[name], words, seed, learner_steps)
        found[f"{name}, unseen texts"] = float(np.exp(np.log(perplexities(one, words, unseen)).mean()))
    return found
