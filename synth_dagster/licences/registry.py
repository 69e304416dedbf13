"""The licences that we know the terms of: a dated table in the package, and a recipe's own words, which go before it.

A licence that neither has is kept as it is written, flagged, and counted as the strictest. None of it is legal advice.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from synth_dagster.licences.expression import (
    Choice,
    Expression,
    Licence,
    NotAnExpression,
    is_listed,
    near,
    parse,
    rewritten,
)
from synth_dagster.licences.terms import Terms, Words, every, freest

UNSTATED = "LicenseRef-Unspecified"  # where a record names no licence at all

NOTHING_SAID = ("NONE", "NOASSERTION")  # SPDX's words for it, which cannot stand in an expression

_REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.\-]+")
_DEED = re.compile(r"/licenses/(by(?:-nc|-sa|-nd)*)/(\d\.\d)(?:/|$)")
_LISTS = {"spdx.org", "opensource.org", "choosealicense.com"}  # whose addresses end in the id
_CREATIVE_COMMONS = re.compile(r"CC-BY((?:-NC|-SA|-ND)*)-\d\.\d(-[A-Z]+)?")


@dataclass(frozen=True)
class Licences:
    """The terms of licence expressions, with a recipe's own classes before the table's."""

    own: Mapping[str, Words] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()  # provider terms that a recipe does not count
    _seen: dict[str, Terms] = field(default_factory=dict, compare=False)

    def terms(self, expression: str) -> Terms:
        """What an expression asks for: all of `AND`, the freest of `OR`. What cannot be read is unknown."""
        if expression not in self._seen:
            self._seen[expression] = self._read(expression)
        return self._seen[expression]

    def join(self, expressions: Iterable[str]) -> Terms:
        """What binds where all of these do."""
        return every(self.terms(expression) for expression in expressions)

    def hint(self, name: str) -> str:
        """What to do about a licence that nobody knows."""
        meant = near(name)
        wrong = f"Did you mean {meant}? " if meant and meant.casefold() != name.casefold() else ""
        return f"{wrong}Say its terms under 'licences' in the recipe, such as {name}: nc by."

    def _read(self, text: str) -> Terms:
        named = _name(text.strip()) or UNSTATED
        if self.ignored and set(named.split(" AND ")) <= self.ignored:
            named = UNSTATED  # nothing else says what is allowed
        if named in self.own or named in _table()["licences"]:
            return self._named(named)
        if "://" in named and " AND " in named:  # addresses are no ids, and were joined as they are
            return every(self.terms(part) for part in named.split(" AND "))
        try:
            return self._tree(parse(named))
        except NotAnExpression:
            return Terms.nobody_knows(named)

    def _tree(self, expression: Expression) -> Terms:
        if isinstance(expression, Licence):
            return self._named(_name(expression.name))
        parts = [self._tree(part) for part in expression.parts]
        return freest(parts) if isinstance(expression, Choice) else every(parts)

    def _named(self, name: str) -> Terms:
        if name in self.ignored:
            return Terms()
        words = self.own.get(name, _table()["licences"].get(name))
        if words is None and (parts := _CREATIVE_COMMONS.fullmatch(name)):
            words = "by" + parts[1].replace("-", " ").lower()
        return Terms.nobody_knows(name) if words is None else Terms.of(words, name)


def joined(expressions: Iterable[str]) -> str:
    """Distinct expressions as one that asks for all of them: `A AND B`, in order; a choice stands in brackets.

    Texts are put together as they are, without being read: what nobody can read is kept, too.
    """
    given = {text for text in expressions if text}
    if len(given) < 2:
        return given.pop() if given else ""
    plain = {part for text in given if "(" not in text and " OR " not in text for part in text.split(" AND ")}
    choices = {f"({text})" for text in given if "(" in text or " OR " in text}
    return " AND ".join(sorted(plain | choices, key=lambda part: part.removeprefix("(")))


def spdx(text: str) -> str:
    """What a record says of its licence, in SPDX's grammar: the ids of names and addresses that are known, and
    `LicenseRef-` before what is on no list, whatever it says; NOASSERTION where it says nothing."""
    named = _name(text.strip())
    if not named or named in NOTHING_SAID:
        return named or "NOASSERTION"
    if "://" in named and " AND " in named:
        return joined(map(spdx, named.split(" AND ")))
    try:
        return rewritten(named, _id_of)
    except NotAnExpression:
        return _id_of(named)


def _id_of(name: str) -> str:
    found = UNSTATED if name in NOTHING_SAID else _name(name)
    if is_listed(found) or _REFERENCE.fullmatch(found):
        return found
    words = found.removeprefix("LicenseRef-").partition("://")
    return f"LicenseRef-{re.sub(r'[^A-Za-z0-9.]+', '-', words[2] or words[0]).strip('-') or 'unknown'}"


def names_of(licence: str) -> list[str]:
    """What people and aggregators call the licence of an id, and the addresses where it stands."""
    table = _table()
    names = [name for name, known in table["names"].items() if known == licence]
    names += [_spaced(licence)] if licence in _creative_commons() else []
    return [*names, *(f"https://{place}" for place, known in table["addresses"].items() if known == licence)]


def table_date() -> str:
    """The day that the table is of."""
    return _table()["date"]


def terms_of_providers() -> frozenset[str]:
    """The licences of the table that stand for a provider's terms."""
    return frozenset(provider["terms"] for provider in _table()["providers"])


def provider_terms(models: Iterable[str], addresses: Iterable[str]) -> str:
    """The terms that a provider sets on what its models write, as an expression; empty where we know of none."""
    hosts = {urlsplit(address).hostname for address in addresses}
    found = {
        provider["terms"]
        for provider in _table()["providers"]
        if hosts & set(provider["hosts"]) or any(_is_of(model, provider["models"]) for model in models)
    }
    return " AND ".join(sorted(found))


def _is_of(model: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(model.casefold(), pattern) for pattern in patterns)


def _name(text: str) -> str:
    """A licence's id, where a text is the name that people or aggregators write for it, or its address."""
    return _by_address(text) if "://" in text else _table()["by_name"].get(text.casefold(), text)


def _by_address(text: str) -> str:
    """The licence that stands at an address: the text itself where we do not know it."""
    parts = urlsplit(text.strip().casefold())
    host = (parts.hostname or "").removeprefix("www.")
    path = re.sub(r"(?:\.(?:html?|txt|php|en|json))+$", "", parts.path.rstrip("/"))
    if host == "creativecommons.org" and (found := _DEED.match(path)):
        return f"CC-{found[1].upper()}-{found[2]}"
    if host in _LISTS:
        return _table()["by_name"].get(path.rpartition("/")[2], text)
    return _table()["addresses"].get(f"{host}{path}", text)


@cache
def _table() -> Mapping[str, Any]:
    found = json.loads(files("synth_dagster.licences").joinpath("licences.json").read_text("utf-8"))
    spelt = {name.casefold(): licence for name, licence in found["names"].items()}
    ids = {licence.casefold(): licence for licence in found["licences"]}
    versions = {_spaced(licence).casefold(): licence for licence in _creative_commons()}
    return found | {"by_name": versions | ids | spelt}


def _creative_commons() -> list[str]:
    kinds = ("CC-BY", "CC-BY-SA", "CC-BY-NC", "CC-BY-ND", "CC-BY-NC-SA", "CC-BY-NC-ND")
    return [f"{kind}-{version}" for kind in kinds for version in ("1.0", "2.0", "2.5", "3.0", "4.0")]


def _spaced(licence: str) -> str:
    """CC-BY-NC-4.0 as it is mostly written: CC BY-NC 4.0."""
    kind, _, number = licence.removeprefix("CC-").rpartition("-")
    return f"CC {kind} {number}"
