"""A world of articles that share names: what each tells of a name is asked for and described in known words.

`chains` gives works, their makers and the towns of these. A work was made by a person, who was born in a town, which
lies on a river: three articles, in which four questions of two hops have known answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import Any

from synth_dagster.records import Document, digest
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request


@dataclass(frozen=True)
class Told:
    """What one article tells of a name: the question that it answers by the name, and one about the name."""

    article: str  # its text
    name: str
    q1: str  # whose answer is the name
    described: str  # the name by what the article tells
    anew: str  # the same in other words
    q2: str
    answer: str
    is_answered: bool = True  # whether the article says it


_FIRST = "Ada Boris Chiara Dmitri Esra Finn Greta Hugo Ines Jonas Kaya Lars Mira Nils Olga Piet Rosa Sven Tilda Uwe"
_LAST = "Brandt Carrow Dunmore Elling Fairway Garrick Holt Imrie Jessop Kestrel Lund Morrow Norling Oakes Prior"
_WORKS = "Tower Mill Bridge Chapel Theatre"
HOPS = 4  # questions of a chain


def chains(count: int) -> list[Told]:
    """Of each chain what is told of the person in two articles, and of the town in two."""
    people = [f"{first} {last}" for last, first in product(_LAST.split(), _FIRST.split())]
    return [told for place in range(count) for told in _chain(place, people[place])]


def _chain(place: int, person: str) -> list[Told]:
    first, last = person.split()
    town, river, work = f"{last}ham{place}", f"{first}wen{place}", f"the {_WORKS.split()[place % 5]} of Row {place}"
    built = f"T{work[1:]} was built by {person}. It can be seen from afar."
    born = f"{person} was born in {town} and never learned to swim."
    lies = f"{town} lies on the river {river}. It has a market on Fridays."
    who, where, which = f"Who built {work}?", f"In which town was {person} born?", f"Which town lies on the {river}?"
    builder, native = f"the person who built {work}", f"the person who was born in {town}"
    home, port = f"the town where {person} was born", f"the town that lies on the {river}"
    back, then = f"What was built by {person}?", f"On which river does {town} lie?"
    born_there = f"Who was born in {town}?"
    return [
        Told(built, person, who, builder, f"whoever built {work}", back, work),
        Told(born, person, born_there, native, f"whoever was born in {town}", where, town),
        Told(born, town, where, home, f"the birthplace of {person}", born_there, person),
        Told(lies, town, which, port, f"that town on the {river}", then, river),
    ]


def articles_of(told: Sequence[Told]) -> list[Document]:
    """Each article once, with its id and place."""
    bodies = dict.fromkeys(one.article for one in told)
    return [
        Document(body=body, record_id=digest("article", body), source="articles", batch="articles:0", stage="seed")
        for body in bodies
    ]


class HopWorld:
    """`skill` is the share of tries in which the curator is right, `luck` that of questions that have no answer.

    `planted` are articles and names about which the article is asked what it does not say. Of the questions that the
    curator rebuilds the share `drifting` asks for something else.
    """

    def __init__(
        self,
        told: Sequence[Told],
        *,
        skill: float = 1.0,
        luck: float = 0.0,
        planted: frozenset[tuple[str, str]] = frozenset(),
        drifting: float = 0.0,
    ) -> None:
        self.skill, self.luck, self.drifting = skill, luck, drifting
        self.told = [_unanswered(one) if (one.article, one.name) in planted else one for one in told]
        self.behind: dict[str, tuple[Told, Told]] = {}  # question -> what it was put together from
        for first, second in permutations(self.told, 2):
            if first.name == second.name:
                asked = (_joined(second.q2, first.name, words) for words in (first.described, first.anew))
                self.behind |= dict.fromkeys(asked, (first, second))

    def answer(self, request: Request) -> dict[str, Any] | None:
        passage, name = request.tag("passage"), request.tag("bridge")
        if request.task == "named":
            return {"entities": [*(one.name for one in self.told if one.article == passage), "Atlantis"]}
        if request.task == "rephrase" and (q1 := request.tag("first_question")):
            first = next(one for one in self.told if one.q1 == q1)
            return {"question": _joined(request.tag("second_question"), name, first.described)}
        if request.task == "rephrase" and name:
            return {"question": self._of(passage, name).q1}
        if request.task == "asked":
            second = self._of(passage, name)
            return {"question": second.q2, "answer": second.answer}
        if request.task == "rebuilt":
            first = self._of(passage, name)
            drifts = share(request.key, "drift") < self.drifting
            asked = "When was it, in the end?" if drifts else _joined(request.tag("second_question"), name, first.anew)
            return {"first_question": f"What is the name of {first.anew}?", "question": asked}
        return {"answer": self.found(request)} if request.task == "found" else None

    def found(self, request: Request) -> str:
        """The answer where both articles are shown, and skill or luck has it."""
        first, second = self.behind.get(request.tag("question"), (None, None))
        if not first or not second or not {first.article, second.article} <= set(request.tags("passage")):
            return "Nobody can say"
        chance = self.skill if second.is_answered else self.luck
        return f"It is {second.answer}." if share(request.key, "try") < chance else "Nobody can say"

    def _of(self, passage: str, name: str) -> Told:
        return next(one for one in self.told if one.article == passage and one.name == name)


def _unanswered(one: Told) -> Told:
    return replace(one, q2=f"How many crowns did the feast of {one.name} cost?", answer="8,112", is_answered=False)


def _joined(q2: str, name: str, described: str) -> str:
    return q2.replace(name, described)
