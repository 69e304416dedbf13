"""phi-4's seeds: passages stay that a judge finds worth learning from, true to facts, and full of reasoning.

Paper: arXiv:2412.08905, section 2.2, which gives principles and neither prompt nor threshold: both are ours. A page's
worth for learning and a passage's facts and reasoning are scored in one call; splitting into passages is the recipe's
`chunk`. Scores stay with the passage.
"""

from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Refiner
from synth_dagster.parts.asking.calls import prompt, tagged
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document
from synth_dagster.services import Drop, Reply, Sampling, Teacher

JUDGING = Sampling(temperature=0.0, max_tokens=256)
LONGEST = 20_000  # characters: what is longer is a page, to be cut by the recipe


class Scores(Reply):
    educational: int = Field(ge=0, le=5, description="How much somebody learns from it, from 0 to 5.")
    factual: int = Field(ge=0, le=5, description="How much of it is checkable fact, from 0 to 5.")
    reasoning: int = Field(ge=0, le=5, description="How much is shown why or how something follows, from 0 to 5.")


SCORE = prompt(
    system="You choose passages that exercises for advanced students can be made of.",
    user="""
{passage}Score this passage from 0 to 5 in three ways. Educational: a student learns something that is worth knowing.
Factual: it states facts that can be checked, and they are right. Reasoning: it shows how something follows from
something else, in steps. Advertising, menus and small talk get 0 in all three.
""",
    variables="passage",
)


class Phi4Seeds(Refiner[Document]):
    paper: ClassVar[str] = "arXiv:2412.08905"
    family: ClassVar[Family] = "curation"
    topics: ClassVar[tuple[str, ...]] = ("seed selection", "passages", "rubric", "quality")
    proof: ClassVar[Proof] = Proof(
        "planted signal", "Of planted passages without facts or reasoning all are dropped, of others none."
    )

    min_educational: int = Field(3, ge=0, le=5, description="Least worth for learning; the report gives no number.")
    min_factual: int = Field(3, ge=0, le=5, description="Least score for facts; the report gives no number.")
    min_reasoning: int = Field(3, ge=0, le=5, description="Least score for reasoning; the report gives no number.")

    async def refine(self, record: Document, /, *, judge: Teacher) -> Document | Drop:
        if is_blank(record.body):
            return Drop("blank_passage")
        if len(record.body) > LONGEST:
            return Drop(
                "too_long", f"A passage has at most {LONGEST:,} characters: let the source cut it with 'chunk'."
            )
        said = await judge.ask(
            SCORE, into=Scores, sampling=JUDGING, passage=tagged("passage", record.body, title=record.title)
        )
        scores = {"educational": said.educational, "factual": said.factual, "reasoning": said.reasoning}
        least = {
            "educational": self.min_educational,
            "factual": self.min_factual,
            "reasoning": self.min_reasoning,
        }
        low = next((name for name, score in scores.items() if score < least[name]), None)
        if low:
            return Drop(f"not_{low}", raw=said.model_dump_json(), call=said.call)
        return record.but(attributes={**record.attributes, "rubric_scores": scores})
