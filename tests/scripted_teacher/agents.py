"""A world of texts whose tasks have a step count: forms keep the sentences, changes raise the count or take the answer.

A task says in how many steps it is done, and whatever an editor does adds one. A task about the missing page cannot be
done. `skips` are words of kinds that no text gives a task for.
"""

import json
import re
from typing import Any

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

STEPS = re.compile(r"in (\d+) steps?")
MISSING = "the missing page"
OPENINGS = (
    "The chair opened the meeting and asked for the facts",
    "A traveller asked a farmer about it, who told him this",
    "Whoever argues for it has to begin with this",
    "First make sure that you have all that follows",
)


# what a kind of request says -> the request; the last two cannot be done
WISHES = {
    "one call": "Please {name} for the third of May, in 1 step.",
    "several calls": "Please {name} for the third of May and book it, in 1 step.",
    "is not there": "Please {name} for the third of May and send me a letter, in 1 step.",
    "leaves out": "Please {name} for some day, in 1 step.",
}


def steps_of(task: str) -> int:
    return int(STEPS.search(task)[1])


class AgentWorld:
    def __init__(self, *, skips: tuple[str, ...] = (), naughty: float = 0.0) -> None:
        """`naughty` is the share of answers that do what cannot be done, or do not do what can."""
        self.skips, self.naughty = skips, naughty
        self.broken: set[str] = set()  # texts and tasks whose answer was of the wrong sort

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        if "Turn this into" in request.user:
            opening = OPENINGS[int(len(OPENINGS) * share(request.key, "opening"))]
            how = re.search(r"Turn this into (.+?)\. It has", request.user)[1]
            return f"{opening}, as is fit for {how}. {request.tag('passage')}"
        answers = {
            "functions": self._functions,
            "set": self._set,
            "suggest": self._suggested,
            "edit": self._edited,
            "do": self._done,
            "call": self._called,
        }
        return answers[request.task](request) if request.task in answers else None

    @staticmethod
    def _functions(request: Request) -> dict[str, Any]:
        nouns = re.findall(r"[a-z]{5,}", request.tag("passage").lower())
        noun = nouns["a library around" in request.user]
        day = {"name": "day", "type": "string", "description": "As YYYY-MM-DD.", "required": True}
        many = {"name": "count", "type": "integer", "description": "How many.", "required": False}
        return {
            "functions": [
                {"name": f"find_{noun}", "description": f"Finds a {noun} by day.", "parameters": [day]},
                {"name": f"book_{noun}", "description": f"Books a {noun} for a day.", "parameters": [day, many]},
            ]
        }

    def _set(self, request: Request) -> dict[str, Any]:
        kind = re.search(r"(?:task of this kind: |The request )(.+?)\. It ", request.user)[1]
        if any(skipped in kind for skipped in self.skips):
            return {"skip": True, "task": ""}
        subject = (re.findall(r"[A-Z][a-z]+", request.tag("passage")) or ["it"])[-1]
        if request.tag("functions"):
            name = json.loads(request.tag("functions"))[0]["function"]["name"]
            wish = next(wish for word, wish in WISHES.items() if word in kind)
            return {"skip": False, "task": wish.format(name=name.replace("_", " a "))}
        return {"skip": False, "task": f"Do this about {subject} in 1 step: {kind}."}

    @staticmethod
    def _suggested(request: Request) -> dict[str, Any]:
        aims = ("harder", "unanswerable", "trickier")
        first = int(3 * share(request.key, "aim"))
        chosen = [aims[(first + place) % 3] for place in range(3)]
        return {"suggestions": [{"aim": aim, "change": f"Make it {aim} by one step."} for aim in chosen]}

    @staticmethod
    def _edited(request: Request) -> dict[str, Any]:
        task, text = request.tag("task"), request.tag("passage") or request.tag("functions")
        task = STEPS.sub(lambda found: f"in {int(found[1]) + 1} steps", task, count=1)
        if 'aim="unanswerable"' in request.user:
            return {"text": text, "task": f"{task} Say what {MISSING} adds."}
        if 'aim="trickier"' in request.user:
            return {"text": f"{text} Some say otherwise.", "task": f"{task} Leave out what some say."}
        return {"text": text, "task": f"{task} Give a reason for each."}

    def _is_naughty(self, request: Request) -> bool:
        if share(request.key, "naughty") >= self.naughty:
            return False
        shown = (request.tag("passage") or request.tag("functions"), request.tag("task"))
        self.broken.add("\n\n".join(part for part in shown if part))
        return True

    def _done(self, request: Request) -> dict[str, Any]:
        possible = (MISSING not in request.tag("task")) != self._is_naughty(request)
        if not possible:
            return {"answer": f"The text does not have {MISSING}, so this cannot be said.", "can_be_done": False}
        told = re.findall(r"[^.]+\.", request.tag("passage") or f"{request.tag('task')}.")[-1].strip()
        return {"answer": f"Step by step, the text says: {told}", "can_be_done": True}

    def _called(self, request: Request) -> dict[str, Any]:
        task = request.tag("task")
        possible = all(word not in task for word in (MISSING, "a letter", "some day")) != self._is_naughty(request)
        if not possible:
            day = "For which day? I cannot call a function without it."
            return {"answer": day if "some day" in task else "I have no function for all of this.", "calls": []}
        name = json.loads(request.tag("functions"))[0]["function"]["name"]
        return {"answer": "", "calls": [{"name": name, "arguments": json.dumps({"day": "2024-05-03"})}]}
