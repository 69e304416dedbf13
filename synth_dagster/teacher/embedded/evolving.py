"""Harder versions of an instruction that its source still answers: one more demand each time, or another question."""

import re

from synth_dagster.parts.text.words import one_line
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.grammar import lower_first
from synth_dagster.teacher.embedded.prompts import Request
from synth_dagster.teacher.embedded.questions import questions
from synth_dagster.teacher.embedded.reading import overlap, terms
from synth_dagster.teacher.embedded.writing import topic_of

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
        "Also state the exact conditions under which your answer holds.",
        "Include any restriction or exception that applies to your answer.",
        "Say precisely which part of {topic} your answer concerns and how far it reaches.",
        "Make clear what is guaranteed about {topic} and what is left open.",
    ),
    "concretise": (
        "Suppose a colleague has to decide something about {topic} and needs the exact rule.",
        "Imagine that something which concerns {topic} went wrong and the exact rule has to be found.",
        "Assume that {topic} is being described for people who are new to it.",
        "Think of a beginner who meets {topic} for the first time in practice.",
    ),
    "reason": (
        "First name the rule that applies and then draw the conclusion from it.",
        "Give the reasoning in order, from the stated rule to the final conclusion.",
        "Explain the steps between the rule and its effect before you conclude.",
        "Justify the answer by naming the rule that it follows from.",
    ),
}
_FURTHER = (
    "Which rule applies to {topic}, and what does this rule say exactly?",
    "What should a careful reader know about {topic}, stated in one precise sentence?",
    "What is laid down about {topic}, and under which conditions does this hold?",
)


def evolve(request: Request, chance: Chance) -> str:
    """A new instruction by the operation that is asked for; never the old one."""
    instruction = one_line(request.text("instruction"))
    operation = request.text("operation").strip().lower()
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
    return f"{_ended(instruction)} {demand}"


def _ended(text: str) -> str:
    return text if re.search(r"[.!?][\"')]*$", text) else f"{text}."


def broaden(instruction: str, source: str, chance: Chance) -> str:
    """Another question that the source answers, of the same topic where it has one."""
    asked = terms(instruction)
    free = [one.question for one in questions(source) if _differs(asked, terms(one.question))]
    if free:
        return chance.pick("question", free[:3])
    topics = [topic for topic in _quoted(source) if topic not in instruction] or [topic_of(source or instruction)]
    forms = [form.format(topic=lower_first(chance.pick("topic", topics))) for form in _FURTHER]
    return chance.pick("form", [form for form in forms if form != instruction])


def _quoted(text: str) -> list[str]:
    """The names that a text puts in quotes, in order of appearance."""
    return list(dict.fromkeys(re.findall(r"\"[A-Za-z_][\w.]*(?:\(\))?\"", text)))


def _differs(asked: frozenset[str], other: frozenset[str]) -> bool:
    """Whether another question has terms of its own: one without its topic in front is still the same question."""
    return overlap(other, asked) < 0.7
