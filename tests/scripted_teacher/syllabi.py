"""A world of courses: five subjects in a discipline, six sessions in a subject, five key concepts in a session.

Free text is written first, one line for each subject or session, and a second request has it read back.
"""

import re
from typing import Any

from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

SUBJECTS, SESSIONS, CONCEPTS = 5, 6, 5


class SyllabusWorld:
    """`without` names subjects of which there is no syllabus; each listing names three of the five subjects."""

    def __init__(self, *, without: frozenset[str] = frozenset()) -> None:
        self.without = without

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        if request.task == "subjects":
            return {"subjects": [self._subject(line) for line in _lines(request.tag("list"))]}
        if request.task == "syllabus":
            return {"sessions": [self._session(line) for line in _lines(request.tag("syllabus"))]}
        if "List the subjects" in request.user:
            return self._listed(request)
        if "Write a syllabus" in request.user:
            return self._planned(request.tag("subject"))
        if "question of homework" in request.user:
            concepts = ", ".join(request.tag("concepts").splitlines())
            return f"How do these depend on each other: {concepts}? (Case {request.key.hex()[:8]})"
        if request.user.startswith("How do these depend"):
            return f"Each rests on the one before it: {request.user.partition(': ')[2].partition('?')[0]}."
        return None

    @staticmethod
    def _listed(request: Request) -> str:
        name = request.tag("discipline").splitlines()[0]
        first = int(SUBJECTS * share(request.key, "first"))
        numbers = [(first + step) % SUBJECTS for step in range(3)]
        return "\n".join(f"- {name} {number + 1} (year {number + 1}): basics, practice" for number in numbers)

    def _planned(self, subject: str) -> str:
        if subject in self.without:
            return "This subject is learnt at work."
        return "\n".join(
            f"- {subject}, session {session}: "
            + ", ".join(f"{subject} concept {session}.{concept}" for concept in range(1, CONCEPTS + 1))
            for session in range(1, SESSIONS + 1)
        )

    @staticmethod
    def _subject(line: str) -> dict[str, Any]:
        name, level, subtopics = re.fullmatch(r"- (.+) \((.+)\): (.+)", line).groups()
        return {"name": name, "level": level, "subtopics": subtopics.split(", ")}

    @staticmethod
    def _session(line: str) -> dict[str, Any]:
        name, concepts = re.fullmatch(r"- (.+?): (.+)", line).groups()
        return {"name": name, "concepts": concepts.split(", ")}


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("- ")]
