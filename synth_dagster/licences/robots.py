"""robots.txt: read as RFC 9309 says, and judged as the audit "Consent in Crisis" (2407.14933, section 2) judges it.

ai.txt has the same form. Absence of rules is no consent; it is only no refusal.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias
from urllib.parse import quote

Status: TypeAlias = Literal["none", "some", "all"]

ANYBODY = "*"

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~\-]")  # RFC 3986


@dataclass
class Rules:
    """What one agent may and may not fetch, as written."""

    allow: list[str] = field(default_factory=list)
    disallow: list[str] = field(default_factory=list)

    def status(self) -> Status:
        """How much is forbidden: rules with a query do not count, and an allowed path leaves some of `/`."""
        allow = [path for path in self.allow if "?" not in path]
        disallow = [path for path in self.disallow if "?" not in path]
        if not disallow or set(disallow) == {""} or set(allow) == set(disallow):
            return "none"
        return "all" if "/" in disallow and not allow else "some"

    def forbid(self, path: str) -> bool:
        """Whether a path and its query are forbidden: the longest rule that fits decides, of equals the permission."""
        plain = encoded(path)
        longest = {kind: max(_fitting(rules, plain), default=-1) for kind, rules in self._both()}
        return longest["disallow"] > longest["allow"]

    def _both(self) -> Sequence[tuple[str, Sequence[str]]]:
        return (("allow", self.allow), ("disallow", self.disallow))


@dataclass(frozen=True, slots=True)
class Robots:
    """The groups of one file by agent, in small letters; what could not be read is kept."""

    groups: Mapping[str, Rules]
    sitemaps: Sequence[str] = ()
    errors: Sequence[str] = ()

    def rules(self, agent: str) -> Rules:
        """The rules of an agent: its own group, else that of everybody."""
        return self.groups.get(agent.casefold()) or self.groups.get(ANYBODY) or Rules()

    def status(self, agent: str) -> Status:
        return self.rules(agent).status()

    def strictest(self, agents: Iterable[str]) -> Status:
        """What an organisation with these agents is told."""
        found = {self.status(agent) for agent in agents}
        return "all" if "all" in found else "some" if "some" in found else "none"


def parse_robots(text: str) -> Robots:
    """The groups of a robots.txt. A group is the agents that follow each other, and the rules up to the next agent."""
    groups: dict[str, Rules] = {}
    sitemaps: list[str] = []
    errors: list[str] = []
    agents: list[str] = []
    in_rules = False
    for name, value in _lines(text):
        if name == "user-agent":
            agents, in_rules = ([] if in_rules else agents) + [value.casefold()], False
            groups.setdefault(agents[-1], Rules())
        elif name in ("allow", "disallow") and agents:
            in_rules = True
            for agent in agents:
                getattr(groups[agent], name).append(value)
        elif name == "sitemap":
            sitemaps.append(value)
        elif name != "crawl-delay" or not agents:
            errors.append(f"{name}: {value}"[:200])
    return Robots(groups, sitemaps, errors)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.lstrip("\ufeff").splitlines():
        plain = line.partition("#")[0].strip()
        if plain:
            name, _, value = plain.partition(":")
            yield name.strip().casefold(), value.strip()


def encoded(path: str) -> str:
    """A path or a rule in one spelling (RFC 9309, 2.2.2): escaped is what is not ASCII, and nothing that needs none."""
    ascii_ = _BEYOND_ASCII.sub(lambda found: quote(found[0], errors="replace"), path)
    return _ESCAPED.sub(lambda found: _unescaped(found[1]), ascii_)


def _unescaped(digits: str) -> str:
    sign = chr(int(digits, 16))
    return sign if _UNRESERVED.fullmatch(sign) else f"%{digits.upper()}"


def _fitting(rules: Iterable[str], path: str) -> Iterator[int]:
    return (length for length, pattern in map(_pattern, filter(None, rules)) if pattern.match(path))


@lru_cache(maxsize=10_000)
def _pattern(rule: str) -> tuple[int, re.Pattern[str]]:
    """How long a rule is, and what it fits: `*` is anything, `$` at the end is the end, all else the beginning."""
    spelt = encoded(rule)
    body, end = (spelt[:-1], "$") if spelt.endswith("$") else (spelt, "")
    return len(spelt), re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", body)) + end)
