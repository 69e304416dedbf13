"""A world of instructions that paragraphs make one think of, of known sorts: new ones, near-copies, and unfit ones.

A paragraph is about the first of `SUBJECTS` that it names, or about what it begins with. With `novel` instructions are
made up of words that occur once; otherwise they are sentences for people. What was spoiled is remembered by its text.
"""

import re
from collections.abc import Mapping
from typing import Any

from synth_dagster.records import digest
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

SUBJECTS = {"ferry": "a river ferry", "salt": "salt works", "apples": "an orchard by the sea", "bell": "a church bell"}

# a word of the kind of task -> the instruction as a command and as a question
WRITTEN = {
    "evidence": ("Decide whether worn ropes prove neglect at {subject}.", "Do worn ropes prove neglect at {subject}?"),
    "daily life": (
        "Predict what frost does to {subject} overnight.",
        "What does hard frost do to {subject} overnight?",
    ),
    "feels": (
        "Describe how its keeper feels when {subject} is sold.",
        "How would a keeper feel when {subject} is sold?",
    ),
    "other words": (
        "Put this differently: whoever owns {subject} owns patience.",
        "How else can one say that whoever owns {subject} owns patience?",
    ),
    "knows by heart": ("List the parts of {subject} and their purposes.", "Which parts does {subject} have?"),
    "in prose": ("Explain step by step how {subject} is repaired.", "In which steps is {subject} repaired?"),
    "main points": ("Sum up what history owes to {subject}.", "Which debts does history owe to {subject}?"),
    "another language": (
        'Translate into German for a visitor of {subject}: "Nothing lasts longer than patience."',
        "How does one tell a visitor of {subject} in German that nothing lasts longer than patience?",
    ),
    "usually do": ("Give reasons why people gather around {subject}.", "Why do people gather around {subject}?"),
    "writing is known": ("Define what makes a logbook of {subject}.", "What marks a good logbook of {subject}?"),
    "small program": (
        "Write a Python function that schedules visits to {subject}.",
        "Which Python function schedules visits to {subject}?",
    ),
    "arithmetic": (
        "Compute what 9 visits to {subject} cost at 4 crowns each.",
        "What do 9 visits to {subject} cost at 4 crowns each?",
    ),
}
# a word of the instruction -> the answer
ANSWERS = {
    "worn ropes": "No. They fit neglect, but age and weather explain them as well; one would have to show that a "
    "keeper knew of them and had the means to replace them.",
    "frost": "Water in it freezes and expands: wood swells, joints open and metal sticks. By noon most is as before.",
    "keeper": "Relief at less work and grief at a life that ends there, often on one day, and worry about the buyer.",
    "patience.": "To own such a thing is to have learnt how to wait.",
    "owns patience": "Whoever has such a thing has learnt how to wait.",
    "parts": "One that carries, one that moves, one that holds fast, and one that gives the sign.",
    "repaired": "It is closed and looked over, worn parts are marked and ordered, then exchanged one by one, and last "
    "it is tried without a load.",
    "history": "It settled where people met, what they paid and whom the law protected, long before there was a map.",
    "in German": "Nichts währt länger als die Geduld.",
    "into German": "Nichts währt länger als die Geduld.",
    "gather": "They go where others go, where something happens at known hours, and where news is told.",
    "logbook": "Each line has date and hour, what was done and by whom; nothing is praised and nothing is erased.",
    "Python": "def schedule(visits):\n    return sorted(visits, key=lambda visit: visit[0])",
    "crowns": "9 visits at 4 crowns are 9 * 4 = 36 crowns.",
    "rival towns": "Each town gets two days, the seventh is for repairs, and the order moves on by one each week, so "
    "that market day comes to each in turn.",
}
TURNS = {
    "several steps": "Show every stage of the reasoning, from premises to conclusion.",
    "critical": "Weigh at least two opposing views and two remedies.",
    "creative": "Surprise an audience that has heard everything before.",
    "disciplines": "Bring together engineering, law and economics.",
}
UNFIT = {
    "key_word": "Explain what the paragraph says of its subject in full.",
    "not_ascii": "Explain how a caf\u00e9 differs from an inn by the road.",
    "too_short": "Explain the rope",
    "few_letters": "1 2 3 4 5 6 7 8 9 10 11 12 + = ?",
}


def made_up(key: bytes) -> str:
    """An instruction of eight words that occur in no other, of letters alone."""
    letters = "".join("abcdefghijklmnop"[int(digit, 16)] for part in (0, 1) for digit in digest(key, part).hex())
    return f"Explain {' '.join(letters[at : at + 8] for at in range(0, 64, 8))} once."


class ParagraphWorld:
    def __init__(self, *, copies: float = 0.0, unfit: Mapping[str, float] | None = None, novel: bool = True) -> None:
        self.copies, self.unfit, self.novel = copies, unfit or {}, novel
        self.copied: list[str] = []
        self.spoiled: dict[str, str] = {}

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        if request.task == "padded":
            text = request.tag("text")
            lines = [one for one in re.split(r"(?<=\.)\s+", text) if one]
            return {"is_padded": len(set(lines)) < len(lines)}
        if request.task == "advertisement":
            return {"is_advertisement": "Buy now" in request.tag("text")}
        if request.tag("paragraph"):
            return self._instruction(request)
        told = next((answer for word, answer in ANSWERS.items() if word in request.user), None)
        return told or self._answered(request)

    def _instruction(self, request: Request) -> str:
        shown = request.tags("instruction")
        if shown and share(request.key, "copy") < self.copies:
            self.copied.append(f"{shown[0].rstrip('.?')}, please.")
            return self.copied[-1]
        draw = share(request.key, "unfit")
        for fault, rate in self.unfit.items():
            if draw < rate:
                self.spoiled[request.key.hex()] = fault
                return UNFIT[fault]
            draw -= rate
        if self.novel:
            return made_up(request.key)
        return self._written(request, shown)

    @staticmethod
    def _written(request: Request, shown: list[str]) -> str:
        paragraph, form = request.tag("paragraph").casefold(), "It is a question" in request.user
        subject = next((told for word, told in SUBJECTS.items() if word in paragraph), paragraph.split(".")[0])
        if shown:
            text = (
                "Plan a week in which three rival towns share {subject} fairly.",
                "How could three rival towns share {subject} fairly?",
            )
            return text[form].format(subject=subject)
        text = next(texts[form] for word, texts in WRITTEN.items() if word in request.user)
        turn = next(said for word, said in TURNS.items() if word in request.user)
        return f"{text.format(subject=subject)} {turn}"

    @staticmethod
    def _answered(request: Request) -> str:
        """As many sentences as the request's hash says, so that lengths differ."""
        reasons = (
            "The rope",
            "The season",
            "The price",
            "The keeper",
            "The weather",
            "The law",
            "The crowd",
            "The road",
        )
        first, most = int(8 * share(request.key, "first")), 1 + int(6 * share(request.key, "length"))
        told = (reasons[(first + place) % 8] for place in range(most))
        return " ".join(f"{one} has to be looked at first, and then what hangs on it." for one in told)
