"""Ten small functions: the task of each, calls of it, and the same function as somebody else would write it."""

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth_dagster.records import Document, digest
from tests.scripted_teacher.reading import Request

KNOWN = {one["name"]: one for one in json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))}
_SHIPPED = Path(__file__).parents[2] / "recipes/gallery/worlds/snippets.jsonl"


def snippets() -> list[Document]:
    rows = [json.loads(line) for line in _SHIPPED.read_text(encoding="utf-8").splitlines()]
    return [Document(body=row["text"], record_id=digest("snippet", row["id"]), stage="a") for row in rows]


def name_of(code: str) -> str:
    return next(one.name for one in ast.parse(code).body if isinstance(one, ast.FunctionDef))


class SnippetWorld:
    """`planted` says by the name of a function what is wrong with its pair.

    other: the task is that of another function. near: the code that comes back differs for one call. endless: it never
    ends. few: there are hardly any calls. blank: there is no task.
    """

    def __init__(self, planted: Mapping[str, str] | None = None) -> None:
        self.planted = planted or {}

    def answer(self, request: Request) -> dict[str, Any] | None:
        if request.task == "reverse":
            return self._reversed(name_of(request.tag("code")))
        return {"program": self._solved(request.tag("task"))} if request.task == "program" else None

    def _reversed(self, name: str) -> dict[str, Any]:
        known, fault = KNOWN[name], self.planted.get(name)
        names = list(KNOWN)
        other = KNOWN[names[(names.index(name) + 1) % len(names)]]
        task = {"other": other["task"], "blank": " "}.get(fault or "", known["task"])
        calls = [f"{name}(x)", "__import__('os').getcwd()", *known["calls"][:1]] if fault == "few" else known["calls"]
        return {"task": task, "calls": calls}

    def _solved(self, task: str) -> str:
        known = next(one for one in KNOWN.values() if one["task"] == task)
        name, sound = known["name"], known["solution"]
        fault = self.planted.get(name)
        if fault == "endless":
            return f"def {name}(*values):\n    while True:\n        pass"
        if fault == "near":
            first = known["calls"][0].removeprefix(name)
            first = first if first.endswith(",)") else f"{first[:-1]},)"
            odd = f"return 'other' if values == {first} else _sound(*values)"
            return f"{sound}\n\n_sound = {name}\n\ndef {name}(*values):\n    {odd}"
        return f"```python\n{sound}\n```"
