"""A judge says of a sample of documents how much they teach, on a rubric of 0 to 5 points.

Papers: arXiv:2406.17557 (FineWeb-Edu, points that add up), arXiv:2501.08197 (OpenCSG, for Chinese); the prompts are
ours. `attributes["edu_rubric"]` has the score and the reasons: what `fineweb_edu` and `opencsg_edu` learn from. A
document stays whatever is said of it, and one whose judgment has no score has none.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Refiner
from synth_dagster.parts.asking.calls import attempted, tagged
from synth_dagster.parts.asking.rubrics import RUBRICS, RubricName, score_of
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Json
from synth_dagster.services import Answer, Teacher, Unusable

PROMPTS: Mapping[RubricName, Prompt] = {name: rubric.prompt for name, rubric in RUBRICS.items()}


class EduRubric(Refiner[Document]):
    """`votes` calls for each document of the sample, none for the others."""

    paper = "arXiv:2406.17557"
    family: ClassVar[Family] = "labelling"
    topics: ClassVar[tuple[str, ...]] = ("FineWeb-Edu", "educational value", "LLM annotation", "quality labels")
    proof = Proof(
        "interpretation",
        "The score of 50 forms of judgment; a sample of the set share; calls are votes times the sample; no document "
        "is lost by what a judge says",
    )

    rubric: RubricName = Field("fineweb_edu", description="Whose rubric: in English, or in Chinese for Chinese pages.")
    share: float = Field(0.1, gt=0, le=1, description="Share of the documents that is judged, drawn by record id.")
    votes: int = Field(
        1, ge=1, le=9, description="Judgments of a document, whose mean is its score; 2 steady a judge that is sampled."
    )
    seed: int = Field(0, ge=0, description="Seed of the sample.")

    async def refine(self, record: Document, /, *, judge: Teacher) -> Document:
        drawn = stream(self.seed, record.record_id, "edu_rubric").random() < self.share
        if not drawn or is_blank(record.body):
            return record
        rubric = RUBRICS[self.rubric]
        page = tagged("page", record.body[: rubric.characters])
        judgments = [
            await attempted(judge.tell(PROMPTS[self.rubric], sampling=rubric.sampling, sample=vote, page=page))
            for vote in range(self.votes)
        ]
        return record.but(attributes={**record.attributes, "edu_rubric": self._told(judgments)})

    def _told(self, judgments: Sequence[Answer | Unusable]) -> dict[str, Json]:
        scores = [score_of(one) if isinstance(one, Answer) else None for one in judgments]
        given = [score for score in scores if score is not None]
        answers = [one for one in judgments if isinstance(one, Answer)]
        return {
            "rubric": self.rubric,
            "score": round(sum(given) / len(given), 4) if given else None,
            "scores": list(scores),
            "judgments": [one.text for one in answers],
            "unusable": [one.reason for one in judgments if isinstance(one, Unusable)],
            "judge": answers[0].call.model_id if answers else None,
        }
