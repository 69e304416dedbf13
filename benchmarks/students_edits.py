"""Students of edited pages: a text that is partly drawn anew against one that a model wrote from nothing.

ToEdit in small (arXiv:2412.14689): a prior is learnt from one part of a world of pages in eleven forms. It writes pages
of its own (fully synthetic), and another part is edited where it is sure (semi-synthetic). A judge who learnt from a
third part says how wide the perplexities of each set spread, and students that learn from each set for the same number
of steps say what they are worth: their perplexity of pages that nobody has seen.
"""

import asyncio
from collections.abc import Sequence
from random import Random

import numpy as np

from synth_dagster.methods.augment.toedit import Toedit
from synth_dagster.parts.models.priors import Prior
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.student_prior import StudentPrior
from synth_dagster.parts.models.training import Course, blocks_of, packed_batches, train
from synth_dagster.parts.models.vocabulary import Words
from synth_dagster.records import Document, digest
from tests.scripted_teacher.rephrasing import FORMS, PAGE, facts_of, said_as

PART = 200  # pages of each of four parts
LENGTH, ROWS = 64, 16


class BySuchPrior(Toedit):
    """The method with a student as its prior."""

    def prior_of(self, references: object, models: object) -> Prior:
        return _PRIORS[self.prior]


class Services:
    """Stands for services that a prior of one's own does not ask."""


_PRIORS: dict[str, StudentPrior] = {}


def pages(first: int, rng: Random) -> list[str]:
    forms = [PAGE, *FORMS.values()]
    return [said_as(rng.choice(forms), facts_of(first + number)) for number in range(PART)]


def learnt(texts: Sequence[str], words: Words, seed: int, steps: int) -> Student:
    student = Student.new(Shape(words.size, context=128, width=64, layers=2, heads=2), seed=seed)
    blocks = blocks_of([words.symbols(text) for text in texts], LENGTH)
    train(student, packed_batches(blocks, ROWS), Course(steps, rate=3e-3, seed=seed))
    return student


def edited(texts: Sequence[str], prior: StudentPrior, seed: int) -> tuple[list[str], float]:
    """The texts after one pass, and the share of their tokens that became others."""
    _PRIORS["student"] = prior
    method = BySuchPrior(prior="student", seed=seed)

    async def all_of_them() -> list[Document]:
        documents = [Document(body=text, record_id=digest("page", seed, text)) for text in texts]
        services = Services()
        made = [await method.augment(one, references=None, models=services) for one in documents]  # type: ignore[arg-type]
        return [one for some in made for one in some]  # type: ignore[union-attr]

    made = asyncio.run(all_of_them())
    changed, tokens = (sum(one.attributes[name] for one in made) for name in ("n_changed", "n_tokens"))  # type: ignore[misc]
    return [one.body for one in made], changed / tokens


def perplexities(judge: Student, words: Words, texts: Sequence[str]) -> np.ndarray:
    """Of each text, a word."""
    return np.array([np.exp(-logs.mean()) for logs in judge.log_probabilities([words.symbols(text) for text in texts])])


def span(values: np.ndarray) -> float:
    """From the 25th to the 99th of a hundred."""
    low, high = np.percentile(values, [25, 99])
    return float(high - low)


def run(seed: int, *, steps: int = 300) -> dict[str, float]:
    """Spans of perplexity, and the perplexity of unseen pages after learning from each set."""
    rng = Random(seed)
    first = 10_000 * seed
    for_prior, human, for_judge, unseen = (pages(first + PART * part, rng) for part in range(4))
    words = Words.of([*for_prior, *human, *for_judge, *unseen])
    prior = StudentPrior(learnt(for_prior, words, seed, steps), words)
    judge = learnt(for_judge, words, seed + 100, steps)
    semi, changed = edited(human, prior, seed)
    drawn = prior.student.generated([[]] * PART, 120, temperature=1.0, seed=seed)
    synthetic = [words.text(symbols) for symbols in drawn if len(symbols) > 5]
    sets = {"human": human, "edited": semi, "synthetic": synthetic}
    found = {"changed tokens": changed, "synthetic texts": float(len(synthetic))}
    for name, texts in sets.items():
        found[f"{name}, span"] = span(perplexities(judge, words, texts))
        found[f"{name}, unseen pages"] = float(
            np.exp(np.log(perplexities(learnt(texts, words, seed, steps // 2), words, unseen)).mean())
        )
    return found
