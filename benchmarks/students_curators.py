"""A student as the curator of Source2Synth (arXiv:2409.08239): does it drop questions whose answer no article has?

Articles of a sentence: who built a work, where that person was born, on what river the town lies, each with a second
name beside the one that counts. The method makes questions of two hops of them; three answers in ten are wrong and
stand in neither article. The first slice stays as it is, as in the paper: a base student, which has read articles with
what they say as questions and answers, learns from its chains, and as much from what it read before, or it learns the
wrong answers by heart. In three tries it has to find the answers of the second slice, which shares no bridge with the
first. What goes is counted for right and for wrong questions apart.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np

from synth_dagster.methods.synthesize.source2synth_hops import Source2synthHops
from synth_dagster.parts.cards.slices import Slice
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Batch, Course, rows_of, train
from synth_dagster.parts.models.vocabulary import Words
from synth_dagster.records import Instruction
from tests.scripted_teacher.hops import HopWorld, Told, articles_of
from tests.scripted_teacher.reading import Request
from tests.scripted_teacher.teacher import ScriptedTeacher

PLANTED = 0.3  # share of questions with an answer that the articles do not have
ROWS, CONTEXT, LONGEST = 16, 128, 56
TEMPERATURE = 0.7  # of the method's tries
_SOUNDS = [first + second for first in "bdfgklmnrstv" for second in "aio"]  # 36, so 1,296 names of a kind
_ENDS = {"work": ("mill", "gate"), "person": ("la", "sen"), "town": ("ham", "ford"), "river": ("we", "fall")}


@dataclass(frozen=True, slots=True)
class Names:
    """Names of two words, none given twice."""

    rng: Random
    given: set[str] = field(default_factory=set)

    def new(self, kind: str) -> str:
        while True:
            name = " ".join(f"{self.rng.choice(_SOUNDS)}{end}".capitalize() for end in _ENDS[kind])
            if name not in self.given:
                self.given.add(name)
                return name


def chain(names: Names, rng: Random) -> list[Told]:
    """Three articles, and what each two of them tell of the person or the town that both have."""
    kinds = ("work", "person", "person", "town", "town", "river", "river")
    work, person, payer, town, home, river, fall = map(names.new, kinds)
    both = (
        (f"{work} was ", f"built by {person}", f"paid for by {payer}"),
        (f"{person} ", f"was born in {town}", f"lived in {home}"),
        (f"{town} ", f"lies on the {river}", f"looks at the {fall}"),
    )
    built, born, lies = (f"{of}{' and '.join(rng.sample(facts, 2))}." for of, *facts in both)
    who, native, which = f"Who built {work}?", f"Who was born in {town}?", f"Which town lies on the {river}?"
    told = [
        (built, person, who, f"the person who built {work}", f"What was built by {person}?", work),
        (born, person, native, f"the person who was born in {town}", f"Where was {person} born?", town),
        (born, town, f"Where was {person} born?", f"the town where {person} was born", native, person),
        (lies, town, which, f"the town that lies on the {river}", f"On what does {town} lie?", river),
    ]
    return [Told(text, name, q1, way, way, q2, answer) for text, name, q1, way, q2, answer in told]


def world(chains: int, seed: int) -> list[Told]:
    """Chains, with another name of its kind for the answer of some questions."""
    rng = Random(f"{seed} world")
    names = Names(rng)
    told = [(kind, one) for _ in range(chains) for kind, one in zip(_ENDS, in_order(chain(names, rng)), strict=True)]
    return [
        replace(one, answer=names.new(kind), is_answered=False) if rng.random() < PLANTED else one for kind, one in told
    ]


def in_order(told: Sequence[Told]) -> list[Told]:
    """By the kind of the answer: work, person, town, river."""
    work, town, person, river = told
    return [work, person, town, river]


def read_before(rng: Random) -> tuple[str, str]:
    """What the base has read: a question and two articles, and then all that they say as questions and answers."""
    built, born, native, lies = chain(Names(rng), rng)
    pair = rng.choice([(built, born), (native, lies)])
    facts = [(one.q1, one.name) for one in pair] + [(one.q2, one.answer) for one in pair]
    rng.shuffle(facts)
    articles = rng.sample([one.article for one in pair], 2)
    return shown(rng.choice(facts)[0], articles), " ".join(f"{asked} {answer}." for asked, answer in facts)


def shown(question: str, articles: Sequence[str]) -> str:
    return "\n\n".join([question, *articles])


def made(
    told: Sequence[Told], part: Slice, said: Mapping[bytes, str] | None = None
) -> tuple[list[Instruction], list[Request]]:
    """The questions of a slice, and what a curator was asked, which says to each request what is given for it."""
    writer, curator = ScriptedTeacher(HopWorld(told)), ScriptedTeacher(Says(said or {}), models=("student",))
    method = Source2synthHops.model_validate({"slice": part, "impute": False})
    given = {"writer": writer, "curator": curator, "references": None}  # no benchmark is held out
    found = asyncio.run(method.round(articles_of(told), 0, **given))  # type: ignore[arg-type]
    records = [record for one in found if isinstance(one, Sequence) for record in one]
    return [one for one in records if len(one.parents) == 2], curator.requests


@dataclass(frozen=True, slots=True)
class Says:
    """A curator whose answers were all written beforehand."""

    said: Mapping[bytes, str]

    def answer(self, request: Request) -> dict[str, str]:
        return {"answer": self.said.get(request.key, "Nobody can say")}


@dataclass(frozen=True, slots=True)
class Reader:
    """A student with its words."""

    student: Student
    words: Words

    def symbols(self, text: str) -> list[int]:
        """A word at the beginning of a line is no other symbol than within one."""
        return self.words.symbols(f" {' '.join(text.split())}")

    def learn(self, *sorts: Sequence[tuple[str, str]], course: Course) -> None:
        """Of several sorts of texts each as much as of the others."""
        known = [[(self.symbols(asked), self.symbols(answer)) for asked, answer in sort] for sort in sorts]

        def some(draws: np.random.Generator) -> Batch:
            which, places = draws.integers(len(known), size=ROWS), draws.random(ROWS)
            return rows_of([known[n][int(at * len(known[n]))] for n, at in zip(which, places, strict=True)])

        train(self.student, some, course)

    def answers(self, asked: Sequence[Request], seed: int) -> dict[bytes, str]:
        """What it says to each request: what stands behind the last words of its chain."""
        prompts = [self.symbols(shown(one.tag("question"), one.tags("passage"))) for one in asked]
        written = map(self.words.text, self.student.generated(prompts, LONGEST, temperature=TEMPERATURE, seed=seed))
        return {
            one.key: text.rpartition("The answer is:")[2].strip() or "Nobody can say"
            for one, text in zip(asked, written, strict=True)
        }


def run(seed: int, *, chains: int = 300, base_steps: int = 1_000, steps: int = 800) -> dict[str, float]:
    """Which share of right and of wrong questions goes, and of each the share that one try finds."""
    told, rng = world(chains, seed), Random(seed)
    read = [read_before(rng) for _ in range(base_steps * ROWS)]
    taught = [(one.instruction, one.response) for one in made(told, "first")[0] if one.status == "current"]
    words = Words.of(f" {' '.join(f'{asked} {answer}'.split())}" for asked, answer in [*read, *taught])
    shape = Shape(words.size, context=CONTEXT, width=64, layers=2, heads=2)
    reader = Reader(Student.new(shape, seed=seed), words)
    reader.learn(read, course=Course(base_steps, rate=4e-3, seed=seed))
    reader.learn(taught, read, course=Course(steps, rate=1e-3, seed=seed))
    judged, _ = made(told, "second", reader.answers(made(told, "second")[1], seed))
    wrong = {one.answer for one in told if not one.is_answered}
    found = dict[str, float]()
    for name, some in (
        ("right", [one for one in judged if one.attributes["final_answer"] not in wrong]),
        ("wrong", [one for one in judged if one.attributes["final_answer"] in wrong]),
    ):
        found[f"{name}, dropped"] = float(np.mean([one.reason == "not_answered" for one in some]))
        first_try = [one.status == "current" and one.attributes["tries"] == 1 for one in some]
        found |= {f"{name}, found by one try": float(np.mean(first_try)), f"{name}, questions": float(len(some))}
    return found
