"""Worlds of facts for students: what is asked without the text at hand, after a training that was as long for each arm.

A base student has read towns of its own in every form, and questions about them with their answers, so that it knows
the language and how one answers. Each arm goes on from there with its texts about other towns; at one place of ten a
block of what the base has read stands instead, as in the paper (arXiv:2409.07431, section 4). The questions about those
other towns are in no arm; an answer is chosen among all names of its kind, one of twenty-four by chance.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from statistics import fmean

import numpy as np

from synth_dagster.methods.augment.beyondweb import Beyondweb
from synth_dagster.methods.synthesize.entigraph import Entigraph
from synth_dagster.parts.cards.strategies import StrategyName
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Course, blocks_of, packed_batches, train
from synth_dagster.parts.models.vocabulary import Words
from synth_dagster.records import Document, digest
from tests.scripted_teacher.reading import Request
from tests.scripted_teacher.teacher import ScriptedTeacher

TOWNS, OTHERS = 24, 56  # asked about, and of the base
KINDS = ("river", "mayor", "mason", "saint", "feast")
LENGTH, ROWS = 64, 8

# One article: it names its town once.
ARTICLE = (
    "{town} lies on the river {river}. The mayor there is called {mayor}. The bridge in the middle of it was built by "
    "{mason}. The church is that of Saint {saint}. Every year people come together for {feast}."
)
# How a fact is said with the town named, from either side; and from the side of the article, as a rephrasing says it.
SAID: Mapping[str, Sequence[str]] = {
    "river": ("{town} lies on the river {river}.", "The river {river} flows through {town}."),
    "mayor": ("{town} has {mayor} as its mayor.", "{mayor} is the mayor of {town}."),
    "mason": ("{town} has a bridge by {mason}.", "{mason} built the bridge of {town}."),
    "saint": ("{town} has a church of Saint {saint}.", "Saint {saint} has a church in {town}."),
    "feast": ("{town} holds the feast of {feast}.", "{feast} is the feast that is held in {town}."),
}
AGAIN: Mapping[str, Sequence[str]] = {
    "river": ("{town} stands by the river {river}.", "There is a town on the river {river}: {town}."),
    "mayor": ("Its mayor is {mayor}.", "As mayor it has {mayor}.", "At its head stands {mayor}, the mayor."),
    "mason": ("Its bridge is by {mason}.", "It has a bridge, the work of {mason}.", "Who built its bridge is {mason}."),
    "saint": ("Its church is Saint {saint}.", "One prays there in Saint {saint}.", "It has a church of Saint {saint}."),
    "feast": ("It holds {feast} each year.", "Each year there is {feast}.", "Once a year all keep {feast}."),
}
ASKED: Mapping[str, tuple[str, str]] = {
    "river": ("On which river lies {town}?", "Which town lies on the river {river}?"),
    "mayor": ("Who is the mayor of {town}?", "Of which town is {mayor} the mayor?"),
    "mason": ("Who built the bridge of {town}?", "In which town did {mason} build the bridge?"),
    "saint": ("Which Saint has a church in {town}?", "In which town has Saint {saint} a church?"),
    "feast": ("Which feast is held in {town}?", "In which town is {feast} held?"),
}
Town = Mapping[str, str]  # kind -> name, with "town"


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it is put, its answer, and the names among which it is."""

    asked: str
    answer: str
    among: Sequence[str]


def towns(seed: int, unheard: int = 0) -> tuple[list[Town], list[Town], list[str]]:
    """Those that are asked about, those of the base, and so many names more; no name stands for two things."""
    rng, made = Random(seed), dict[str, None]()
    firsts, seconds, lasts = (
        "BDFGHJKLMNPRSTV",
        "aeiou",
        ("dan", "lor", "mir", "nel", "rup", "sek", "tav", "vin"),
    )
    while len(made) < (TOWNS + OTHERS) * 6 + unheard:
        first, second = (rng.choice(firsts) + rng.choice(seconds) for _ in range(2))
        made[first + second.lower() + rng.choice(lasts)] = None
    names = iter(made)
    drawn: list[Town] = [{kind: next(names) for kind in ("town", *KINDS)} for _ in range(TOWNS + OTHERS)]
    return drawn[:TOWNS], drawn[TOWNS:], list(names)


def article(town: Town) -> Document:
    return Document(body=ARTICLE.format(**town), title=town["town"], record_id=digest("town", town["town"]))


def rephrased(town: Town, rng: Random) -> str:
    """The whole article again in other words, in its order, as easy, medium and hard prompts give it."""
    return " ".join(rng.choice([*AGAIN[kind], SAID[kind][0]]).format(**town) for kind in KINDS)


def questions(town: Town) -> list[tuple[str, str]]:
    """Each fact asked from either side."""
    both = [(ASKED[kind], kind) for kind in KINDS]
    forward = [(one[0].format(**town), town[kind]) for one, kind in both]
    return forward + [(one[1].format(**town), town["town"]) for one, _ in both]


class TownTeacher:
    """A world whose teacher knows each town: it lists the names, and tells of some of them in the wanted sections."""

    def __init__(self, known: Sequence[Town]) -> None:
        self.known = {town["town"]: town for town in known}

    def answer(self, request: Request) -> dict[str, object] | str:
        text = request.tag("text")
        town = self.known[text.split()[0]]
        if request.task == "entities":
            return {"summary": f"{text}", "entities": [{"name": name} for name in town.values()]}
        rng, entities = Random(request.key), request.tags("entity")
        sections = [f"## {name} ({town['town']})\n\n{told_around([name], town, rng)}" for name in entities]
        listed = " and ".join(entities)
        return "\n\n".join(
            [*sections, f"## {listed} ({town['town']})\n\n{told_around(entities, town, rng, joint=True)}"]
        )


def told_around(names: Sequence[str], town: Town, rng: Random, *, joint: bool = False) -> str:
    """The article with some entities in its centre: what is said of them, first from their side, then the rest."""
    kinds = [kind for kind in KINDS if town[kind] in names]
    facts = [SAID[kind][1].format(**town) for kind in kinds]
    if joint:
        return " ".join([*facts, f"So {' and '.join(names)} belong to one place, {town['town']}."])
    rest = [kind for kind in KINDS if kind not in kinds]
    rng.shuffle(rest)
    return " ".join([*facts, *(SAID[kind][rng.randrange(2)].format(**town) for kind in rest)])


def entigraph_texts(known: Sequence[Town]) -> list[str]:
    """What the method makes of the articles: for each a summary, 15 pairs and 20 triples."""

    async def all_of_them() -> list[Document]:
        teacher, method = ScriptedTeacher(TownTeacher(known)), Entigraph.model_validate({})
        made = [await method.synthesize(article(town), writer=teacher) for town in known]
        return [one for some in made for one in some]  # type: ignore[union-attr]

    return [one.body for one in asyncio.run(all_of_them()) if one.status == "current"]


def base_texts(known: Sequence[Town], rng: Random, *, forms: Iterable[str] = ()) -> list[str]:
    """What everybody has read before: towns in every form, and questions with their answers."""
    found = []
    for town in known:
        asked = [f"{question} {answer}." for question, answer in questions(town)]
        told = [rephrased(town, rng) for _ in range(3)]
        centred = [told_around([town[kind]], town, rng) for kind in KINDS]
        found += [ARTICLE.format(**town), *told, *centred, *asked, *(form.format(**town) for form in forms)]
    return found


def asked_of(known: Sequence[Town]) -> list[Query]:
    """All questions about towns; the first half of each town's are asked from the side of the town."""
    among = {kind: [f" {town[kind]}" for town in known] for kind in ("town", *KINDS)}
    kinds = [*KINDS, *["town"] * len(KINDS)]
    return [
        Query(question, f" {answer}", among[kind])
        for town in known
        for kind, (question, answer) in zip(kinds, questions(town), strict=True)
    ]


def right(student: Student, words: Words, queries: Sequence[Query]) -> np.ndarray:
    """Of each query whether the answer is the likeliest of its kind; an answer is one word."""
    found = np.zeros(len(queries), bool)
    prompts = [words.symbols(query.asked) for query in queries]
    for place, logs in enumerate(after(student, prompts)):
        query = queries[place]
        choice = [words.symbols(name)[0] for name in query.among]
        found[place] = query.among[int(np.argmax(logs[choice]))] == query.answer
    return found


def after(student: Student, prompts: Sequence[Sequence[int]]) -> Iterable[np.ndarray]:
    """The log-probabilities of all symbols after each prompt."""
    for prompt in prompts:
        hidden, _ = student.hidden(np.array([[0, *prompt]], np.int64))
        yield hidden[-1] @ student.weights["written"].T


# What a rephraser makes of an article, by strategy of BeyondWeb; none of them asks.
FORMS: Mapping[StrategyName, str] = {
    "plain": "{town} is a town. The river {river} is there. {mayor} is the mayor. {mason} built the bridge. The church "
    "is for Saint {saint}. The feast is {feast}.",
    "list": "- town: {town}\n- river: {river}\n- mayor: {mayor}\n- bridge by: {mason}\n- church: Saint {saint}\n"
    "- feast: {feast}",
    "dialogue": "A: Do you know {town} on the {river}?\n\nB: Where {mayor} is mayor? Yes.\n\nA: And {mason} built the "
    "bridge of {town}.\n\nB: I saw Saint {saint}, the church, and was there for {feast}.",
    "conversational": "You know {town}, don't you? It's by the river {river}. They say {mayor}, the mayor, loves the "
    "bridge that {mason} built. I like Saint {saint}, the church, and {feast} when I visit {town}.",
    "encyclopaedic": "{town}, a town on the river {river}, is governed by {mayor}. Its bridge is a work of {mason}, "
    "its church is dedicated to Saint {saint}, and {feast} is celebrated in {town}.",
    "summary": "{town}: river {river}, mayor {mayor}, bridge by {mason}, church Saint {saint}, feast {feast}.",
    "notes": "{town}: {river}; {mayor} (mayor); {mason} (bridge); Saint {saint}; {feast}.",
    "lesson": "You will learn about {town}. A mayor leads a town: here {mayor}. A mason builds: {mason} built the "
    "bridge over the {river}. A church has a saint: here Saint {saint}. A feast brings {town} together: {feast}.\n\n"
    "To remember: {town}, river {river}.",
    "steps": "1. Find the river {river}, since {town} lies on it.\n2. Cross the bridge that {mason} built.\n3. Ask for "
    "{mayor}, who is mayor of {town}.\n4. Visit Saint {saint}, the church.\n5. Stay for {feast}.",
}
SINGLE: Sequence[StrategyName] = ("plain", "summary", "lesson")  # alone; the paper's own are the latter two
GOES_ON = "{article} The mornings in {town} are quiet, and the evenings are long. Whoever comes once comes again."


class TownRephraser:
    """A world whose teacher says the article of a town again in the form that is asked for."""

    def __init__(self, known: Sequence[Town]) -> None:
        self.known = {town["town"]: town for town in known}

    def answer(self, request: Request) -> str:
        town = self.known[request.tag("passage").split()[0]]
        return {**FORMS}[request.tag("style")].format(**town)  # type: ignore[index]


def beyondweb_texts(known: Sequence[Town], *strategies: StrategyName) -> list[str]:
    """What the method makes of the articles, each once in each of these strategies."""
    method = Beyondweb.model_validate({"strategies": strategies, "per_document": len(strategies)})

    async def all_of_them() -> list[Document]:
        teacher = ScriptedTeacher(TownRephraser(known))
        made = [await method.augment(article(town), writer=teacher) for town in known]
        return [one for some in made for one in some]  # type: ignore[union-attr]

    return [one.body for one in asyncio.run(all_of_them()) if one.status == "current"]


def mixed(
    natural: Sequence[str], made: Sequence[str], rng: Random, *, share: float = 0.4, count: int = 1_000
) -> list[str]:
    """Three parts of natural text to two of rephrased, as the paper's runs have it."""
    return [rng.choice(made if rng.random() < share else natural) for _ in range(count)]


def packed(texts: Sequence[str], words: Words, rng: Random, count: int) -> np.ndarray:
    """So many blocks of all texts again and again, in another order each time: no text is known by its neighbours."""
    symbols, line = [words.symbols(text) for text in texts], list[Sequence[int]]()
    while sum(map(len, line)) + len(line) < count * LENGTH:
        line += rng.sample(symbols, len(symbols))
    return blocks_of(line, LENGTH)[:count]


class Class:
    """A base student and what it was taught with: each arm goes on from it for the same number of steps."""

    def __init__(self, seed: int, *, base_steps: int, unheard: int = 0, knows_forms: bool = False) -> None:
        self.seed = seed
        self.ours, self.others, self.unheard = towns(seed, unheard)
        self.rng = Random(seed)
        read = base_texts(self.others, self.rng, forms=FORMS.values() if knows_forms else ())
        forms = [form.format(**town) for town in self.ours for form in FORMS.values()]
        told = [
            told_around([town[kind]], town, self.rng, joint=joint)
            for town in self.ours
            for kind in KINDS
            for joint in (True, False)
        ]
        again = [text.format(**town) for town in self.ours for texts in AGAIN.values() for text in texts]
        goes_on = [GOES_ON.format(article=ARTICLE.format(**town), **town) for town in self.ours]
        self.words = Words.of(
            [*read, *forms, *told, *again, *goes_on, "## (", *(f"{name} {name}" for name in self.unheard)]
        )
        self.replay = packed(read, self.words, self.rng, base_steps * ROWS)
        self.base = Student.new(Shape(self.words.size, context=LENGTH, width=64, layers=2, heads=2), seed=seed)
        train(self.base, packed_batches(self.replay, ROWS), Course(base_steps, rate=5e-3, seed=seed))
        self.queries, self.its_own = asked_of(self.ours), asked_of(self.others[: len(self.ours)])

    def taught(self, texts: Sequence[str], steps: int, *, order: int = 0) -> Student:
        """The base after its continued pretraining on an arm's texts, with a tenth of what it has read before."""
        student, seed = self.base.copy(), self.seed + order
        blocks = packed(texts, self.words, Random(seed), steps * ROWS)
        train(
            student,
            packed_batches(blocks, ROWS, replay=self.replay, share=0.1),
            Course(steps, rate=2e-3, seed=seed),
        )
        return student

    def examined(self, student: Student, name: str) -> dict[str, float]:
        """Shares of right answers: all, and from either side."""
        is_right = right(student, self.words, self.queries).reshape(len(self.ours), 2, len(KINDS))
        forward, backward = is_right.mean(axis=(0, 2)).tolist()
        return {name: float(is_right.mean()), f"{name}, from the town": forward, f"{name}, to the town": backward}


@cache
def taught_class(seed: int, base_steps: int, unheard: int = 0) -> Class:
    """One for all experiments of a run."""
    return Class(seed, base_steps=base_steps, unheard=unheard)


def run(seed: int, *, base_steps: int = 1_400, steps: int = 500) -> dict[str, float]:
    """Shares of right answers by arm of EntiGraph: the articles again, said again, and taken apart."""
    school = taught_class(seed, base_steps)
    return _examined(
        school,
        steps,
        {
            "raw": lambda rng: [ARTICLE.format(**town) for town in school.ours],
            "rephrase": lambda rng: [rephrased(town, rng) for town in school.ours for _ in range(36)],
            "entigraph": lambda rng: entigraph_texts(school.ours),
        },
    )


def run_forms(seed: int, *, base_steps: int = 2_400, steps: int = 500) -> dict[str, float]:
    """Shares of right answers by arm of BeyondWeb; `single` is the mean of three arms that read one strategy each.

    The base knows the forms from its own towns: who has never met a form cannot learn facts from it. So it has more to
    read, and reads for as many steps more.
    """
    school = Class(seed, base_steps=base_steps, knows_forms=True)
    natural = [ARTICLE.format(**town) for town in school.ours]
    strategies: list[StrategyName] = list(FORMS)
    idle = [GOES_ON.format(article=text, **town) for text, town in zip(natural, school.ours, strict=True)]

    def beside(*strategies: StrategyName) -> Callable[[Random], list[str]]:
        return lambda rng: mixed(natural, beyondweb_texts(school.ours, *strategies), rng)

    found = _examined(
        school,
        steps,
        {
            "raw": lambda rng: natural,
            "goes on": lambda rng: mixed(natural, idle, rng),
            **{one: beside(one) for one in SINGLE},
            "multi": beside(*strategies),
        },
    )
    return found | {"single": fmean(found[one] for one in SINGLE)}


def _examined(school: Class, steps: int, arms: Mapping[str, Callable[[Random], Sequence[str]]]) -> dict[str, float]:
    """The base, and what it is after each arm."""
    found = {"base, its own towns": float(right(school.base, school.words, school.its_own).mean())}
    found |= school.examined(school.base, "base")
    for name, texts in arms.items():
        found |= school.examined(school.taught(texts(Random(f"{school.seed} {name}")), steps), name)
    return found
