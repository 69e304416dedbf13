"""YAML as plain values that know their lines.

Only the part of YAML that reads the same to everybody is taken: mappings, lists and plain values. Words keep their
spelling (`no` is a word, not false; `1:30` is text, not ninety), numbers are decimal, and what lets one line stand for
something else (anchors, aliases, tags) is refused, so that no short file can become a huge one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from yaml.reader import Reader

Plain: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None
Where: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_DEPTH = 40

_WORDS: dict[str, Plain] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]{0,17})", re.ASCII)
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in the YAML itself that is not taken."""

    line: int
    cause: str
    cure: str


class NotYaml(Exception):
    """The text cannot be read at all; the flaw says where and why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.cause)
        self.flaw = flaw


@dataclass(frozen=True)
class Tree:
    """Plain values, the line of each, and what was refused on the way."""

    data: Plain
    lines: Mapping[Where, int]
    flaws: tuple[Flaw, ...] = ()

    def line(self, where: Where) -> int:
        """The line of the value, or of the nearest thing around it that exists."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


def decoded(data: bytes) -> str:
    """The text of a file. Raises NotYaml when it is too long or not UTF-8."""
    if len(data) > MAX_BYTES:
        raise NotYaml(_too_long())
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotYaml(
            Flaw(line, f"The file is not UTF-8 text (byte {error.start}).", "Save it in UTF-8 encoding.")
        ) from None


def read_yaml(text: str) -> Tree:
    """The values of one YAML document. Raises NotYaml for what no part of can be read."""
    text = text.removeprefix("\ufeff")
    _refuse_unreadable(text)
    try:
        builder = _Builder(iter(yaml.parse(text, Loader=_LOADER)))
        return builder.tree()
    except yaml.MarkedYAMLError as error:
        raise NotYaml(_syntax(error, text)) from None
    except (yaml.YAMLError, ValueError, OverflowError):  # such as an escape for a character that does not exist
        raise NotYaml(Flaw(1, "The file is not YAML.", "Check escapes such as \\U in quoted text.")) from None


# libyaml where the wheel has it: the same grammar, ten times as fast
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class _Builder:
    """Turns the events of the parser into values; reads ahead by nothing, so depth is bounded while reading."""

    events: Iterator[Event]
    lines: dict[Where, int] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)

    def tree(self) -> Tree:
        data: Plain = None
        documents = 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                self._refuse_second(documents, event)
                data = self.value(next(self.events), ()) if documents == 1 else self._skip()
        return Tree(data, self.lines, tuple(self.flaws))

    def value(self, event: Event, where: Where) -> Plain:
        line = _line(event)
        self.lines.setdefault(where, line)
        if len(where) > MAX_DEPTH:
            raise NotYaml(Flaw(line, f"Nested deeper than {MAX_DEPTH} levels.", "A recipe needs five. Check brackets."))
        if isinstance(event, AliasEvent):
            self.flaws.append(Flaw(line, f"An alias (*{event.anchor}) is not taken in a recipe.", "Write it out."))
            return None
        self._refuse_marks(event, line)
        if isinstance(event, MappingStartEvent):
            return self._mapping(where)
        return self._sequence(where) if isinstance(event, CollectionStartEvent) else self._scalar(event, line)

    def _mapping(self, where: Where) -> dict[str, Plain]:
        found: dict[str, Plain] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            line = _line(event)
            key = event.value if isinstance(event, ScalarEvent) and _encodable(event.value) else None
            if key is None or key in found:
                self._bad_key(event, key, line, self.lines.get((*where, key or "")))
                continue
            self._refuse_marks(event, line)
            self.lines[(*where, key)] = line
            found[key] = self.value(next(self.events), (*where, key))
        return found

    def _sequence(self, where: Where) -> list[Plain]:
        found: list[Plain] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            found.append(self.value(event, (*where, len(found))))
        return found

    def _scalar(self, event: Event, line: int) -> Plain:
        assert isinstance(event, ScalarEvent)
        if not _encodable(event.value):
            self.flaws.append(Flaw(line, "Half of a surrogate pair is no character.", "Write the character itself."))
            return None
        return event.value if event.style else plain_value(event.value)

    def _bad_key(self, event: Event, key: str | None, line: int, first: int | None) -> None:
        aside = _Builder(self.events)
        if key is None:
            aside.value(event, ())
            self.flaws.append(
                Flaw(line, "Something that is no name stands where a name belongs.", "Write 'name: value'.")
            )
        else:
            self.flaws.append(Flaw(line, f"'{_shown(key)}' stands here twice, first in line {first}.", "Keep one."))
        aside.value(next(self.events), ())

    def _refuse_marks(self, event: Event, line: int) -> None:
        if getattr(event, "anchor", None):
            self.flaws.append(
                Flaw(line, "An anchor (&) is not taken in a recipe.", "Write the value out in each place.")
            )
        if getattr(event, "tag", None):
            self.flaws.append(
                Flaw(line, "A tag (!) is not taken in a recipe.", "Remove it; quotes make text of a number.")
            )

    def _refuse_second(self, documents: int, event: Event) -> None:
        if documents == 2:
            self.flaws.append(
                Flaw(
                    _line(event), "A second document begins here ('---').", "One file holds one recipe; make two files."
                )
            )

    def _skip(self) -> Plain:
        return None


def plain_value(word: str) -> Plain:
    """What an unquoted word means: null, true, false, a decimal number, or itself."""
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if _INTEGER.fullmatch(word):
        return int(word.replace("_", "").lstrip("+"))
    if _FLOAT.fullmatch(word) and not _leading_zero(word):
        number = float(word.replace("_", ""))
        return word if number in (float("inf"), float("-inf")) else number
    return word


def _leading_zero(word: str) -> bool:
    """`007` is a name, as is a number too long to be meant as one; `0.7` is a number."""
    digits = word.lstrip("+-").split(".")[0].split("e")[0].split("E")[0]
    return (len(digits) > 1 and digits.startswith("0")) or not set(word) & set(".eE")


def _refuse_unreadable(text: str) -> None:
    if len(text) > MAX_BYTES:
        raise NotYaml(_too_long())
    bad = Reader.NON_PRINTABLE.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        raise NotYaml(Flaw(line, f"Control character U+{ord(bad.group()):04X} in the text.", "Remove it."))


def _too_long() -> Flaw:
    return Flaw(
        1, f"The file is longer than {MAX_BYTES:,} bytes.", "A recipe is a page; data belongs into a source of its own."
    )


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Flaw:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines() or [""]
    line = min(mark.line + 1 if mark else 1, len(lines))  # what is missing at the end is missing after the last line
    here = lines[line - 1]
    said = " ".join(part for part in (error.context, error.problem) if part)
    return Flaw(line, f"This is not YAML: {said}.", _syntax_cure(said, here))


def _syntax_cure(said: str, here: str) -> str:
    if "\t" in here:
        return "Indent with spaces, not with tabs."
    if "mapping values" in said:
        return "Quote a value that contains ': ', and indent what belongs under a name by two spaces."
    return "Look at the indentation, colons, quotes and brackets of this line and the one above."


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(text: str) -> str:
    return text if len(text) <= 40 and _encodable(text) else f"{text[:37]!a}..."
