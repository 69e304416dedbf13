"""Markdown: simple front matter, and the first heading as the title. The text itself stays as it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from synth_dagster.records import Json

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_ENTRY = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:[ \t]*(.*)")
_ATX = re.compile(r" {0,3}#{1,6}[ \t](.*)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*\r?")
_FENCE = re.compile(r"\s*(```+|~~~+)")
_OWN = ("title", "url", "license", "lang")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text with what it says about itself."""

    text: str
    title: str | None = None
    url: str | None = None
    license: str | None = None
    lang: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)


def parse(text: str) -> Parsed:
    """A markdown text without its front matter; front matter that is more than `name: value` lines is text."""
    found = _FRONT.match(text)
    entries = _entries(found.group(1)) if found else None
    if found is None or entries is None:
        return Parsed(text, title=first_heading(text))
    body = text[found.end() :].lstrip("\r\n")
    own = {name: entries.pop(name, None) or None for name in _OWN}
    return Parsed(body, own["title"] or first_heading(body), own["url"], own["license"], own["lang"], dict(entries))


def first_heading(text: str) -> str | None:
    """The first heading outside fenced code: a line with # before it, or one underlined by = or -."""
    above, fence = "", ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark.group(1).startswith(fence) else fence
        elif mark:
            fence = mark.group(1)
        elif found := _ATX.match(line):
            return _without_closing_marks(found.group(1)) or None
        elif above.strip() and _UNDERLINE.fullmatch(line) and not above.startswith((" ", "\t", "|", "-", "*", ">")):
            return above.strip()
        above = "" if fence else line
    return None


def _without_closing_marks(heading: str) -> str:
    """`Title ##` is the title `Title`; `C#` is `C#`."""
    bare = heading.strip()
    open_ended = bare.rstrip("#")
    return open_ended.rstrip() if not open_ended or open_ended[-1].isspace() else bare


def _entries(front: str) -> dict[str, str] | None:
    """`name: value` lines as text, or None when there is anything else among them."""
    lines = [line.strip("\r") for line in front.split("\n")]
    found = [_ENTRY.fullmatch(line) for line in lines if line.strip() and not line.startswith("#")]
    entries = {match.group(1): _unquoted(match.group(2).strip()) for match in found if match}
    simple = all(found) and not any(value[:1] in ("[", "{", "|", ">", "&", "*", "!") for value in entries.values())
    return entries if simple and "\0" not in front else None


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
