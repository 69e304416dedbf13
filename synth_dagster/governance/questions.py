"""The fifteen questions that an audit of lineage must answer, and the answers for a release, from its facts alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from synth_dagster.governance import answers_control as control
from synth_dagster.governance import answers_origin as origin
from synth_dagster.governance import answers_retention as retention
from synth_dagster.governance.answer import Answer, State
from synth_dagster.governance.report_facts import ReleaseFacts


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what answers it."""

    asked: str
    answer: Callable[[ReleaseFacts], Answer]


QUESTIONS = (
    Question("Where does it come from?", origin.origin),
    Question("Which steps made it, with which settings and prompts?", origin.steps),
    Question("Which models wrote it, and how were they asked?", origin.models),
    Question("Which licence and consent does it have, and what did it come from?", origin.licences),
    Question("If a source is withdrawn, what is affected?", origin.withdrawal),
    Question("How synthetic is it?", origin.synthetic),
    Question("Which checks ran, and what did they find?", control.checks),
    Question("Is it contaminated with benchmarks?", control.contamination),
    Question("Does it hold personal data?", control.personal),
    Question("Which varieties did the rules keep less of?", retention.retention),
    Question("What exactly is it, to the byte?", control.exact_bytes),
    Question("Can it be made again?", control.rebuild),
    Question("When was it collected, by whom, and how often?", control.people),
    Question("Which column comes from which?", control.columns),
    Question("What was not used, and why?", control.unused),
)


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its number and its answer."""

    number: int
    asked: str
    answer: Answer


def answered(facts: ReleaseFacts) -> list[Answered]:
    """All of them, in their order."""
    return [Answered(number, one.asked, one.answer(facts)) for number, one in enumerate(QUESTIONS, start=1)]


def completeness(found: Sequence[Answered]) -> dict[State, int]:
    """How many were answered, how many partly, and how many not."""
    states = [one.answer.state for one in found]
    return {state: states.count(state) for state in ("answered", "partly", "not known")}


def not_known(found: Sequence[Answered]) -> dict[str, list[int]]:
    """What nobody knows -> the numbers of the questions that it is about."""
    told: dict[str, list[int]] = {}
    for one in found:
        for gap in one.answer.unknown:
            told.setdefault(gap, []).append(one.number)
    return told


def audit_json(facts: ReleaseFacts) -> dict[str, Any]:
    """The facts and the fifteen answers, for programs."""
    found = answered(facts)
    return {
        "dataset": facts.about.dataset,
        "release": facts.about.release,
        "demo": facts.about.demo,
        "approval": facts.approval.as_json(),
        "completeness": completeness(found),
        "questions": [{"number": one.number, "question": one.asked, **one.answer.as_json()} for one in found],
        "not_known": list(not_known(found)),
        "facts": facts.as_json(),
    }
