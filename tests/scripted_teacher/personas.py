"""A world of people: who has to do with a text, who stands around them, and what each brings from their own trade.

`copies` is the share of personas that say what an earlier one says; `faults` are shares of tasks that are spoiled, and
how. With `heeds=False` what is written does not depend on the persona.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

# trade | what they work on | what they count | whom they have to do with
TRADES = """
ferry keeper | the steel rope of a river ferry | crossings | a carter who waits for low prices
salt boiler | iron pans over slow fires | sacks of salt | an accountant who never saw the sea
orchard owner | late apples on a windy bank | crates of apples | a cider presser with two daughters
bell founder | bronze and tin for village towers | kilograms of bronze | a verger who cannot hear high notes
beekeeper | hives along the heath | frames of honey | a neighbour who fears stings
archivist | letters of a closed dairy | boxes of letters | a novelist in search of a plot
cheese maker | copper kettles and wooden presses | wheels of cheese | an inspector of health
shepherd | sheep on steep pastures | lambs in spring | a weaver of rough cloth
clock maker | tower clocks without hands | cogs of wheels | a stationmaster of a branch line
school teacher | children who read the river | pages of homework | a grandmother who tells tales
mason | arches of old bridges | courses of stone | a diver who inspects foundations
nurse | night shifts on a small ward | doses of medicine | a pharmacist at the harbour
baker | dark bread from rye | loaves before dawn | a miller with a broken wheel
surveyor | borders of common land | chains of the old measure | a farmer who moved a stone
fisher | eels in the reed | baskets of eels | a cook at the inn
piano tuner | instruments in damp halls | strings | a singer with perfect pitch
"""
_TRADES = [tuple(part.strip() for part in line.split("|")) for line in TRADES.strip().splitlines()]


def described(key: bytes, way: str) -> str:
    """One of some thousands of people, drawn by a request."""
    trade, work, _, _ = _TRADES[int(len(_TRADES) * share(key, way, "trade"))]
    years = 2 + int(40 * share(key, way, "years"))
    house = 2 + int(500 * share(key, way, "house"))
    aims = ("an apprentice", "a quieter life", "the lost recipe", "better tools", "a fair price", "an old friend")
    places = ("upstream", "by the harbour", "in the hills", "near the heath", "on the island", "below the weir")
    aim, place = (some[int(len(some) * share(key, way, name))] for some, name in ((aims, "aim"), (places, "place")))
    return f"{a(trade)} at house {house} {place} who has cared for {work} for {years} years and looks for {aim}."


def a(noun: str) -> str:
    return f"{'An' if noun[0] in 'aeiou' else 'A'} {noun}"


class PersonaWorld:
    def __init__(self, *, copies: float = 0.0, faults: Mapping[str, float] | None = None, heeds: bool = True) -> None:
        self.copies, self.faults, self.heeds = copies, faults or {}, heeds
        self.copied: list[str] = []
        self.spoiled: dict[str, str] = {}  # persona -> fault
        self._told: list[str] = []

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        if "Describe one such person" in request.user:
            return self._person(request)
        if request.task == "related":
            first = request.tag("persona").split(" at house ")[0].partition(" ")[2]
            return {"relation": f"buys from the {first}", "persona": self._person(request)}
        if request.task == "tool":
            trade, _, counted = self._of(request)
            return self._spoilt_tool(
                request, f"count_{counted.split()[-1]}", f"Counts the {counted} of {a(trade).lower()}."
            )
        for opening, write in _WRITES.items():
            if f'"{opening}"' in request.user:
                return self._spoilt(request, f"{opening} {write(*self._of(request))}", opening)
        return solved(request.user)

    def _person(self, request: Request) -> str:
        told = described(request.key, "person")
        if self._told and share(request.key, "copy") < self.copies:
            told = self._told[int(len(self._told) * share(request.key, "of"))].replace(" and looks", ", and looks")
            self.copied.append(told)
        self._told.append(told)
        return told

    def _of(self, request: Request) -> tuple[str, str, str]:
        persona = request.tag("persona")
        found = next((one for one in _TRADES if self.heeds and one[0] in persona), _TRADES[0])
        years = re.search(r"(\d+) years", persona) if self.heeds else None
        return found[0], years[1] if years else "7", found[2]

    def _spoilt(self, request: Request, text: str, opening: str) -> str:
        draw = share(request.key, "fault")
        for fault, rate in self.faults.items():
            if draw < rate:
                self.spoiled[request.tag("persona")] = fault
                return SPOILT[fault](text, opening, request.tag("persona"))
            draw -= rate
        return text

    def _spoilt_tool(self, request: Request, name: str, what: str) -> dict[str, Any]:
        bad = "bad_name" in self.faults and share(request.key, "fault") < self.faults["bad_name"]
        if bad:
            self.spoiled[request.tag("persona")] = "bad_name"
        given = {"name": "day", "type": "string", "description": "The day, as YYYY-MM-DD.", "required": True}
        return {"name": "Count it!" if bad else name, "description": what, "parameters": [given]}


def solved(question: str) -> str:
    """The right answer to a problem of counting; of a prompt, the notice that it asks for."""
    found = re.search(r"counts (\d+) (.+?) on the first day", question)
    if not found:
        return f"Notice: {question.partition(' that says ')[2] or 'the east gate.'}"
    first, days = int(found[1]), 1
    while (total := days * first + 3 * days * (days - 1) // 2) <= 2_000:
        days += 1
    return (
        f"After n days there are n * {first} + 3 * n * (n - 1) / 2 of them. For n = {days} that is {total:,}, and "
        f"one day earlier it is still 2,000 or less. It happens on day {days}."
    )


_WRITES: Mapping[str, Callable[[str, str, str], str]] = {
    "Math problem:": lambda trade, years, counted: (
        f"{a(trade)} counts {years} {counted} on the first day and three more on each day after it. On which day "
        f"does the sum of all {counted} pass two thousand?"
    ),
    "Puzzle:": lambda trade, years, counted: (
        f"{a(trade)} stands at the north gate with {years} {counted}, turns right twice and walks on. Which gate "
        "is ahead?"
    ),
    "Prompt:": lambda trade, years, counted: (
        f"Write a notice for my door that says {a(trade).lower()} with {years} years of practice gives a course "
        f"on {counted}."
    ),
    "Title:": lambda trade, years, counted: (
        f"How to count {counted}\n\nWhoever has been {a(trade).lower()} for {years} years knows that {counted} are "
        "counted twice, once by hand and once by the book, and that the book is wrong more often."
    ),
    "Name:": lambda trade, years, counted: (
        f"Old {trade.title()}\n\nThe {trade} has guarded {years} {counted} below the castle since the dragon left."
    ),
}
GERMAN = (
    "Der Müller hat am ersten Tag sieben Säcke und an jedem weiteren Tag drei mehr; an welchem Tag sind es zusammen "
    "mehr als zweitausend Säcke, wenn er an keinem Tag ruht?"
)


def begun(text: str, opening: str) -> str:
    """The opening, with the title where the text has one."""
    title, blank, _ = text.partition("\n\n")
    return f"{title}{blank}" if blank else f"{opening} "


SPOILT: Mapping[str, Callable[[str, str, str], str]] = {
    "no_opening": lambda text, opening, persona: text.removeprefix(opening).strip(),
    "has_solution": lambda text, opening, persona: f"{text}\n\nSolution: On the last day.",
    "too_many_parts": lambda text, opening, persona: f"{text} (a) Say when. (b) Say why. (c) Say how.",
    "refusal": lambda text, opening, persona: "I am sorry, but I cannot write that.",
    "other_language": lambda text, opening, persona: begun(text, opening) + GERMAN,
    "copy": lambda text, opening, persona: begun(text, opening) + persona,
    "blank": lambda text, opening, persona: begun(text, opening) + "...",
    "meta_phrase": lambda text, opening, persona: f"{text} Let me know if you want another one.",
}
