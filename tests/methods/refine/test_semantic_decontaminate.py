"""The tier with an embedding model: retold items are found by their vectors; where they are near, a judge is asked."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest

from synth_dagster.methods.refine.semantic_decontaminate import SemanticDecontaminate, Verdict
from synth_dagster.records import Instruction, Message
from synth_dagster.services import Drop, Unusable
from synth_dagster.teacher.lexical import LexicalEmbedder
from tests.methods.filter import retold_items

ITEMS, RETOLD = (list(each) for each in zip(*retold_items.items(), strict=True))
OTHERS = retold_items.others(60)
TRANSLATED = [f"frage {number} in einer anderen sprache ohne gemeinsames wort" for number in range(100)]
PLACES = {text: place for each in (ITEMS, RETOLD, TRANSLATED) for place, text in enumerate(each)}
PLACES |= {text: 100 + place for place, text in enumerate(OTHERS)}


class References:
    def texts(self, path):
        return {"benchmarks": ITEMS, "short": ["Why?"]}[path]


@dataclass(eq=False)
class Knowing:
    """Vectors of a model that knows what texts mean: what means the same lies at a given cosine, all else apart."""

    cosine: float = 0.99
    texts: int = 0
    about: dict = field(default_factory=dict)

    async def embed(self, texts):
        self.texts += len(texts)
        return np.array([self.vector(text) for text in texts], np.float32)

    def vector(self, text):
        own, place = np.zeros(300), PLACES[text]
        if text in RETOLD or text in TRANSLATED:
            own[place], own[200 + place] = self.cosine, (1 - self.cosine**2) ** 0.5
        else:
            own[place] = 1
        return own


@dataclass
class Judge:
    """Knows which pairs are the same."""

    asked: int = 0
    fails: bool = False

    async def ask(self, prompt, /, *, into, sampling, item, question):
        self.asked += 1
        if self.fails:
            raise Unusable("broken_json", "{")
        pairs = [f"{text} {other}" for each in (RETOLD, TRANSLATED) for text, other in zip(ITEMS, each, strict=True)]
        inside = [text.split(">\n", 1)[1].rsplit("\n<", 1)[0] for text in (item, question)]
        return Verdict(same=" ".join(inside) in pairs)


def run(questions, embedder, judge, **settings):
    method, references = SemanticDecontaminate(against="benchmarks", **settings), References()

    async def story():
        records = [Instruction.single(question, "An answer.") for question in questions]
        return await asyncio.gather(
            *(method.refine(one, embedder=embedder, judge=judge, references=references) for one in records)
        )

    return [one.reason if isinstance(one, Drop) else None for one in asyncio.run(story())]


def test_items_without_a_word_in_common_are_found_and_no_other_question():
    embedder, judge = Knowing(0.99), Judge()
    assert run(TRANSLATED + OTHERS, embedder, judge) == ["contaminated"] * 100 + [None] * 60
    assert judge.asked == 0
    # the items once, and for each of 160 questions itself and one item
    assert embedder.texts == 100 + 160 * 2


def test_where_vectors_are_near_and_not_certain_the_judge_decides():
    judge = Judge()
    assert run(RETOLD + OTHERS, Knowing(0.8), judge) == ["rephrased"] * 100 + [None] * 60
    assert judge.asked == 100  # once for each that is near; the next items are not
    assert run(RETOLD, Knowing(0.6), Judge()) == [None] * 100  # farther than `near`
    # without a judge's room between the limits nobody is asked
    alone = Judge()
    assert run(RETOLD, Knowing(0.8), alone, near=0.75, certain=0.75) == ["contaminated"] * 100 and alone.asked == 0


def test_a_judge_whose_answer_cannot_be_used_decides_nothing():
    with pytest.raises(Unusable, match="broken_json"):
        run(RETOLD[:1], Knowing(0.8), Judge(fails=True))


def test_vectors_that_are_comparable_within_one_call_only_are_asked_for_together():
    assert run([ITEMS[7].upper(), OTHERS[0]], LexicalEmbedder(), Judge()) == ["contaminated", None]


@pytest.mark.parametrize("path", ["benchmarks", "short"])
def test_blank_questions_and_items_too_short_to_be_evidence_pass(path):
    method, embedder = SemanticDecontaminate(against=path), Knowing()
    record = Instruction(messages=(Message("user", " "), Message("assistant", "Yes.")))
    if path == "short":
        record = Instruction.single("Why?", "Because.")
    given = {"embedder": embedder, "judge": Judge(), "references": References()}
    assert asyncio.run(method.refine(record, **given)) is record and embedder.texts == 0
