"""What UltraFeedback says about a completion: the shapes of the replies, and the completion that carries them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from pydantic import BaseModel, Field

from synth_dagster.parts.asking.calls import why_unusable
from synth_dagster.parts.asking.preferring import mean
from synth_dagster.prompt import Prompt
from synth_dagster.services import Answer, Call, Reply, Unusable


class Rating(BaseModel):
    rating: int | None = Field(ge=1, le=5, description="1 to 5 on the scale, or null where it is not applicable.")
    rationale: str = Field(description="Why, in one or two sentences.")


class Ratings(Reply):
    ratings: list[Rating] = Field(description="One for each text, in the order of their ids.")


class Critique(Reply):
    critique: str = Field(description="The feedback to the author.")
    overall_score: int = Field(ge=1, le=10, description="The overall score, 1 to 10.")


class Overall(Reply):
    overall_score: int = Field(ge=1, le=10, description="The overall score, 1 to 10.")


class Place(NamedTuple):
    """Who writes one completion, and under which principle."""

    model: str
    sample: int
    principle: str
    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One model's text, and what the judge made of it so far."""

    model: str
    principle: str
    text: str
    call: Call
    ratings: Mapping[str, Rating] = field(default_factory=dict)
    critique: str = ""
    overall: int | None = None

    @classmethod
    def of(cls, place: Place, answer: Answer) -> Self:
        return cls(model=place.model, principle=place.principle, text=answer.text.strip(), call=answer.call)

    @property
    def fine(self) -> float | None:
        return mean([rating.rating for rating in self.ratings.values()])


def why_left_out(answer: Answer, kept: Mapping[str, object]) -> str:
    """Why a completion cannot take part, or an empty string."""
    return why_unusable(answer) or ("repeated" if answer.text.strip() in kept else "")


def with_critique(completion: Completion, critique: Critique | Unusable) -> Completion:
    """The completion with its critique; an unusable one leaves it without an overall score."""
    if isinstance(critique, Unusable):
        return completion
    return replace(completion, critique=critique.critique, overall=critique.overall_score)


def rationale(chosen: Completion, rejected: Completion) -> str:
    """Why the judge preferred it: the aspects in which the two differ, with the words of the judge on both."""
    lines = [
        f"{aspect}: {mark.rating} against {other.rating}. Chosen: {mark.rationale} Rejected: {other.rationale}"
        for aspect, mark in chosen.ratings.items()
        if (other := rejected.ratings[aspect]).rating != mark.rating
    ]
    critiques = [
        f"{name}: {text}" for name, text in (("Chosen", chosen.critique), ("Rejected", rejected.critique)) if text
    ]
    return "\n".join(lines + critiques)
