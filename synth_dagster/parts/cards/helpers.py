"""Helper functions of a code base, one a document: those that run and that are not like an earlier one.

Two are alike when their names share more than 30 % of their parts and what they are for more than 20 % of its words, as
CHASE has it (arXiv:2502.14678). What a function is for stands in its docstring.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from synth_dagster.parts.mathematics.programs import bare_program, result_of
from synth_dagster.parts.similarity.similarity import jaccard
from synth_dagster.records import Document
from synth_dagster.services import Drop, Limits, Sandbox

ALIKE_NAMES = 0.3
ALIKE_OBJECTIVES = 0.2


@dataclass(frozen=True)
class Helper:
    name: str
    objective: str
    code: str
    document: Document

    def is_like(self, other: "Helper") -> bool:
        names = (one.name.replace("_", " ") for one in (self, other))
        return jaccard(*names) > ALIKE_NAMES and jaccard(self.objective, other.objective) > ALIKE_OBJECTIVES


async def helpers_of(
    documents: Sequence[Document], sandbox: Sandbox, limits: Limits
) -> tuple[list[Helper], list[Drop]]:
    """The helpers that stay, in order, and why the others do not."""
    found: list[Helper] = []
    drops: list[Drop] = []
    for document in documents:
        helper = read(document)
        reason = "no_function" if helper is None else "too_alike" if any(map(helper.is_like, found)) else None
        if helper is not None and reason is None:
            _, failed = await result_of(f"{helper.code}\n\nresult = 'defined'", sandbox, limits)
            reason = f"helper_{failed}" if failed else None
        if helper is None or reason:
            drops.append(Drop(reason or "no_function", raw=document.body))
        else:
            found.append(helper)
    return found, drops


def read(document: Document) -> Helper | None:
    """The helper of a document: the one function that its code defines; None for anything else."""
    code = bare_program(document.body)
    functions = _functions(code)
    if len(functions) != 1:
        return None
    one = functions[0]
    return Helper(one.name, ast.get_docstring(one) or "", code, document)


def defined_in(code: str) -> set[str]:
    """The functions that code defines at its top; none where it is no Python."""
    return {one.name for one in _functions(code)}


def calls_of(code: str) -> set[str]:
    """All names that code uses or imports, called or not; none where it is no Python."""
    tree = _parsed(code)
    used = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
    return used | {one.name for one in ast.walk(tree) if isinstance(one, ast.alias)}


def _functions(code: str) -> list[ast.FunctionDef]:
    return [one for one in _parsed(code).body if isinstance(one, ast.FunctionDef)]


def _parsed(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
