"""A judge that sorts pages: it knows what each is, reads the choices, and answers with the letter of the right one."""

import re
from collections.abc import Mapping

from tests.scripted_teacher.reading import Request


class SortingWorld:
    def __init__(self, known: Mapping[str, tuple[str, str]]) -> None:
        """`known` is text -> topic and format."""
        self._known = known

    def answer(self, request: Request) -> str | None:
        page = request.tag("page")
        if page is None:
            return None
        told = self._known.get(page)
        if told is None:
            return "I cannot say what this is."
        label = told[0] if "about?" in request.user else told[1]
        found = re.search(rf"^([A-Z]): {label.replace('_', ' ')} \(", request.system, re.MULTILINE)
        return found[1] if found else None
