"""What one web site said about training on one day: its files as somebody fetched them, and what follows for a page.

robots.txt, ai.txt, the TDM reservations (tdmrep.json, HTTP headers, marks of the front page) and C2PA manifests are
read here. Terms of service are read by a teacher beforehand, who leaves `terms.json` beside them; without it words are
looked for.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from synth_dagster.errors import SynthError
from synth_dagster.licences.agents import agents_for
from synth_dagster.licences.consent import OPT_OUT, SAID
from synth_dagster.licences.robots import ANYBODY, Robots, Rules, parse_robots
from synth_dagster.licences.site_terms import Access, Competing, Labels, Licensed, by_words, plain, strictest
from synth_dagster.licences.training_mining import Use, answer, entries_of, manifests_for

MOST = 512_000  # bytes of a file that are read, as RFC 9309 allows
OF_TEXT = ("*", "/*", "*.txt", "*.html", "*.htm")  # what ai.txt writes for the media that we read
C2PA = "c2pa.json"  # a manifest as c2patool prints it, or an object of them by path
TERMS_READ = "terms.json"  # what a teacher or a person has read in the terms of service
PAGE = re.compile(r"(?:terms|tos)[^/]*\.(?:txt|html?|md)", re.IGNORECASE)  # the terms of service

_META = re.compile(r"<meta\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\b(name|content)\s*=\s*["']?([^"'>]*)""", re.IGNORECASE)

Status: TypeAlias = Literal["all", "some", "none", "no_robots"]


@dataclass(frozen=True)
class Terms:
    """What the terms of service of a site come to. `sure` is whether somebody read them, and not only words matched."""

    labels: Labels
    sure: bool
    pages: Sequence[str]


@dataclass(frozen=True)
class Snapshot:
    """A site on a day: `folder` has its files."""

    host: str
    day: str
    folder: Path

    def said(self, path: str, query: str = "") -> str:
        """What the site says about a page: who opts out by what, the day it was looked up, and a hash of its files."""
        conditions = ("conditions by C2PA",) if self.trained_on(path) == "constrained" else ()
        opt_outs = self._opt_outs(path, f"{path}?{query}" if query else path)
        found = [f"{one} of {self.where}" for one in (*opt_outs, *conditions, *self._terms_said())]
        refused = any(one.startswith(OPT_OUT) for one in found)
        return " AND ".join(found if refused else [*found, f"no opt-out of {self.where}"])

    @property
    def where(self) -> str:
        return f"{self.host} on {self.day}, snapshot {self.fingerprint[:12]}"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the names and bytes of what was fetched; what was read into it later does not count."""
        found = hashlib.sha256()
        for file in sorted(path for path in self.folder.iterdir() if path.is_file() and path.name != TERMS_READ):
            found.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        return found.hexdigest()

    def status(self, agents: Sequence[str]) -> Status:
        """How much robots.txt keeps from an organisation with these agents: the strictest of what each is told."""
        return self.robots.strictest(agents) if (self.folder / "robots.txt").is_file() else "no_robots"

    # ----------------------------------------------------------------------------------------------------- opt-outs

    def _opt_outs(self, path: str, asked: str) -> Iterator[str]:
        """By the path, and for rules that fit a query too, by all that is asked for."""
        trainers = agents_for("train").items()
        if organisations := [name for name, agents in trainers if self._keeps_out(agents, asked)]:
            yield f"{OPT_OUT} robots.txt ({', '.join(organisations)})"
        if self._ai_txt is not None and (self._ai_txt.forbid(asked) or set(self._ai_txt.disallow) & set(OF_TEXT)):
            yield f"{OPT_OUT} ai.txt"
        if _reserved(self._reservations, path):
            yield f"{OPT_OUT} tdmrep.json"
        if refuses(header_values(text_of(self.folder / "headers.txt"))):
            yield f"{OPT_OUT} headers"
        if refuses(meta_values(text_of(self.folder / "index.html"))):
            yield f"{OPT_OUT} the front page"
        if self.trained_on(path) == "refused":
            yield f"{OPT_OUT} C2PA"

    def trained_on(self, path: str) -> Use | None:
        """What C2PA manifests of the site say about generative training on a path; None where they say nothing."""
        found = manifests_for(text_of(self.folder / C2PA), path)
        return answer(entries_of(found), "generative training")

    def _keeps_out(self, agents: Sequence[str], asked: str) -> bool:
        robots = self.robots
        return robots.strictest(agents) == "all" or any(robots.rules(agent).forbid(asked) for agent in agents)

    @cached_property
    def robots(self) -> Robots:
        return parse_robots(text_of(self.folder / "robots.txt"))

    @cached_property
    def _ai_txt(self) -> Rules | None:
        text = text_of(self.folder / "ai.txt")
        return parse_robots(text).rules(ANYBODY) if text else None

    @cached_property
    def _reservations(self) -> list[tuple[str, bool]]:
        try:
            found = json.loads(text_of(self.folder / "tdmrep.json") or "[]")
            return [(str(one["location"]), one["tdm-reservation"] in (1, "1", True)) for one in found]
        except (ValueError, TypeError, KeyError):
            return []  # a page that says "not found", mostly

    # -------------------------------------------------------------------------------------------------------- terms

    def _terms_said(self) -> Iterator[str]:
        if self.terms is not None and (said := SAID.get(self.terms.labels.verdict())):
            yield said if self.terms.sure else f"{said}, unsure,"

    @cached_property
    def terms(self) -> Terms | None:
        """What its terms of service come to, the strictest page first; None where no page was fetched.

        Raises SynthError for a `terms.json` that nobody can read.
        """
        pages = self.pages
        if not pages:
            return None
        read = self.read_terms()
        labels = {name: read.get(name) or by_words(plain(text_of(path))) for name, path in pages.items()}
        return Terms(strictest(labels.values()), set(pages) <= set(read), sorted(pages))

    @cached_property
    def pages(self) -> Mapping[str, Path]:
        """The pages with terms of service, by name."""
        return {path.name: path for path in sorted(self.folder.iterdir()) if PAGE.fullmatch(path.name)}

    def read_terms(self) -> dict[str, Labels]:
        """Page -> labels that stand in `terms.json`, of the pages that are still as they were when they were read."""
        file = self.folder / TERMS_READ
        if not file.is_file():
            return {}
        try:
            noted = json.loads(file.read_text("utf-8"))["pages"]
            return {
                name: labels_of(noted[name])
                for name, path in self.pages.items()
                if name in noted and noted[name]["sha256"] == page_hash(path)
            }
        except (ValueError, TypeError, KeyError) as error:
            raise SynthError(
                f"'{self.day}/{self.host}/{TERMS_READ}' cannot be read: {type(error).__name__}: {error}. Correct it, "
                "or delete it and have the terms read again with 'synth consent --read-terms'."
            ) from None


def labels_of(noted: Mapping[str, Any]) -> Labels:
    """The labels of a page as `terms.json` has them. Raises KeyError, TypeError or ValueError for other content."""
    kinds = {"access": Access, "licensed": Licensed, "competing": Competing}
    codes: dict[str, Any] = {name: kind(noted[name]["category"]) for name, kind in kinds.items()}
    evidence = {name: str(noted[name]["evidence"]) for name in kinds if noted[name].get("evidence")}
    return Labels(**codes, evidence=evidence)


def noted(labels: Labels) -> dict[str, Any]:
    """The labels of a page as `terms.json` has them."""
    return {
        name: {"category": int(getattr(labels, name)), "evidence": labels.evidence.get(name, "")}
        for name in ("access", "licensed", "competing")
    }


def page_hash(path: Path) -> str:
    """SHA-256 of a page's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def text_of(file: Path) -> str:
    """The beginning of a file; empty for one that is not there."""
    if not file.is_file():
        return ""
    with file.open("rb") as stream:
        return stream.read(MOST).decode("utf-8", "replace")


def header_values(text: str) -> list[tuple[str, str]]:
    """HTTP headers as (name in small letters, value)."""
    pairs = (line.partition(":") for line in text.splitlines())
    return [(name.strip().casefold(), value.strip()) for name, colon, value in pairs if colon]


def meta_values(page: str) -> list[tuple[str, str]]:
    """The `<meta name=... content=...>` of a page as (name in small letters, content)."""
    found = ({key.casefold(): value for key, value in _ATTRIBUTE.findall(tag)} for tag in _META.findall(page))
    return [(one["name"].casefold(), one["content"]) for one in found if {"name", "content"} <= one.keys()]


def refuses(values: Sequence[tuple[str, str]]) -> bool:
    """Whether headers or marks reserve text and data mining (TDM Reservation Protocol), or say `noai`."""
    return any(
        (name == "tdm-reservation" and value.strip() == "1")
        or (name in ("robots", "x-robots-tag") and "noai" in re.split(r"[\s,:]+", value.casefold()))
        for name, value in values
    )


def _reserved(reservations: Sequence[tuple[str, bool]], path: str) -> bool:
    """The longest location that fits decides, as in the TDM Reservation Protocol."""
    fitting = [(len(where), kept) for where, kept in reservations if path.startswith(where.rstrip("*")) or where == "*"]
    return max(fitting, default=(0, False))[1]
