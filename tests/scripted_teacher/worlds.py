"""Three small worlds with exact ground truth: facts of places, counted constraints, gold answers."""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from synth_dagster.records import Document, Instruction, Span, digest
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

_SOUNDS = "ar bel cor dan el fan gor hul il jas kel lor mar nis ov pel quin ros sul tor"
_SYLLABLES = _SOUNDS.split()


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(3)).capitalize()


# ------------------------------------------------------------------------------------------------- entities and facts


@dataclass(frozen=True)
class Fact:
    """One edge of the graph: entity, relation, value; said in one sentence and asked in one question."""

    entity: str
    relation: str
    value: str

    @property
    def sentence(self) -> str:
        return f"The {self.relation} of {self.entity} is {self.value}."

    @property
    def question(self) -> str:
        return f"What is the {self.relation} of {self.entity}?"


RELATIONS = ("capital", "longest river", "founding year", "main export", "highest mountain", "official bird")


class FactWorld:
    """An entity/fact graph with documents: each document tells the facts of one entity, wrapped over lines."""

    def __init__(self, entities: int = 60, facts_each: int = 3, seed: int = 0) -> None:
        rng = random.Random(seed)
        names = sorted({_name(rng) for _ in range(entities * 2)})
        self.entities = rng.sample(names, entities)
        self.facts = {
            entity: [
                Fact(entity, relation, self._value(relation, rng)) for relation in rng.sample(RELATIONS, facts_each)
            ]
            for entity in self.entities
        }
        self.by_question = {fact.question: fact for facts in self.facts.values() for fact in facts}

    @staticmethod
    def _value(relation: str, rng: random.Random) -> str:
        return str(rng.randrange(900, 2000)) if relation == "founding year" else f"{_name(rng)} {_name(rng)}"

    def documents(self) -> list[Document]:
        return [
            Document(
                body="\n".join(fact.sentence.replace(" of ", "  of\n", 1) for fact in self.facts[entity]),
                title=f"{entity} at a glance",
                record_id=digest("document", entity),
                source="atlas",
                batch="atlas:0",
                stage="seed_corpus",
            )
            for entity in self.entities
        ]

    def instructions(self) -> list[Instruction]:
        """Each fact as a grounded instruction whose evidence is the fact's sentence in its document."""
        made: list[Instruction] = []
        for document in self.documents():
            for fact in self.facts[document.title.split()[0]]:
                place = re.search(r"\s+".join(map(re.escape, fact.sentence.split())), document.body)
                span = Span(document.record_id, *place.span(), place.group())
                parents, record_id = (document.as_parent(),), digest("instruction", fact.question)
                one = Instruction.single(
                    fact.question, fact.value, parents=parents, evidence=(span,), record_id=record_id
                )
                made.append(one)
        return made

    def answer(self, request: Request) -> dict[str, Any] | None:
        if request.task == "questions":
            return {"items": self._items(request.tag("passage"), int(request.tag("count")))}
        if request.task == "answer" and (fact := self._asked(request.tag("instruction"))):
            return {"answer": fact.sentence, "evidence": fact.sentence}
        return None

    def _items(self, passage: str, count: int) -> list[dict[str, str]]:
        told = " ".join(passage.split())
        facts = [
            fact for entity in re.findall(r"\w+", told) for fact in self.facts.get(entity, ()) if fact.sentence in told
        ]
        return [
            {"question": fact.question, "answer": fact.value, "evidence": fact.sentence}
            for fact in list(dict.fromkeys(facts))[:count]
        ]

    def _asked(self, instruction: str) -> Fact | None:
        return next((fact for question, fact in self.by_question.items() if question in instruction), None)


# ------------------------------------------------------------------------------------- instructions with constraints

_CONSTRAINT = re.compile(r"Requirement \d+: [^.]*\.")


def constraints_of(instruction: str) -> list[str]:
    """The constraints that an instruction of this world carries, in order."""
    return _CONSTRAINT.findall(instruction)


class ConstraintWorld:
    """Instructions with an explicit constraint list: each depth operation adds one, breadth changes the subject."""

    subjects = ("harbour", "library", "market", "bridge", "orchard", "railway", "theatre", "windmill", "quarry", "dam")
    duties = ("describe", "compare", "budget for", "draw up a timetable of", "write a short history of")

    def instructions(self, count: int) -> list[Instruction]:
        texts = [
            f"{self.duties[i % 5].capitalize()} the {self.subjects[i // 5 % 10]} of town {i}." for i in range(count)
        ]
        return [Instruction.single(text, "An answer.", record_id=digest("seed", text)) for text in texts]

    def answer(self, request: Request) -> dict[str, Any] | None:
        if request.task == "evolve":
            return {"instruction": self._evolved(request)}
        if request.task == "answer":
            return {"answer": self._answered(request.tag("instruction")), "evidence": ""}
        if request.task == "equal":
            return self._compared(request.tag("first"), request.tag("second"))
        return None

    def _evolved(self, request: Request) -> str:
        instruction = request.tag("instruction")
        if request.tag("operation") == "breadth":
            # The same constraints around another subject: similar length and difficulty.
            subject = f"{self.subjects[int(10 * share(request.key, 'subject'))]} of village {request.key.hex()[:6]}"
            return re.sub(r"the \w+ of (town|village) \w+", f"the {subject}", instruction, count=1)
        words = random.Random(request.key).sample(_SYLLABLES, 20)[: 8 + int(9 * share(request.key, "words"))]
        return f"{instruction} Requirement {len(constraints_of(instruction)) + 1}: mention {' '.join(words)}."

    @staticmethod
    def _answered(instruction: str) -> str:
        met = "".join(f" Requirement {number} is met." for number, _ in enumerate(constraints_of(instruction), 1))
        return f"Here is a full treatment of the subject.{met}"

    @staticmethod
    def _compared(first: str, second: str) -> dict[str, Any]:
        def gist(text: str) -> list[str]:
            return [" ".join(text.casefold().removeprefix("please do this: ").split())]

        return {"equal": gist(first) == gist(second), "reason": "compared letter by letter"}


# ------------------------------------------------------------------------------- gold answers at four corruption levels


class GoldWorld:
    """Each model answers an instruction at its own level of corruption; a rule judge counts what is left of the gold.

    Level 0 says all four facts of the gold answer, level 3 says only one; the missing ones are said wrongly. `noise` is
    the share of ratings that are off by one.
    """

    levels = ("gold", "silver", "bronze", "tin")

    def __init__(self, noise: float = 0.0) -> None:
        self.noise = noise

    @staticmethod
    def instructions(count: int) -> list[Instruction]:
        texts = [f"What are the four properties of element {number}?" for number in range(count)]
        return [Instruction.single(text, "", record_id=digest("gold", text), source="ultrachat") for text in texts]

    @staticmethod
    def gold(instruction: str) -> list[str]:
        number = re.search(r"\d+", instruction).group()
        return [f"Property {place} of element {number} is {digest(number, place).hex()[:8]}." for place in range(4)]

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        instruction = request.tag("instruction")
        if request.task == "completion":
            level = self.levels.index(request.model)
            true = self.gold(instruction)
            return " ".join(true[: 4 - level] + [fact[:-9] + "unknown." for fact in true[4 - level :]])
        if request.task == "rate":
            return {"ratings": [self._rating(request, text) for text in request.tags("text")]}
        if request.task in ("critique", "score"):
            score = 2 * self._marks(instruction, request.tag("text")) + 2
            said = {} if request.task == "score" else {"critique": "Name every property."}
            return {**said, "overall_score": min(10, score)}
        return None

    def _marks(self, instruction: str, text: str) -> int:
        return sum(fact in text for fact in self.gold(instruction))

    def _rating(self, request: Request, text: str) -> dict[str, Any]:
        rating = 1 + self._marks(request.tag("instruction"), text)
        if share(request.key, "noise", text) < self.noise:
            rating += 1 if share(request.key, "sign", text) < 0.5 else -1
        return {"rating": min(5, max(1, rating)), "rationale": f"{rating - 1} of 4 properties are right."}


def span_texts(spans: Iterable[Span], documents: Sequence[Document]) -> list[str]:
    """What stands in the documents where the spans point: equal to the spans' own texts, or an offset is wrong."""
    bodies = {document.record_id: document.body for document in documents}
    return [bodies[span.record_id][span.start : span.end] for span in spans]
