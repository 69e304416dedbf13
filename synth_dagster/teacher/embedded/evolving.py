"""Harder versions of an instruction that its source still answers: one more demand each time, or another question."""

import re

from synth_dagster.parts.text.words import one_line
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.grammar import clause_of, hidden, is_hanging, lower_first, upper_first
from synth_dagster.teacher.embedded.phrases import is_generic, split_condition
from synth_dagster.teacher.embedded.prompts import Request
from synth_dagster.teacher.embedded.questions import questions
from synth_dagster.teacher.embedded.reading import overlap, terms
from synth_dagster.teacher.embedded.statements import ended, is_of_something
from synth_dagster.teacher.embedded.writing import documented_in, topic_of

# Each demand can be met by quoting the source, and adds 5 to 20 words.
DEMANDS = {
    "constraint": (
        "Answer in one complete sentence and keep to the exact terms.",
        "Use no more than sixty words and do not add any example.",
        "State only what is certain and leave out every guess.",
        "Name everything that is involved by its exact name.",
        "Keep every condition and exception that belongs to the rule.",
    ),
    "deepen": (
        "Give the answer together with every condition that belongs to it, if there are any.",
        "Include any restriction or exception that applies to your answer.",
        "Answer so exactly that nobody who works with {topic} has to look it up again.",
        "Go as far into {topic} as the rule itself goes, and not one step further.",
    ),
    "concretise": (
        "Suppose a colleague has to decide something about {topic} and needs the exact rule.",
        "Imagine that something with {topic} went wrong and the exact rule has to be found.",
        "Assume that the answer is for people who are new to {topic}.",
        "Think of a beginner who meets {topic} for the first time in practice.",
    ),
    "reason": (
        "Justify the answer by naming the rule that it follows from.",
        "Name the rule that leads to the answer, and not the answer alone.",
        "State the rule that decides this, so that the conclusion can be checked against it.",
        "Give the rule in full, so that a reader can follow why the answer is right.",
    ),
}
_FURTHER = (
    "what is worth knowing about {topic}?",
    "what should a beginner know about {topic}?",
    "what do the rules say about {topic}?",
)


def evolve(request: Request, chance: Chance) -> str:
    """A new instruction by the operation that is asked for; never the old one."""
    instruction = one_line(request.text("instruction"))
    operation, chance = request.text("operation").strip().lower(), chance.about(instruction)
    if operation == "breadth":
        return broaden(instruction, request.source, chance)
    return deepened(instruction, operation if operation in DEMANDS else "constraint", chance)


def deepened(instruction: str, operation: str, chance: Chance) -> str:
    """The instruction with one demand more that it does not make yet."""
    topic = topic_of(instruction)
    own = [demand.format(topic=topic) for demand in DEMANDS[operation]]
    other = [demand.format(topic=topic) for demands in DEMANDS.values() for demand in demands]
    free = [demand for demand in own if demand not in instruction] or [one for one in other if one not in instruction]
    demand = chance.pick("demand", free or own)
    if operation == "concretise" and demand in own:
        return f"{demand} {instruction}"
    return f"{ended(instruction)} {demand}"


def broaden(instruction: str, source: str, chance: Chance) -> str:
    """Another question that the source answers, of the same topic where it has one."""
    asked, place = terms(instruction), place_of(instruction)
    free = [one.question for one in questions(source, place) if _differs(asked, terms(one.question))]
    if free:
        return chance.pick("question", free[:3])
    named = documented_in(instruction)
    topic = named if named and is_of_something(source) else chance.pick("topic", _things(source) or [topic_of(source)])
    lead = _LEAD.match(instruction)
    before = lead.group() if lead and not terms(topic) & terms(place) else ""
    forms = [upper_first(before + form.format(topic=lower_first(topic))) for form in _FURTHER]
    return chance.pick("form", [form for form in forms if form != instruction])


_LEAD = re.compile(r"(?:In Python|(?:Regarding|For|With Python's) .{3,60}?), (?=\w+ )")


def place_of(instruction: str) -> str:
    """What an instruction puts in front of its question, as a heading has it: the name or topic that it belongs to."""
    placed = re.match(r"(?:Regarding|For|With Python's) (.{3,60}?)(?: in Python)?, (?=\w+ )", instruction)
    return placed.group(1) if placed else documented_in(instruction)


# a thing with its article, up to the word that goes on about it
_THING = re.compile(
    r"\b(?:the|an?) ((?:[\w'-]+ ){1,3}?[\w'-]+)(?= (?:of|in|is|are|was|where|that|which|with|to|for|by|on)\b|[.,;:])"
)


def _things(text: str) -> list[str]:
    """What a sentence speaks of: its subject, or that of its condition; else names in quotes; else things."""
    plain = re.sub(r"[“‘](\"[^\"]*\")[”’]", r"\1", one_line(text).replace("*", ""))
    plain = upper_first(re.sub(r"^(?:Unlike|In contrast to) [^,]+, ", "", plain))
    found = re.match(r"(?:If|When) (.+)$", plain)
    split = split_condition(found.group(1)) if found else None
    clause = clause_of(upper_first(split[0]) if split else plain)
    if clause and not is_hanging(clause.subject) and not is_generic(clause.subject):
        return [clause.subject]
    named = re.findall(r"\"[A-Za-z_][\w.]*(?:\(\))?\"", plain)
    things = [f"the {thing}" for thing in _THING.findall(hidden(plain)) if not is_hanging(thing) and "_" not in thing]
    return list(dict.fromkeys(named or things))


def _differs(asked: frozenset[str], other: frozenset[str]) -> bool:
    """Whether another question has terms of its own: one without its topic in front is still the same question."""
    return overlap(other, asked) < 0.7
