"""Queries with constraints that a program can check, who takes them apart, answers and judges, each as often as set.

A writer keeps each constraint of a query with the same chance, a judge errs on each question with the same chance, and
whoever takes a query apart names another constraint with the same chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synth_dagster.parts.text.constraints import Constraint, Format, Keyword, Length, LetterCase, Pattern
from synth_dagster.records import Instruction, digest
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request


@dataclass(frozen=True)
class Demand:
    """One constraint: how a query says it, its type, how a program checks it, and the question about it."""

    sentence: str
    type: str
    check: Constraint
    question: str


SHORT = Demand("Use at most 40 words.", "numerical", Length(at_most=40), "Does the text have at most 40 words?")
THREE = Demand(
    "Write exactly three sentences.",
    "numerical",
    Length(unit="sentences", at_least=3, at_most=3),
    "Does the text have exactly three sentences?",
)
WEATHER = Demand(
    "Mention the weather.", "content", Keyword(word="weather", at_least=1), "Does the text mention the weather?"
)
PATIENCE = Demand(
    "Mention patience.", "content", Keyword(word="patience", at_least=1), "Does the text mention patience?"
)
LOWER = Demand(
    "Write in lower case throughout.", "stylistic", LetterCase(case="lower"), "Is all of the text in lower case?"
)
UPPER = Demand(
    "Write in capital letters throughout.",
    "stylistic",
    LetterCase(case="upper"),
    "Is all of the text in capital letters?",
)
POINTS = Demand(
    "Give the answer as bullet points.", "format", Format(form="bullets"), "Is each line of the text a bullet point?"
)
TITLE = Demand(
    "Begin with a title in double angle brackets.",
    "format",
    Format(form="title"),
    "Does the text begin with a title in double angle brackets?",
)
NO_COMMAS = Demand("Use no commas.", "linguistic", Pattern(pattern=",", absent=True), "Is the text free of commas?")
NO_VERY = Demand(
    "Do not use the word very.",
    "linguistic",
    Keyword(word="very", at_most=0),
    "Does the text do without the word very?",
)
DEMANDS = (SHORT, THREE, WEATHER, PATIENCE, LOWER, UPPER, POINTS, TITLE, NO_COMMAS, NO_VERY)
BY_QUESTION = {one.question: one for one in DEMANDS}
TYPES = ("content", "format", "linguistic", "numerical", "stylistic")

_THINGS = ("library", "market", "bridge", "orchard", "railway", "theatre", "windmill", "quarry", "well", "mill")
_DUTIES = ("Describe", "Praise", "Say what is special about", "Tell a traveller about", "Introduce")


def demands_of(text: str) -> list[Demand]:
    """The constraints that a query of this world carries, in the order of the text."""
    return sorted((one for one in DEMANDS if one.sentence in text), key=lambda one: text.index(one.sentence))


def queries(count: int, *, own: Sequence[int] = (0, 1, 2)) -> list[Instruction]:
    """Queries with some constraints of their own, of different types: in turn as many as `own` says."""
    found = []
    for number in range(count):
        text = f"{_DUTIES[number % 5]} the {_THINGS[number // 5 % 10]} of town {number}."
        key = digest("query", number)
        types = sorted(TYPES, key=lambda kind: share(key, kind))[: own[number % len(own)]]
        options = ([one for one in DEMANDS if one.type == kind] for kind in types)
        told = [text, *(some[int(2 * share(key, "which", some[0].sentence))].sentence for some in options)]
        found.append(Instruction.single(" ".join(told), "", record_id=digest(key), stage="a", batch="b", source="s"))
    return found


def without(query: str, *demands: Demand) -> str:
    for one in demands:
        query = query.replace(one.sentence, "")
    return " ".join(query.split())


def broken(text: str, demands: Sequence[Demand]) -> list[Demand]:
    """The constraints that a text does not keep, by program."""
    return [one for one in demands if not one.check.holds([text])[0]]


class DemandWorld:
    """Answers for each role of UltraIF. `texts` gives the title and five sentences about a query of its own."""

    def __init__(
        self,
        *,
        keeps: float = 1.0,
        judge_errs: float = 0.0,
        misnames: float = 0.0,
        composer: Mapping[str, float] | None = None,
        texts: Mapping[str, tuple[str, Sequence[str]]] | None = None,
    ) -> None:
        """`composer` is fault -> rate: copy, residue or no_question."""
        self.keeps, self.judge_errs, self.misnames = keeps, judge_errs, misnames
        self.composer, self.texts = composer or {}, texts or {}

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        query = request.tag("query")
        if request.task == "decompose":
            return self._decomposed(request.key, query)
        if request.task == "question":
            known = [one for one in DEMANDS if one.sentence == request.tag("constraint")]
            return {"eval_question": known[0].question if known else ""}
        if request.task == "compose":
            return self._composed(request.key, query)
        if request.task == "completion":
            return self._written(request.key, query)
        if request.task == "evaluate":
            return {"verdicts": [self._verdict(request, one) for one in request.tags("question")]}
        if request.task == "ask":
            return {"questions": [one.question for one in demands_of(query)]}
        return None

    def _decomposed(self, key: bytes, query: str) -> dict[str, Any]:
        there = demands_of(query)
        named = [self._named(key, one) for one in there]
        parts = [
            {"type": say.type, "constraint": say.sentence, "simplified_query": without(query, one)}
            for one, say in zip(there, named, strict=True)
        ]
        return {"basic_query": without(query, *there), "constraints": parts}

    def _named(self, key: bytes, one: Demand) -> Demand:
        wrong = share(key, "misnames", one.sentence) < self.misnames
        return DEMANDS[(DEMANDS.index(one) + 1) % len(DEMANDS)] if wrong else one

    def _composed(self, key: bytes, query: str) -> dict[str, Any]:
        taken = {one.type for one in demands_of(query)}
        free = [one for one in DEMANDS if one.type not in taken]
        one = free[int(len(free) * share(key, "composed"))]
        query_and_more, question = f"{query} {one.sentence}", one.question
        draw = share(key, "composer fault")
        for fault, rate in self.composer.items():
            if 0 <= draw < rate:
                query_and_more = {"copy": query, "residue": f"New query: {query_and_more}"}.get(fault, query_and_more)
                question = "" if fault == "no_question" else question
            draw -= rate
        return {"query": query_and_more, "eval_question": question}

    def _written(self, key: bytes, query: str) -> str:
        there = demands_of(query)
        kept = {one for one in there if share(key, "keeps", one.sentence) < self.keeps}
        title, sentences = self._about(without(query, *there))
        sentences = list(sentences[:3] if kept & {SHORT, THREE} else sentences)
        phrase = " in any weather" * (WEATHER in kept) + " with some patience" * (PATIENCE in kept)
        sentences[2] = f"{sentences[2][:-1]}{phrase}."
        lines = [f"- {one}" for one in sentences] if POINTS in kept else [" ".join(sentences)]
        text = "\n".join([f"<<{title}>>", *lines] if TITLE in kept else lines)
        text = text.replace(",", "") if NO_COMMAS in kept else text
        text = text.replace("very ", "") if NO_VERY in kept else text
        return text.lower() if LOWER in kept else text.upper() if UPPER in kept else text

    def _about(self, query: str) -> tuple[str, Sequence[str]]:
        """Five sentences of more than forty words, the first three of fewer than thirty; with commas, and very."""
        if query in self.texts:
            return self.texts[query]
        thing = next((one for one in _THINGS if one in query), "place")
        return f"The {thing}", (
            f"The {thing} of our town, old as it is, is still in use.",
            "It is very busy in the morning.",
            "People from all around come there.",
            "Children play beside it on long summer evenings and go home late.",
            "Nobody knows who built it first, or why it was put just there.",
        )

    def _verdict(self, request: Request, question: str) -> dict[str, str]:
        holds = BY_QUESTION[question].check.holds([request.tag("response")])[0]
        errs = share(request.key, "judge", question) < self.judge_errs
        says = "YES" if holds != errs else "NO"
        return {"explanation": f"{question} {says.capitalize()}: it was counted.", "answer": says}
