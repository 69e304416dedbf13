"""Categories with subcategories and topics, and two voices that write about them: each sentence is one voice's own."""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tests.scripted_teacher.reading import Request

CRAFTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Crafts": {"Weaving": ["Setting up a loom"], "Pottery": ["Throwing a bowl"], "Basketry": ["Splitting willow"]},
    "Seamanship": {"Knots": ["The bowline"], "Sails": ["Reefing a sail"], "Pilotage": ["Reading a tide table"]},
    "Gardening": {"Pruning": ["Cutting an apple tree"], "Soil": ["Making compost"], "Seeds": ["Saving bean seed"]},
}
VOICES: Mapping[str, Sequence[str]] = {
    "north": (
        "{topic} looks harder than it is.",
        "Begin {topic} slowly, and look at every step before the next one.",
        "A good teacher shows the same hold three times and then says nothing.",
        "Whoever hurries makes the mistake that costs a whole afternoon.",
        "Keep the tools dry and within reach.",
        "Old hands in {sub} can tell by the sound whether the work goes well.",
        "Write down what you changed, or next year you will not know.",
        "It helps to watch somebody who has done it for twenty years.",
        "Most failures in {sub} come from the first five minutes.",
        "Rest your hands when they begin to guess.",
        "The cheapest material is the one that you need not buy twice.",
        "There is a local way to do {topic}, and it is usually right.",
    ),
    "south": (
        "In {sub}, {topic} counts among the first things that a beginner is taught.",
        "Its purpose is simple: to make the later work even and safe.",
        "Three conditions matter, namely time, light and a clean surface.",
        "Early handbooks describe {topic} in a few lines and leave the rest to practice.",
        "Variation is small at first and grows with experience.",
        "A common error is to repeat a movement without checking its result.",
        "Measurements should be taken twice, since a wrong one spoils everything after it.",
        "Experts in {sub} disagree about the order, but not about the outcome.",
        "The method has changed little, although materials have improved.",
        "Damage can be repaired as long as it is noticed early.",
        "For children the task is divided into parts of ten minutes.",
        "Once mastered, {topic} takes less than a quarter of the time.",
    ),
}
_ABOUT = re.compile(r'about "([^"]+)", which belongs to (.+?) in the field of')
_MADE_UP = re.compile(r"Explain (.+?), a part of (.+?), to a beginner")
_WORDS = re.compile(r"about (\d+) words")
FEWEST = 4  # sentences of a text


class Encyclopaedia:
    """`copying` names topics whose texts are the same; a category that is not in the taxonomy has numbered parts."""

    def __init__(
        self,
        taxonomy: Mapping[str, Mapping[str, Sequence[str]]] = CRAFTS,
        voices: Mapping[str, Sequence[str]] = VOICES,
        *,
        copying: frozenset[str] = frozenset(),
        without: frozenset[str] = frozenset(),
    ) -> None:
        self.taxonomy, self.voices, self.copying, self.without = taxonomy, voices, copying, without

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        if request.task == "names":
            return {
                "names": self._names(request.tag("category"), request.tag("subcategory"), int(request.tag("count")))
            }
        if "Write one prompt" in request.user:
            told = f"Explain {request.tag('topic')}, a part of {request.tag('subcategory')}, to a beginner"
            return f"{told}, and say what goes wrong most often."
        found = _ABOUT.search(request.user) or _MADE_UP.search(request.user)
        length = _WORDS.search(request.user)
        return self._text(request, *found.groups(), int(length[1]) if length else 0) if found else None

    def _names(self, category: str, subcategory: str, count: str) -> list[str]:
        if subcategory in self.without:
            return []
        known = self.taxonomy.get(category, {})
        numbered = [f"{subcategory or category} {number}" for number in range(1, int(count) + 1)]
        return list(known.get(subcategory, ()) if subcategory else known)[: int(count)] or numbered

    def _text(self, request: Request, topic: str, sub: str, length: int) -> str:
        rng = Random(0 if topic in self.copying else request.key.hex())
        voice = self.voices[request.model]
        sentences: list[str] = []
        total = 0
        while total < length * 0.95 or len(sentences) < FEWEST:
            sentences += [rng.choice(voice)] if len(sentences) >= len(voice) else self._next(rng, voice, sentences)
            total += len(sentences[-1].split())
        told = ("this", "such work") if topic in self.copying else (topic.lower(), sub.lower())
        made = (one.replace("{topic}", told[0]).replace("{sub}", told[1]) for one in sentences)
        return " ".join(one[:1].upper() + one[1:] for one in made)

    @staticmethod
    def _next(rng: Random, voice: Sequence[str], sentences: Sequence[str]) -> list[str]:
        """A sentence that the text does not have."""
        while (one := rng.choice(voice)) in sentences:
            pass
        return [one]
