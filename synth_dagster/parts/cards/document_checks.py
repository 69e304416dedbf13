"""CHASE's look at documents (arXiv:2502.14678): what one says in answer to a question, compared and repaired."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from synth_dagster.parts.asking.calls import prompt, tagged
from synth_dagster.parts.text.words import is_blank
from synth_dagster.services import Call, Reply, Sampling, Teacher

CHECKING = Sampling(temperature=0.0, max_tokens=4_096)


class Found(Reply):
    points: list[str] = Field(description="All that the document says in answer to the question; empty if nothing.")


class Compared(Reply):
    missing: list[int] = Field(description="The numbers of the points that were not found.")
    extra: list[str] = Field(description="What was found and is none of the points.")


class Repaired(Reply):
    text: str = Field(description="The whole document, repaired.")


ANSWER = prompt(
    user="""
{question}{document}What does this document say in answer to the question? Give each point as one sentence, and
nothing that does not stand there.
""",
    variables="question document",
)
COMPARE = prompt(
    user="""
{question}{points}{found}Which of the points were not found? And what was found that answers the question and is none
of them?
""",
    variables="question points found",
)
REPAIR = prompt(
    user="""
{question}{document}{add}{remove}Work into the document what is to be added, and take out what is to be removed.
Nothing else changes.
""",
    variables="question document add remove",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A question, the points that each of its documents holds, and these documents once they are written."""

    question: str
    points: tuple[tuple[str, ...], ...]
    call: Call | None = None
    texts: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def all_points(self) -> list[str]:
        return [point for points in self.points for point in points]

    def why_nothing(self) -> str | None:
        return "incomplete" if is_blank(self.question) or not self.all_points else None

    def without(self, points: frozenset[str]) -> "Draft":
        left = [tuple(one for one in held if one not in points) for held in self.points]
        return replace(self, points=tuple(held for held in left if held))


@dataclass(frozen=True, slots=True)
class DocumentChecks:
    """Who repairs documents, and who says what they answer."""

    writer: Teacher
    verifier: Teacher

    async def relevant(self, draft: Draft, place: int) -> tuple[str, str | None]:
        """A document that holds its points and nothing more that answers; what is still wrong after the repair."""
        text = draft.texts[place]
        missing, extra = await self._differences(draft, place, text)
        if not missing and not extra:
            return text, None
        text = await self._repaired(draft, text, add=missing, remove=extra)
        missing, extra = await self._differences(draft, place, text)
        return text, "point_missing" if missing else "extra_point" if extra else None

    async def _differences(self, draft: Draft, place: int, text: str) -> tuple[list[str], list[str]]:
        points = list(draft.points[place])
        found = await self._found(draft, text)
        if not found:
            return points, []
        said = await self.verifier.ask(
            COMPARE,
            into=Compared,
            sampling=CHECKING,
            question=question_of(draft),
            points=numbered(points),
            found=tagged("found", "\n".join(found)),
        )
        return [points[number - 1] for number in said.missing if 1 <= number <= len(points)], said.extra

    async def harmless(self, draft: Draft, text: str) -> str | None:
        """A misleading document that does not answer the question; None where it still does after the repair."""
        found = await self._found(draft, text)
        if not found:
            return text
        text = await self._repaired(draft, text, add=[], remove=found)
        return None if await self._found(draft, text) or is_blank(text) else text

    async def _found(self, draft: Draft, text: str) -> list[str]:
        said = await self.verifier.ask(
            ANSWER, into=Found, sampling=CHECKING, question=question_of(draft), document=tagged("document", text)
        )
        return [point for point in said.points if not is_blank(point)]

    async def _repaired(self, draft: Draft, text: str, *, add: Sequence[str], remove: Sequence[str]) -> str:
        said = await self.writer.ask(
            REPAIR,
            into=Repaired,
            sampling=CHECKING,
            question=question_of(draft),
            document=tagged("document", text),
            add=tagged("add", "\n".join(add)),
            remove=tagged("remove", "\n".join(remove)),
        )
        return said.text


def question_of(draft: Draft) -> str:
    return tagged("question", draft.question)


def numbered(points: Sequence[str]) -> str:
    return tagged("points", "\n".join(f"{number}. {point}" for number, point in enumerate(points, 1)))
