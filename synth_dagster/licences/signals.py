"""What web sites say to those who would train on them, out of snapshots of robots.txt, ai.txt and TDMRep.

Snapshots lie by their day and host: `2026-03-01/example.org/robots.txt`, `ai.txt`, `tdmrep.json`. Nothing is fetched
here. For each host its newest day counts, and stands beside what was found.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from synth_dagster.errors import SynthError
from synth_dagster.licences.registry import training_agents
from synth_dagster.licences.robots import ANYBODY, Robots, Rules, parse_robots

OPT_OUT = "opt-out by"
MOST = 512_000  # bytes of a file that are read, as RFC 9309 allows
OF_TEXT = ("*", "/*", "*.txt", "*.html", "*.htm")  # what ai.txt writes for the media that we read


@dataclass(frozen=True)
class Host:
    """The newest snapshot of a host."""

    name: str
    day: str
    folder: Path

    def said(self, path: str) -> str:
        """What the host says about a path: who opts out by what, and on which day it was looked up."""
        found = [f"{OPT_OUT} {file}{by} of {self.name} on {self.day}" for file, by in self._opt_outs(path)]
        return " AND ".join(found) or f"no opt-out of {self.name} on {self.day}"

    def _opt_outs(self, path: str) -> Iterator[tuple[str, str]]:
        if organisations := [name for name, agents in training_agents().items() if self._keeps_out(agents, path)]:
            yield "robots.txt", f" ({', '.join(organisations)})"
        if self._ai_txt is not None and (self._ai_txt.forbid(path) or set(self._ai_txt.disallow) & set(OF_TEXT)):
            yield "ai.txt", ""
        if _reserved(self._reservations, path):
            yield "tdmrep.json", ""

    def _keeps_out(self, agents: Sequence[str], path: str) -> bool:
        robots = self._robots
        return robots.strictest(agents) == "all" or any(robots.rules(agent).forbid(path) for agent in agents)

    @cached_property
    def _robots(self) -> Robots:
        return parse_robots(_text(self.folder / "robots.txt"))

    @cached_property
    def _ai_txt(self) -> Rules | None:
        text = _text(self.folder / "ai.txt")
        return parse_robots(text).rules(ANYBODY) if text else None

    @cached_property
    def _reservations(self) -> list[tuple[str, bool]]:
        try:
            found = json.loads(_text(self.folder / "tdmrep.json") or "[]")
            return [(str(one["location"]), one["tdm-reservation"] in (1, "1", True)) for one in found]
        except (ValueError, TypeError, KeyError):
            return []  # a page that says "not found", mostly


@dataclass(frozen=True)
class Signals:
    """The snapshots of a folder."""

    hosts: Mapping[str, Host]

    @classmethod
    def read(cls, folder: Path) -> "Signals":
        """Raises SynthError for a folder that is not there, or holds something else than days."""
        hosts: dict[str, Host] = {}
        for day in _days(folder):
            for host in sorted(path for path in (folder / day).iterdir() if path.is_dir()):
                hosts[host.name.casefold()] = Host(host.name.casefold(), day, host)
        return cls(hosts)

    def consent(self, url: str | None) -> str:
        """What is known about consent to the text at that address; empty for a text that has none."""
        parts = urlsplit(url or "")
        name = (parts.hostname or "").casefold()
        if not name:
            return ""
        host = self.hosts.get(name) or self.hosts.get(name.removeprefix("www."))
        return host.said(parts.path or "/") if host else f"not looked up: {name}"


def opted_out(consent: str) -> bool:
    """Whether any of the origins of a record has opted out."""
    return any(part.startswith(OPT_OUT) for part in consent.split(" AND "))


def _days(folder: Path) -> list[str]:
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        for name in names:
            date.fromisoformat(name)
    except (OSError, ValueError) as error:
        raise SynthError(
            f"The folder of signals {folder.name} cannot be used: {error}. It holds a folder for each day on which "
            "they were fetched, such as 2026-03-01, and in it one for each host with its robots.txt, ai.txt or "
            "tdmrep.json."
        ) from None
    return names


def _text(file: Path) -> str:
    if not file.is_file():
        return ""
    with file.open("rb") as stream:
        return stream.read(MOST).decode("utf-8", "replace")


def _reserved(reservations: Sequence[tuple[str, bool]], path: str) -> bool:
    """The longest location that fits decides, as in the TDM Reservation Protocol."""
    fitting = [(len(where), kept) for where, kept in reservations if path.startswith(where.rstrip("*")) or where == "*"]
    return max(fitting, default=(0, False))[1]
