"""Four lessons and what can be made of them; some drafts have a flaw that a critic sees, or an invented quotation."""

import json
from pathlib import Path
from typing import Any

from synth_dagster.records import Document, digest
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

LESSONS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
FLAW = " As everybody knows."
_SHOWS_WHY = ("because", "therefore", "so ")


def passages(count: int = len(LESSONS)) -> list[Document]:
    """The lessons, over and over, and each time under another title."""
    return [
        Document(body=one["text"], title=_titled(place), record_id=digest("lesson", place), source="lessons", stage="a")
        for place, one in ((place, LESSONS[place % len(LESSONS)]) for place in range(count))
    ]


def _titled(place: int) -> str:
    again, lesson = divmod(place, len(LESSONS))
    return LESSONS[lesson]["title"] + (f", {again + 1}" if again else "")


class LessonWorld:
    """`flawed` of the drafts have a flaw, `invented` of the quotations stand nowhere.

    A revision takes the flaw out in a share `skill` of all tries, and adds another one in a share `worse`.
    """

    def __init__(self, *, flawed: float = 0.0, invented: float = 0.0, skill: float = 1.0, worse: float = 0.0) -> None:
        self.flawed, self.invented, self.skill, self.worse = flawed, invented, skill, worse

    def answer(self, request: Request) -> dict[str, Any] | None:
        if request.task == "seed_scores":
            return dict.fromkeys(("educational", "factual", "reasoning"), self._worth(request.tag("passage")))
        if request.task == "rubric":
            return self._criticised(request.tag("material"))
        if request.task == "questions":
            return {"items": self._steps(request)}
        return {"turns": self._turns(request)} if request.task == "turns" else None

    @staticmethod
    def _worth(text: str) -> int:
        return 4 if sum(text.count(word) for word in _SHOWS_WHY) >= 2 else 1

    @staticmethod
    def _criticised(material: str) -> dict[str, Any]:
        flaws = material.count(FLAW.strip())
        critique = "Take out what is said to be known to everybody." if flaws else "Nothing is wrong."
        return {"critique": critique} | dict.fromkeys(("reasoning", "accuracy", "grounding"), max(1, 5 - 2 * flaws))

    def _steps(self, request: Request) -> list[dict[str, str]]:
        lesson = _lesson(request)
        return [
            {
                "question": step["question"],
                "answer": step["answer"] + self._flaw(request, step["question"]),
                "evidence": self._quoted(request, step),
            }
            for step in lesson["steps"][: int(request.tag("count"))]
        ]

    def _quoted(self, request: Request, step: dict[str, str]) -> str:
        return (
            "Everybody knows it." if share(request.key, "quote", step["question"]) < self.invented else step["evidence"]
        )

    def _flaw(self, request: Request, purpose: str) -> str:
        return FLAW if share(request.key, "flaw", purpose) < self.flawed else ""

    def _turns(self, request: Request) -> list[dict[str, str]]:
        if material := request.tag("material"):
            return self._improved(request, material)
        kinds = {"Make one exercise": "exercise", "Make a discussion": "discussion", "Make one question": "reasoning"}
        kind = next(name for words, name in kinds.items() if words in request.user)
        turns = [dict(turn) for turn in _lesson(request)[kind]]
        turns[-1]["answer"] += self._flaw(request, kind)
        return turns

    def _improved(self, request: Request, material: str) -> list[dict[str, str]]:
        better = material.replace(FLAW, "") if share(request.key, "skill") < self.skill else material
        better += FLAW if share(request.key, "worse") < self.worse else ""
        pairs = (piece.partition("\nAnswer: ") for piece in better.removeprefix("Question: ").split("\n\nQuestion: "))
        return [{"question": question, "answer": answer} for question, _, answer in pairs]


def _lesson(request: Request) -> dict[str, Any]:
    return next(one for one in LESSONS if one["text"] == request.tag("passage"))
