"""Helper functions of a code base, one a document: those that run and that are not like an earlier one.

Two are alike when their names share more than 30 % of their parts and what they are for more than 20 % of its words, as
CHASE has it (arXiv:2502.14678). What a function is for stands in its docstring.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from weakref import WeakKeyDictionary

from synth_dagster.parts.asking.calls import tagged, together
from synth_dagster.parts.mathematics.programs import bare_program, result_of
from synth_dagster.parts.similarity.short_texts import tokens
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop, Limits, Sandbox

ALIKE_NAMES = 0.3
ALIKE_OBJECTIVES = 0.2
MOST_KNOWN = 100_000  # verdicts that are kept in memory


@dataclass(frozen=True)
class Function:
    name: str
    objective: str
    code: str

    @cached_property
    def name_words(self) -> frozenset[str]:
        return frozenset(tokens(self.name.replace("_", " ")))

    @cached_property
    def objective_words(self) -> frozenset[str]:
        return frozenset(tokens(self.objective))

    def is_like(self, other: "Function") -> bool:
        if _shared(self.name_words, other.name_words) <= ALIKE_NAMES:
            return False
        return _shared(self.objective_words, other.objective_words) > ALIKE_OBJECTIVES


@dataclass(frozen=True)
class Helper:
    function: Function
    document: Document

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def code(self) -> str:
        return self.function.code


class KnownFunctions:
    """Functions, asked whether one like another is among them; compared are those that share a part of the name."""

    def __init__(self, functions: Iterable[Function] = ()) -> None:
        self._with: defaultdict[str, list[Function]] = defaultdict(list)
        for one in functions:
            self.add(one)

    def add(self, function: Function) -> None:
        for word in function.name_words:
            self._with[word].append(function)

    def has_like(self, function: Function) -> bool:
        return any(function.is_like(one) for word in function.name_words for one in self._with.get(word, ()))


async def helpers_of(
    documents: Sequence[Document], sandbox: Sandbox, limits: Limits
) -> tuple[list[Helper], list[Drop]]:
    """The helpers that stay, in order, and why the others do not. Each is run once, however often this is asked."""
    functions = [function_of(one.body) for one in documents]
    failed = await together(*(_why_undefined(one, sandbox, limits) for one in functions))
    found, drops, known = list[Helper](), list[Drop](), KnownFunctions()
    for document, function, why in zip(documents, functions, failed, strict=True):
        is_known = function is not None and known.has_like(function)
        if function is None or why or is_known:
            drops.append(Drop(why or "too_alike", raw=document.body))
            continue
        known.add(function)
        found.append(Helper(function, document))
    return found, drops


async def _why_undefined(function: Function | None, sandbox: Sandbox, limits: Limits) -> str | None:
    if function is None:
        return "no_function"
    failed = await why_it_fails(f"{function.code}\n\nresult = 'defined'", sandbox, limits)
    return f"helper_{failed}" if failed else None


_verdicts: WeakKeyDictionary[Sandbox, dict[bytes, str | None]] = WeakKeyDictionary()


async def why_it_fails(program: str, sandbox: Sandbox, limits: Limits) -> str | None:
    """Why a program that sets `result` does not come to its end, or None. A sandbox is asked once: it says the same."""
    known = _verdicts.setdefault(sandbox, {})
    key = digest(program, limits.cpu_s)
    if key not in known:
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[key] = (await result_of(program, sandbox, limits))[1]
    return known[key]


@lru_cache(maxsize=16_384)
def function_of(text: str) -> Function | None:
    """The one function that a text defines, in a code fence or without; None for anything else."""
    code = bare_program(text)
    functions = _functions(code)
    if len(functions) != 1:
        return None
    one = functions[0]
    return Function(one.name, ast.get_docstring(one) or "", code)


def as_shown(codes: Iterable[str]) -> str:
    """Helpers as a teacher sees them."""
    return "".join(tagged("helper", code) for code in codes)


def defined_in(code: str) -> set[str]:
    """The functions that code defines at its top; none where it is no Python."""
    return {one.name for one in _functions(code)}


def calls_of(code: str) -> set[str]:
    """All names that code uses or imports, called or not; none where it is no Python."""
    return _names_in(_parsed(code))


def asserts_of(code: str, name: str) -> bool:
    """Whether an assert hangs on what a function gave: it calls the function, or names what was made of its result."""
    tree, hanging = _parsed(code), {name}
    while more := {made for one in ast.walk(tree) if _reads(one) & hanging for made in _makes(one)} - hanging:
        hanging |= more
    return any(_names_in(one.test) & hanging for one in ast.walk(tree) if isinstance(one, ast.Assert))


def _reads(node: ast.AST) -> set[str]:
    """The names that a statement makes others of."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
        return _names_in(node.value) if node.value is not None else set()
    if isinstance(node, ast.For | ast.comprehension):
        return _names_in(node.iter)
    if isinstance(node, ast.With):
        return set().union(*(_names_in(one.context_expr) for one in node.items))
    return _names_in(node) if isinstance(node, ast.FunctionDef) else set()


def _makes(node: ast.AST) -> set[str]:
    """The names that a statement gives something to."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return set().union(*map(_names_in, node.targets))
    if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr | ast.For | ast.comprehension):
        return _names_in(node.target)
    given = [one.optional_vars for one in node.items] if isinstance(node, ast.With) else []
    return set().union(*(_names_in(one) for one in given if one is not None))


def _names_in(node: ast.AST) -> set[str]:
    used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return used | {one.name for one in ast.walk(node) if isinstance(one, ast.alias)}


def _shared(first: frozenset[str], second: frozenset[str]) -> float:
    both = first | second
    return len(first & second) / len(both) if both else 0.0


def _functions(code: str) -> list[ast.FunctionDef]:
    return [one for one in _parsed(code).body if isinstance(one, ast.FunctionDef)]


def _parsed(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
