"""What the terms of service of a web site say about using its texts: three labels a page, and what they come to.

The categories, their codes, "the strictest page wins" and the order in which labels are merged are those of "Consent
in Crisis" (2407.14933) and of its code (`tos_policy_merging`): smaller codes are stricter. A teacher reads the pages;
where none did, words are looked for, which is unsure and marked so. Not legal advice.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from html.parser import HTMLParser
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal[
    "no_scraping_no_ai",
    "no_scraping",
    "no_ai",
    "non_commercial",
    "non_compete",
    "no_redistribution",
    "conditional",
    "unrestricted",
]


class Access(IntEnum):
    """Whether programs may fetch the pages, and whether models may learn from them."""

    NO_SCRAPING_NO_AI = 1
    NO_SCRAPING = 2
    NO_AI = 3
    CONDITIONAL = 4
    UNRESTRICTED = 5


class Licensed(IntEnum):
    """What the texts may be used for."""

    NON_COMMERCIAL = 1
    CONDITIONAL = 2
    UNRESTRICTED = 3


class Competing(IntEnum):
    """Whether one may compete by them, or pass them on. 3 is a second code for the first, as in the audit."""

    NON_COMPETE = 1
    NO_REDISTRIBUTION = 2
    NON_COMPETE_TOO = 3
    UNRESTRICTED = 4


@dataclass(frozen=True, slots=True)
class Labels:
    """The three labels of a page, or of a site. `evidence` has the words of the page: question -> verbatim."""

    access: Access = Access.UNRESTRICTED
    licensed: Licensed = Licensed.UNRESTRICTED
    competing: Competing = Competing.UNRESTRICTED
    evidence: Mapping[str, str] = field(default_factory=dict)

    def verdict(self) -> Verdict:
        """What they come to: no to programs or AI goes first, then no sale, no competition, conditions."""
        if self.access < Access.CONDITIONAL:
            return _NO[self.access]
        if self.licensed is Licensed.NON_COMMERCIAL:
            return "non_commercial"
        if self.competing is not Competing.UNRESTRICTED:
            return "no_redistribution" if self.competing is Competing.NO_REDISTRIBUTION else "non_compete"
        is_free = self.access is Access.UNRESTRICTED and self.licensed is Licensed.UNRESTRICTED
        return "unrestricted" if is_free else "conditional"


_NO: Mapping[Access, Verdict] = {
    Access.NO_SCRAPING_NO_AI: "no_scraping_no_ai",
    Access.NO_SCRAPING: "no_scraping",
    Access.NO_AI: "no_ai",
}


def strictest(pages: Iterable[Labels]) -> Labels:
    """The labels of several pages as one: for each question the strictest, with its evidence. No page says nothing."""
    given = [Labels(), *pages]
    chosen = {name: min(given, key=lambda one: getattr(one, name)) for name in ("access", "licensed", "competing")}
    evidence = {name: one.evidence[name] for name, one in chosen.items() if name in one.evidence}
    return Labels(
        chosen["access"].access, chosen["licensed"].licensed, chosen["competing"].competing, evidence=evidence
    )


def of_page(parts: Iterable[Labels]) -> Labels:
    """The parts of one page as one: what one forbids of programs and another of AI is together both."""
    given = list(parts)
    found, said = strictest(given), {one.access: one.evidence.get("access", "") for one in given}
    if found.access is Access.NO_SCRAPING and Access.NO_AI in said:
        both = " ... ".join(filter(None, (said[Access.NO_SCRAPING], said[Access.NO_AI])))
        return replace(found, access=Access.NO_SCRAPING_NO_AI, evidence={**found.evidence, "access": both})
    return found


# ------------------------------------------------------------------------------------------------------------ by words

_AGAINST = re.compile(
    r"\b(?:not|never|no|neither|nor|without|prohibit\w*|forbid\w*|refrain|disallow\w*|may only|unauthori[sz]ed)\b",
    re.IGNORECASE,
)
_PROGRAMS = re.compile(
    r"\b(?:scrap(?:e|es|ed|ing|er|ers)|crawl\w*|spiders?|bots?|robots?|web harvest\w*|harvest(?:ing)?|data[ -]mining|"
    r"text and data mining|automated (?:means|tools?|systems?|programs?|processes)|"
    r"systematic(?:ally)? (?:retriev|download)\w*)\b",
    re.IGNORECASE,
)
_LEARNING = re.compile(
    r"\b(?:artificial intelligence|machine[ -]learning|(?-i:AI|LLMs?|ML)|large language models?|language models?|"
    r"generative|train\w*\b.{0,60}\bmodels?|text and data mining)\b",
    re.IGNORECASE,
)
_NO_SALE = re.compile(
    r"\bnon-?commercial\b|\bpersonal(?:,| and| or)? ?(?:private|home|individual|domestic)? ?use\b|"
    r"\bpersonal use only\b|\b(?:not|no|prohibit\w*)\b.{0,60}\bcommercial (?:use|purposes?|gain)\b",
    re.IGNORECASE,
)
_CONDITIONS = re.compile(
    r"\b(?:provided that|on condition|subject to|as long as|only if|with attribution|"
    r"must (?:credit|cite|attribute|include)|in accordance with|permission is granted)\b",
    re.IGNORECASE,
)
_USING = re.compile(r"\b(?:use|copy|reproduce|download|quote|reprint|share|crawl\w*|scrap\w+|robots?)\b", re.IGNORECASE)
_COMPETING = re.compile(r"\bcompet(?:e|es|ing|itive|itors?)\b", re.IGNORECASE)
_PASSING_ON = re.compile(
    r"\b(?:re-?distribut\w+|distribut\w+|republish\w*|re-?sell\w*|sub-?licens\w+|re-?post\w*)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_ITEM = re.compile(r"^\s*(?:[-*•]|\(?[a-z0-9]{1,3}[.)])\s+")


def by_words(text: str) -> Labels:
    """The labels that words suggest: a sentence that forbids and names what. Unsure: it errs to the strict side."""
    return of_page(map(_of_sentence, _sentences(text)))


def _of_sentence(sentence: str) -> Labels:
    against = _AGAINST.search(sentence) is not None
    programs, learning = bool(_PROGRAMS.search(sentence)), bool(_LEARNING.search(sentence))
    conditions = bool(_CONDITIONS.search(sentence) and _USING.search(sentence))
    access, licensed, competing = Access.UNRESTRICTED, Licensed.UNRESTRICTED, Competing.UNRESTRICTED
    if against and (programs or learning):
        both = programs and learning
        access = Access.NO_SCRAPING_NO_AI if both else Access.NO_SCRAPING if programs else Access.NO_AI
    elif programs and conditions:
        access = Access.CONDITIONAL
    if _NO_SALE.search(sentence):
        licensed = Licensed.NON_COMMERCIAL
    elif conditions:
        licensed = Licensed.CONDITIONAL
    if against and _COMPETING.search(sentence):
        competing = Competing.NON_COMPETE
    elif against and _PASSING_ON.search(sentence):
        competing = Competing.NO_REDISTRIBUTION
    said = {"access": access, "licensed": licensed, "competing": competing}
    quoted = {name: sentence.strip() for name, label in said.items() if label.name != "UNRESTRICTED"}
    return Labels(access, licensed, competing, evidence=quoted)


def _sentences(text: str) -> Iterator[str]:
    """Sentences and the items of lists; what a list's first line forbids, it forbids of each of its items."""
    leading = ""
    for sentence in _SENTENCE.split(text):
        if _ITEM.match(sentence):
            yield f"{leading} {sentence}" if leading else sentence
        elif sentence.strip():
            leading = sentence.strip() if sentence.rstrip().endswith(":") else ""
            yield sentence


# ---------------------------------------------------------------------------------------------------- pages as they lie

_BLOCKS = {"p", "div", "li", "br", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "section", "article", "ul", "ol"}
_SILENT = {"script", "style", "noscript", "template"}


def plain(page: str) -> str:
    """The words of a page: of HTML without its marks, scripts and styles, of anything else as it is."""
    if not re.search(r"<(?:html|body|p|div|h1|li|br)\b", page, re.IGNORECASE):
        return page
    reader = _Words()
    reader.feed(page)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.parts.append("\n- " if tag == "li" else "\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT and self._silent > 0
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data.replace("\n", " "))
