"""Four kinds of task about the valley with exact answers, and the ferries and bells of its people as functions.

A tenth of the answers is of the wrong sort, and some edits come back broken.
"""

import random
import re

from tests.scripted_teacher.agents import AgentWorld
from tests.scripted_teacher.entities import names_in, sentences
from tests.scripted_teacher.teacher import ScriptedTeacher

THINGS = ("ferry", "brine", "cider", "bell")
GAP = "____"
PROOF = "Then quote the sentence that shows it."
WEEK = "Say in which week of the year it was."
RUMOUR = "Some tell this of another valley."


def teacher():
    faults = {"edit": {"broken_json": 0.05}}
    return ScriptedTeacher(ValleyAgents(naughty=0.1), faults=faults, seed=8)


def told(text):
    return [one.strip().removeprefix("- ") for one in sentences(text)]


class ValleyAgents(AgentWorld):
    def answer(self, request):
        if "Turn this into a conversation" in request.user:
            first, *others = told(request.tag("passage"))
            return "\n".join(["- Tell me about it.", f"- {first}", "- And then?", f"- {' '.join(others)}"])
        return super().answer(request)

    @staticmethod
    def _functions(request):
        thing = next(one for one in THINGS if one in request.tag("passage"))
        day = {"name": "day", "type": "string", "description": "The day, as YYYY-MM-DD.", "required": True}
        return {
            "functions": [
                {"name": f"find_{thing}", "description": f"Says when the {thing} can be had.", "parameters": [day]},
                {"name": f"book_{thing}", "description": f"Reserves the {thing} for a day.", "parameters": [day]},
            ]
        }

    def _set(self, request):
        text, rng = request.tag("passage"), random.Random(request.key)
        if not text:
            item = super()._set(request)
            return {**item, "task": item["task"].replace(", in 1 step", "")}
        said = [one for one in told(text) if len(one.split()) > 4]
        if "with a gap" in request.user:
            name = rng.choice(names_in(text))
            sentence = next(one for one in said if name in one)
            task = f"Fill in the gap: {sentence.replace(name, GAP, 1)}"
        elif "wrong order" in request.user:
            some = rng.sample(said, 3)
            task = "In which order does the text tell this? " + " ".join(
                f"({letter}) {one}" for letter, one in zip("ABC", some, strict=True)
            )
        elif "true or false" in request.user:
            first, second = rng.sample(names_in(text), 2)
            sentence = next(one for one in said if first in one)
            task = f"True or false? {sentence.replace(first, second, 1) if rng.random() < 0.5 else sentence}"
        else:
            task = "Bring the text down to its first sentence."
        return {"skip": False, "task": task}

    @staticmethod
    def _edited(request):
        task, text = request.tag("task"), request.tag("passage") or request.tag("functions")
        if 'aim="unanswerable"' in request.user:
            return {"text": text, "task": f"{task} {WEEK}"}
        if request.tag("functions"):
            more = "I said the fourth before; forget that." if 'aim="trickier"' in request.user else "Tell me why, too."
            return {"text": text, "task": f"{task} {more}"}
        if 'aim="trickier"' in request.user:
            return {"text": f"{text} {RUMOUR}", "task": f"{task} Leave out what is only told."}
        return {"text": text, "task": f"{task} {PROOF}"}

    def _done(self, request):
        task, text = request.tag("task"), request.tag("passage")
        possible = (WEEK not in task) != self._is_naughty(request)
        if not possible:
            return {"answer": "The text names no week, so this cannot be said.", "can_be_done": False}
        answer, shown = solved(task, [one for one in told(text) if one != RUMOUR])
        proof = f' The sentence is: "{shown}"' if PROOF in task else ""
        return {"answer": f"{answer}{proof}", "can_be_done": True}

    def _called(self, request):
        if WEEK in request.tag("task"):
            return {"answer": "None of my functions tells a week.", "calls": []}
        return super()._called(request)


def solved(task, said):
    """The answer, and the sentence of the text that shows it."""
    bare = re.sub(rf" (?:{re.escape(PROOF)}|{re.escape(WEEK)}|Leave out what is only told\.)", "", task)
    if GAP in bare:
        asked = re.escape(bare.removeprefix("Fill in the gap: ")).replace(re.escape(GAP), "(.+)")
        found = next(match for one in said if (match := re.fullmatch(asked, one)))
        return f"{found[1]}.", found[0]
    if bare.startswith("In which order"):
        some = dict(re.findall(r"\(([ABC])\) (.+?)(?= \([ABC]\)|$)", bare))
        order = sorted(some, key=lambda letter: said.index(some[letter]))
        return f"{', '.join(order)}.", some[order[0]]
    if bare.startswith("True or false"):
        claim = bare.removeprefix("True or false? ")
        nearest = max(said, key=lambda one: len(set(one.split()) & set(claim.split())))
        return ("True.", claim) if claim in said else (f"False. The text says: {nearest}", nearest)
    return said[0], said[0]
