"""How a text may be said again, as data: a strategy is an entry, and adding one is adding an entry.

BeyondWeb (arXiv:2508.10975) names the kinds: another format, another style, a denser text, and teaching material. What
it asked its models for is not published; the wordings are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from synth_dagster.parts.text.rewriting import STYLES

Group: TypeAlias = Literal["format", "style", "density", "teaching"]
StrategyName: TypeAlias = Literal[
    "qa",
    "dialogue",
    "instruction",
    "list",
    "conversational",
    "plain",
    "encyclopaedic",
    "summary",
    "notes",
    "lesson",
    "steps",
]


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a text is to be said again, and what the answer must look like: a pattern, or nothing."""

    group: Group
    how: str
    form: str = ""
    talks: bool = False  # as people talk with each other

    @property
    def is_denser(self) -> bool:
        """Whether the answer has to say as much in less."""
        return self.group == "density"


STRATEGIES: Mapping[StrategyName, Strategy] = {
    "qa": Strategy("format", STYLES["qa"].how, form=STYLES["qa"].form),
    "dialogue": Strategy(
        "format",
        "Turn it into a talk between two people, of whom one knows the matter and the other asks, doubts and sums up. "
        "Each turn is a paragraph that begins with 'A:' or 'B:'.",
        form=r"(?m)^A:.*\S[^\n]*\n+B:.*\S",
        talks=True,
    ),
    "instruction": Strategy(
        "format",
        "Turn it into requests that a user could make of an assistant, each on a line that begins with 'Request:', and "
        "each followed by the answer on lines that begin with 'Response:'.",
        form=r"(?m)^Request:.*\S[^\n]*\n+Response:.*\S",
    ),
    "list": Strategy(
        "format",
        "Turn it into a list of points, each on a line that begins with '- ', grouped as the matter asks for.",
        form=r"(?m)^[-*] .*\S[^\n]*\n+(?:[^\n]*\n+)?[-*] .*\S",
    ),
    "conversational": Strategy(
        "style", "Tell it as one tells it to a friend: say you and I, ask and answer on the way.", talks=True
    ),
    "plain": Strategy("style", "Write it for readers without previous knowledge, in short sentences and common words."),
    "encyclopaedic": Strategy("style", "Write it as an entry of a good encyclopaedia, in even and impersonal prose."),
    "summary": Strategy(
        "density", "Sum it up in at most half as many words. Keep what it rests on, above all figures."
    ),
    "notes": Strategy("density", "Reduce it to notes: facts only, no sentence that says nothing new, no filler."),
    "lesson": Strategy(
        "teaching",
        "Make it a short lesson: what is to be learnt, each term explained when it first comes, then the matter in an "
        "order in which it is understood, and at the end a line that begins with 'To remember:'.",
        form=r"(?m)^\W*To remember:.*\S",
    ),
    "steps": Strategy(
        "teaching",
        "Arrange it in numbered steps that each rest on the one before, '1.', '2.' and so on, with a reason for each.",
        form=r"(?ms)^1\..*\S.*^2\..*\S",
    ),
}


def drawn(names: Sequence[StrategyName], number: int, talking: float, rng: Random) -> list[StrategyName]:
    """So many different strategies; each is with a probability one of those that talk, and among its kind any."""
    left: dict[bool, list[StrategyName]]
    left = {talks: [name for name in names if STRATEGIES[name].talks == talks] for talks in (True, False)}
    found: list[StrategyName] = []
    while len(found) < min(number, len(names)):
        wanted = rng.random() < talking
        pool = left[wanted] or left[not wanted]
        found.append(pool.pop(rng.randrange(len(pool))))
    return found
