"""CHASE's scenarios: who asks and which documents hold the answer, more of them from a few, none like another.

Paper: arXiv:2502.14678. A writer is shown some scenarios of the pool and makes new ones; one stays when the mean of the
words that its persona and its collection share with any other scenario's is below 60 %. Numbers are those of the
released code, prompts are ours. A scenario is a document of two lines: the persona, and the collection. `chase_qa`
makes questions of it.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, Field

from synth_dagster.method import Family, Lifecycle, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, naming, prompt, recorded, tagged, together, written_by
from synth_dagster.parts.cards.scenarios import Scenario
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank, one_line
from synth_dagster.records import Document
from synth_dagster.services import Drop, Reply, Sampling, Teacher, Unusable


class Proposed(BaseModel):
    persona: str = Field(description="Who wants to know something, in at most ten words.")
    collection: str = Field(description="The collection of documents that this person searches, in at most ten words.")


class Proposals(Reply):
    scenarios: list[Proposed] = Field(description="The new scenarios.")


PROPOSE = prompt(
    system="You think of people who look something up, and of the documents that they search.",
    user="""
{scenarios}Each of these is a person, and a collection of many documents in which this person looks for answers.

Write this many new ones, from other walks of life, unlike these and unlike each other: <count>{count}</count>
""",
    variables="scenarios count",
)


class ChaseScenarios(PoolSynthesizer[Document, Document]):
    """What is too like another scenario, or incomplete, is eliminated with the reason."""

    paper: ClassVar[str] = "arXiv:2502.14678"
    family: ClassVar[Family] = "domain distillation"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("instruct", "eval")
    topics: ClassVar[tuple[str, ...]] = ("scenarios", "personas", "long context", "benchmark")
    proof: ClassVar[Proof] = Proof(
        "equation by hand",
        "Personas of 5/8 shared words: with the same collection the mean is 81.25 % and the scenario goes, with "
        "another one 31.25 % and it stays; no two that stay are alike to 60 %; of twelve stored ones the released "
        "code keeps the same.",
    )

    scenarios: int = Field(100, ge=1, le=100_000, description="New scenarios after which the method ends.")
    asked_for: int = Field(5, ge=1, le=50, description="Scenarios asked for in a request.")
    shown: int = Field(5, ge=1, le=50, description="Scenarios of the pool that a request shows.")
    requests_a_round: int = Field(4, ge=1, le=64, description="Requests between two comparisons.")
    most_alike: float = Field(0.6, gt=0, le=1, description="A scenario as like another as this goes.")
    patience: int = Field(3, ge=1, description="Rounds without a new scenario after which the method ends.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the writer.")
    seed: int = Field(0, ge=0, description="Another seed shows other scenarios.")

    async def round(
        self, pool: Sequence[Document], number: int, /, *, writer: Teacher
    ) -> Sequence[Sequence[Document] | Drop]:
        known = [(record, scenario) for record in pool if (scenario := _current(record))]
        made = [record for record, _ in known if "round" in record.attributes and record.method == "chase_scenarios"]
        last = max((int(str(record.attributes["round"])) for record in made), default=-1)
        if not known or len(made) >= self.scenarios or number - 1 - last >= self.patience:
            return []
        draws = stream(self.seed, known[0][0].record_id, "shown", number)
        shown = [draws.sample(known, min(self.shown, len(known))) for _ in range(self.requests_a_round)]
        said = await together(*(recorded(attempted(self._proposed(writer, ones, number))) for ones in shown))
        there = [scenario for _, scenario in known]
        return [
            naming(self._judged(there, ones, answer, number), calls)
            for ones, (answer, calls) in zip(shown, said, strict=True)
        ]

    async def _proposed(self, writer: Teacher, shown: Sequence[tuple[Document, Scenario]], number: int) -> Proposals:
        return await writer.ask(
            PROPOSE,
            into=Proposals,
            sampling=Sampling(temperature=self.temperature),
            sample=number,
            scenarios="".join(tagged("scenario", scenario.written()) for _, scenario in shown),
            count=self.asked_for,
        )

    def _judged(
        self,
        there: list[Scenario],
        shown: Sequence[tuple[Document, Scenario]],
        said: Proposals | Unusable,
        number: int,
    ) -> Sequence[Document] | Drop:
        """The scenarios of one request, in order: what is new joins those that are there at once."""
        if isinstance(said, Unusable):
            return Drop(said.reason, raw=said.raw, call=said.call)
        if not said.scenarios:
            return Drop("no_scenarios", "The writer gave no scenario.", call=said.call)
        found: list[Document] = []
        for one in said.scenarios[: self.asked_for]:
            scenario = Scenario(one_line(one.persona), one_line(one.collection))
            likeness = scenario.nearest(there)
            reason = _why_refused(scenario, likeness, self.most_alike)
            there += [] if reason else [scenario]
            found.append(
                Document(
                    body=scenario.written(),
                    parents=tuple(record for record, _ in shown),
                    attributes={"round": number, "likeness": round(likeness, 6)},
                    status="eliminated" if reason else "current",
                    reason=reason,
                    **written_by(said.call),
                )
            )
        return found


def _why_refused(scenario: Scenario, likeness: float, most_alike: float) -> str | None:
    if is_blank(scenario.persona) or is_blank(scenario.collection):
        return "incomplete"
    return "too_alike" if likeness >= most_alike else None


def _current(record: Document) -> Scenario | None:
    return Scenario.read(record) if record.status == "current" else None
