"""A judge says of a sample of pages what they are about and what form they have, each one of 24.

Paper: arXiv:2502.10341 (WebOrganizer); the prompts are ours. The paper reads the probabilities of the letters; where an
endpoint gives none, votes over other orders of the choices are shares too. `attributes["weborganizer"]` has them: what
`weborganizer` learns from. A page stays whatever is said of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Refiner
from synth_dagster.parts.asking.calls import attempted, tagged
from synth_dagster.parts.pages.web_domains import ASKED, MOST_CHARACTERS, ORDERS, SIDES, Side
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Json
from synth_dagster.services import Answer, Sampling, Teacher, Unusable

PROMPTS: Mapping[str, Prompt] = {f"{side} {order}": asked.prompt for (side, order), asked in ASKED.items()}
_LETTER = Sampling(temperature=0.0, max_tokens=16)


class WeborganizerLabels(Refiner[Document]):
    """`2 * votes` calls for each document of the sample, none for the others."""

    paper = "arXiv:2502.10341"
    family: ClassVar[Family] = "labelling"
    topics: ClassVar[tuple[str, ...]] = ("topic", "format", "taxonomy", "LLM annotation", "domains")
    proof = Proof(
        "interpretation",
        "Every label is found whatever the order of the choices; an answer that is no letter is none; calls are twice "
        "the votes times the sample; no document is lost by what a judge says.",
    )

    share: float = Field(0.1, gt=0, le=1, description="Share of the documents that is judged, drawn by record id.")
    votes: int = Field(1, ge=1, le=ORDERS, description="Judgments of each side, each over another order of choices.")
    seed: int = Field(0, ge=0, description="Seed of the sample and of the orders.")

    async def refine(self, record: Document, /, *, judge: Teacher) -> Document:
        rng = stream(self.seed, record.record_id, "weborganizer")
        if rng.random() >= self.share or is_blank(record.body):
            return record
        first = rng.randrange(ORDERS)
        shown = f"{record.url}\n\n{record.body}" if record.url else record.body
        page = tagged("page", shown[:MOST_CHARACTERS])
        told: dict[str, Json] = {}
        for side in SIDES:
            answers = [
                await attempted(judge.tell(ASKED[side, order].prompt, sampling=_LETTER, page=page))
                for order in self._orders(first)
            ]
            told |= _told(side, self._orders(first), answers)
        return record.but(attributes={**record.attributes, "weborganizer": told})

    def _orders(self, first: int) -> list[int]:
        return [(first + vote) % ORDERS for vote in range(self.votes)]


def _told(side: Side, orders: Sequence[int], answers: Sequence[Answer | Unusable]) -> dict[str, Json]:
    """The shares of labels, and how many answers were none."""
    labels = [
        ASKED[side, order].label_of(answer) if isinstance(answer, Answer) else None
        for order, answer in zip(orders, answers, strict=True)
    ]
    votes = Counter(label for label in labels if label is not None)
    shares = {label: round(count / votes.total(), 4) for label, count in sorted(votes.items())}
    judge = next((answer.call.model_id for answer in answers if isinstance(answer, Answer)), None)
    return {side: shares, f"{side}_without": len(labels) - votes.total(), "judge": judge}
