"""Licence expressions as SPDX writes them: read into a small tree, by the library that knows the list of licences.

Grammar and precedence are those of the SPDX specification, annex "SPDX license expressions": `WITH` before `AND` before
`OR`, ids in any case, `LicenseRef-Name` for terms that are on no list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeAlias

MOST = 1_000  # characters of an expression; a delivery may hold anything


class NotAnExpression(ValueError):
    """A text that follows no grammar of licences: brackets that do not close, an operator without its side."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence. `listed` says whether the SPDX list has it; an exception to it is left out, since it only allows."""

    name: str
    listed: bool


@dataclass(frozen=True, slots=True)
class Every:
    """All of these bind: `A AND B`."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these may be chosen: `A OR B`."""

    parts: "tuple[Expression, ...]"


Expression: TypeAlias = Licence | Every | Choice


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """The tree of an expression. Raises NotAnExpression."""
    return _tree(_parsed(text))


def canonical(text: str) -> str:
    """The expression with ids and operators as the list writes them. Raises NotAnExpression."""
    return str(_parsed(text))


def rewritten(text: str, named: Callable[[str], str]) -> str:
    """The expression with what it says twice said once, and each licence called as `named` says.

    Nothing is put into another order, and an exception stays with its licence. Raises NotAnExpression.
    """
    from license_expression import LicenseSymbol, LicenseWithExceptionSymbol

    licensing, found = _spdx(), _parsed(text)
    said: dict[Any, Any] = {}
    for symbol in found.symbols:
        licence = symbol.license_symbol if isinstance(symbol, LicenseWithExceptionSymbol) else symbol
        new = LicenseSymbol(named(licence.key))
        said[symbol] = LicenseWithExceptionSymbol(new, symbol.exception_symbol) if licence is not symbol else new
    return str(licensing.dedup(found.subs(said)))


def is_listed(name: str) -> bool:
    """Whether the SPDX list has a licence of this id, written as the list writes it."""
    return name in _spdx().known_symbols


def leaves(expression: Expression) -> Sequence[Licence]:
    """Every licence that an expression names, in its order."""
    if isinstance(expression, Licence):
        return [expression]
    return [leaf for part in expression.parts for leaf in leaves(part)]


def near(name: str) -> str | None:
    """The listed licence whose name is nearest to one that nobody knows, or None."""
    from difflib import get_close_matches

    known = {each.casefold(): each for each in _spdx().known_symbols}
    found = get_close_matches(name.casefold().replace(" ", "-"), known, n=1, cutoff=0.75)
    return known[found[0]] if found else None


def _parsed(text: str) -> Any:
    from license_expression import ExpressionError

    try:
        found = _spdx().parse(text) if len(text) <= MOST else None
    except (ExpressionError, RecursionError) as error:
        raise NotAnExpression(f"it is no licence expression: {str(error).splitlines()[0]}") from None
    if found is None:
        raise NotAnExpression("it is empty" if len(text) <= MOST else f"it has more than {MOST} characters")
    return found


def _tree(found: Any) -> Expression:
    if found.isliteral:
        symbol = getattr(found, "license_symbol", found)
        return Licence(symbol.key, symbol.key in _spdx().known_symbols)
    parts = tuple(_tree(part) for part in found.args)
    return Every(parts) if isinstance(found, _spdx().AND) else Choice(parts)


@cache
def _spdx() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()
