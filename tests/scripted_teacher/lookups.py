"""A world of people who look things up: every sentence names its subject and aspect, so what answers what is exact.

A question is about one aspect of one subject; a sentence answers it when it is about both. Which documents leak, omit
or add a point, and which repairs fail, depends on what is asked alone.
"""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from synth_dagster.records import Document, digest
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

PERSONAS = (
    "A nurse on the night shift",
    "The caretaker of a village hall",
    "First-year student of geology",
    "Owner of a small bakery",
    "Volunteer at an animal shelter",
    "Retired engineer who restores clocks",
    "Harbour pilot in training",
    "New neighbour with two dogs",
)
COLLECTIONS = (
    "House rules and notices",
    "Minutes of the town council",
    "Handbooks of the training centre",
    "Letters from suppliers and insurers",
    "Articles of the local newspaper",
    "Leaflets of the health office",
)
SUBJECTS = ("boat shed", "reading room", "repair bench", "cold store", "kiln", "seminar hut", "rooftop garden")
ASPECTS = ("key", "booking", "cleaning", "fee", "deposit", "insurance")
DETAILS = (
    "is handled by the office before noon",
    "has to be confirmed in writing",
    "is the matter of whoever comes first",
    "may be put off for seven days",
    "is noted in the blue ledger",
    "is reported on the last working day of the month",
    "is different for members of more than ten years",
    "needs the signature of two people",
    "is reviewed every spring",
)
FILLER = (
    "The office is closed on public holidays.",
    "Visitors are asked to leave their bicycles at the gate.",
    "The caretaker thanks everybody who helped with the move.",
    "A new coffee machine was installed in the hall.",
    "Lost umbrellas can be collected at the desk.",
)
_POINT = re.compile(r"The (\w+) for the ([\w ]+?) (?:" + "|".join(map(re.escape, DETAILS)) + r")\.")
_WORDINGS = (
    "What do I have to know about the {aspect} for the {subject}?",
    "Which rules are there on a {aspect} when somebody uses our {subject}?",
    "Please tell me everything that was agreed upon concerning {aspect} and {subject}.",
)
_QUESTIONS = [
    re.compile(re.escape(one).replace(r"\{aspect\}", r"(\w+)").replace(r"\{subject\}", r"([\w ]+)"))
    for one in _WORDINGS
]

Topic = tuple[str, str]  # aspect and subject


def answers(text: str, question: str) -> list[str]:
    """The sentences of a text that answer a question of this world."""
    wanted = topic_of(question)
    return [found[0] for found in _POINT.finditer(text) if (found[1], found[2]) == wanted]


def topic_of(question: str) -> Topic:
    found = next((found for one in _QUESTIONS if (found := one.search(question))), None)
    assert found, f"no question of this world: {question}"
    return found[1], found[2]


def scenarios(count: int) -> list[Document]:
    return [
        Document(
            body=f"{PERSONAS[place % len(PERSONAS)]}\n{COLLECTIONS[place % len(COLLECTIONS)]}",
            record_id=digest("scenario", place),
        )
        for place in range(count)
    ]


class LookupWorld:
    """`rates`: crossing and copied questions; leaks, omissions and extras of documents; repairs that do nothing."""

    def __init__(self, rates: Mapping[str, float] | None = None, *, alike: float = 0.0) -> None:
        self.rates, self.alike = rates or {}, alike

    def answer(self, request: Request) -> dict[str, Any] | None:
        work = {
            "scenarios": self._scenarios,
            "look_up": self._asked,
            "cross": self._crossing,
            "documents": self._written,
            "find": lambda one: {"points": answers(one.tag("document"), one.tag("question"))},
            "compare": self._compared,
            "repair": self._repaired,
        }.get(request.task)
        return work(request) if work else None

    def _is(self, key: bytes, what: str) -> bool:
        return share(key, what) < self.rates.get(what, 0)

    def _scenarios(self, request: Request) -> dict[str, Any]:
        found: list[dict[str, str]] = []
        for place in range(int(request.tag("count"))):
            rng = Random(digest(request.key, place))
            persona, collection = rng.choice(PERSONAS), rng.choice(COLLECTIONS)
            if rng.random() < self.alike:
                persona, collection = request.tags("scenario")[0].split("\n")
            found.append({"persona": persona, "collection": collection})
        return {"scenarios": found}

    def _asked(self, request: Request) -> dict[str, Any]:
        rng, others = Random(request.key), [topic_of(one) for one in request.tags("question")]
        topic = (rng.choice(ASPECTS), rng.choice(SUBJECTS))
        if others:  # another aspect of the same subject
            left = [aspect for aspect in ASPECTS if (aspect, others[0][1]) not in others]
            topic = (rng.choice(left), others[0][1])
        points = [f"The {topic[0]} for the {topic[1]} {detail}." for detail in rng.sample(DETAILS, 4)]
        if others and self._is(request.key, "crosses"):
            points[3] = f"The {others[0][0]} for the {others[0][1]} {rng.choice(DETAILS)}."
        question = rng.choice(_WORDINGS).format(aspect=topic[0], subject=topic[1])
        return {"question": question, "documents": [{"points": points[:2]}, {"points": points[2:]}]}

    def _crossing(self, request: Request) -> dict[str, Any]:
        points = _listed(request.tag("points"))
        return {"relevant": [place for place, one in enumerate(points, 1) if answers(one, request.tag("question"))]}

    def _written(self, request: Request) -> dict[str, Any]:
        topic = topic_of(request.tag("question"))
        texts: list[str] = []
        for place, held in enumerate(request.tags("document")):
            key = digest(request.key, place)
            rng, points = Random(key), held.splitlines()
            if self._is(key, "omits"):
                points = points[1:]
            if self._is(key, "extra"):
                points.append(_unsaid(topic, request.user))
            others = [topic_of(one) for one in request.tags("other_question")]
            if others and self._is(key, "leaks"):
                points.append(_unsaid(others[0], request.user))
            texts.append(" ".join(_mixed(points, rng.sample(FILLER, 3), rng)))
        return {"texts": texts}

    def _compared(self, request: Request) -> dict[str, Any]:
        points, found = _listed(request.tag("points")), request.tag("found").splitlines()
        missing = [place for place, one in enumerate(points, 1) if one not in found]
        return {"missing": missing, "extra": [one for one in found if one not in points]}

    def _repaired(self, request: Request) -> dict[str, Any]:
        text = request.tag("document")
        if not self._is(request.key, "repairs_badly"):
            for one in request.tag("remove").splitlines():
                text = text.replace(one, "")
            text = " ".join([text, *request.tag("add").splitlines()])
        return {"text": " ".join(text.split())}


def _unsaid(topic: Topic, said: str) -> str:
    """A point about the topic that was not said yet."""
    made = (f"The {topic[0]} for the {topic[1]} {detail}." for detail in DETAILS)
    return next(one for one in made if one not in said)


def _listed(text: str) -> list[str]:
    return [line.partition(". ")[2] for line in text.splitlines()]


def _mixed(points: Sequence[str], filler: Sequence[str], rng: Random) -> list[str]:
    found = [*points, *filler]
    rng.shuffle(found)
    return found
