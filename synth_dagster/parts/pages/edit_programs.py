"""Programs of edits that a model writes for a text, and the executor that alone touches the text.

The model sees lines with their numbers and answers calls, one a line: `remove_lines(line_start=3, line_end=5)`,
`normalize(source_str="...", target_str="")`, `remove_str(line=4, text="...")`, `keep_chunk()`. Nothing that it writes
is evaluated: calls are read by pattern, and one that cannot be read, names lines that were not shown or a string that
is not there is counted as an error.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from synth_dagster.parts.text.tokens import count, place_after

_CALL = re.compile(r"(\w{1,40})\s{0,9}\((.*)\)\s{0,9};?", re.DOTALL)
_ARGUMENT = re.compile(
    r"\s{0,9}(?:(\w{1,40})\s{0,9}=\s{0,9})?"
    r"(?:(-?\d{1,15})|\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|(True|False))\s{0,9}(?:,|\Z)",
    re.DOTALL,
)
_FENCE = re.compile(r"```\w*")
_MOST_GROWTH = 2  # a text may not become longer than this many times itself by replacements


@dataclass(frozen=True, slots=True)
class Normalise:
    """Replaces every occurrence of a string."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class RemoveLines:
    """Removes the lines from `first` to `last`, both included, counted from 0."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class RemoveText:
    """Removes a string from a line in which it stands exactly once."""

    line: int
    text: str


Operation: TypeAlias = Normalise | RemoveLines | RemoveText
T = TypeVar("T", Normalise, RemoveLines, RemoveText)


@dataclass(frozen=True, slots=True)
class Program:
    """The operations of one text in their order, and how many calls could not be read."""

    operations: tuple[Operation, ...] = ()
    errors: int = 0
    clears: bool = False  # removes every line, which only the published reading knows

    def of(self, kind: type[T]) -> list[T]:
        return [operation for operation in self.operations if isinstance(operation, kind)]


@dataclass(frozen=True, slots=True)
class Executed:
    """A text after its program, and all errors: of calls that could not be read and of those that could not be done."""

    text: str
    errors: int


# ------------------------------------------------------------------------------------------------------------- windows


@dataclass(frozen=True, slots=True)
class Window:
    """Whole lines of a text, from line `first` of the whole text on."""

    first: int
    lines: tuple[str, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1

    def numbered(self, most: int) -> str:
        """The lines with their numbers in the whole text; of a line of more than `most` tokens, its beginning."""
        return "\n".join(
            f"[{number:03d}]{line if count(line) <= most else line[: place_after(line, most)] + ' ...'}"
            for number, line in enumerate(self.lines, self.first)
        )


def windows(text: str, most: int) -> list[Window]:
    """The text as windows of whole lines with at most `most` tokens each; a longer line is a window of its own."""
    found: list[Window] = []
    gathered: list[str] = []
    size = 0
    for number, line in enumerate(text.split("\n")):
        tokens = count(line) + 3  # the brackets and the number before it
        if gathered and size + tokens > most:
            found.append(Window(number - len(gathered), tuple(gathered)))
            gathered, size = [], 0
        gathered.append(line)
        size += tokens
    start = found[-1].last + 1 if found else 0
    return [*found, Window(start, tuple(gathered))]


# ------------------------------------------------------------------------------------------------------------- reading

_PARAMETERS: Mapping[str, tuple[tuple[str, type], ...]] = {
    "remove_lines": (("line_start", int), ("line_end", int)),
    "normalize": (("source_str", str), ("target_str", str)),
    "remove_str": (("line", int), ("text", str)),
}


def read_program(text: str, window: Window, allowed: Iterable[str]) -> Program:
    """The program that was written for a window. Calls that are not allowed or not possible there are errors.

    `keep_...` calls say that nothing is to be done; a line that is no call is an error too.
    """
    operations: list[Operation] = []
    errors = 0
    for line in (_FENCE.sub("", line).strip() for line in text.split("\n")):
        if not line:
            continue
        read = _read_call(line, frozenset(allowed))
        if read is None or not all(_fits(operation, window) for operation in read):
            errors += 1
        else:
            operations += read
    return Program(tuple(operations), errors)


def _read_call(line: str, allowed: frozenset[str]) -> list[Operation] | None:
    """The operation of a call, none for one that keeps everything; None for what is no call."""
    found = _CALL.fullmatch(line)
    if found is None or found[1] not in allowed:
        return None
    name = found[1]
    if name not in _PARAMETERS:
        return [] if not found[2].strip() else None
    given = _arguments(found[2], _PARAMETERS[name])
    return [_operation(name, given)] if given is not None else None


def _operation(name: str, given: Mapping[str, int | str]) -> Operation:
    values = list(given.values())
    if name == "normalize":
        return Normalise(str(values[0]), str(values[1]))
    if name == "remove_lines":
        return RemoveLines(int(values[0]), int(values[1]))
    return RemoveText(int(values[0]), str(values[1]))


def _arguments(text: str, parameters: Sequence[tuple[str, type]]) -> dict[str, int | str] | None:
    """Parameter -> value in the order of the parameters; None where one is missing, strange or of another type."""
    found: dict[str, int | str] = {}
    at = 0
    while text[at:].strip():
        match = _ARGUMENT.match(text, at)
        if match is None or len(found) >= len(parameters):
            return None
        name = match[1] or parameters[len(found)][0]
        wanted = dict(parameters).get(name)
        value = _value(match)
        if name in found or wanted is None or value is None or not isinstance(value, wanted):
            return None
        found[name] = value
        at = match.end()
    if parameters[-1][0] == "target_str":
        found.setdefault("target_str", "")
    return {name: found[name] for name, _ in parameters} if len(found) == len(parameters) else None


def _value(match: re.Match[str]) -> int | str | None:
    number, double, single = match[2], match[3], match[4]
    if number is not None:
        return int(number)
    if double is not None:
        return _unescaped(double)
    return single.replace("\\'", "'").replace("\\\\", "\\") if single is not None else None


def _unescaped(text: str) -> str:
    try:
        return json.loads(f'"{text}"', strict=False)
    except ValueError:  # models write "\d" too, which is no escape of JSON
        return text.replace('\\"', '"')


def _fits(operation: Operation, window: Window) -> bool:
    if isinstance(operation, RemoveLines):
        return window.first <= operation.first <= operation.last <= window.last
    if isinstance(operation, RemoveText):
        inside = window.first <= operation.line <= window.last
        return inside and bool(operation.text) and window.lines[operation.line - window.first].count(operation.text) > 0
    plain = "\n" not in operation.source + operation.target and _is_text(operation.target)
    return plain and bool(operation.source.strip()) and operation.source in "\n".join(window.lines)


def _is_text(text: str) -> bool:
    """Whether a string can be stored: half a pair of surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# ----------------------------------------------------------------------------------------------------------- execution


def executed(text: str, program: Program) -> Executed:
    """The text after its program: replacements first, then strings of lines, then lines, all numbered as before.

    A replacement whose string is gone, or that would blow the text up, and a string that stands in its line more than
    once are errors and are not done.
    """
    errors = program.errors
    most = _MOST_GROWTH * len(text)
    for operation in program.of(Normalise):
        found = text.count(operation.source)
        if not found or len(text) + found * (len(operation.target) - len(operation.source)) > most:
            errors += 1
        else:
            text = text.replace(operation.source, operation.target)
    lines = text.split("\n")
    errors += _shorten(lines, program.of(RemoveText))
    return Executed("\n".join(without_lines(lines, program.of(RemoveLines))), errors)


def _shorten(lines: list[str], removals: Iterable[RemoveText]) -> int:
    """Takes strings out of lines, all looked up in the line as it was; how many could not be."""
    errors = 0
    spans: dict[int, list[tuple[int, int]]] = {}
    for one in removals:
        line = lines[one.line]
        start = line.find(one.text)
        if start < 0 or line.find(one.text, start + 1) >= 0:
            errors += 1
        else:
            spans.setdefault(one.line, []).append((start, start + len(one.text)))
    for number, cut in spans.items():
        lines[number] = _cut(lines[number], cut)
    return errors


def _cut(line: str, spans: Iterable[tuple[int, int]]) -> str:
    kept, at = [], 0
    for start, end in sorted(spans):
        kept.append(line[at : max(at, start)])
        at = max(at, end)
    return "".join([*kept, line[at:]])


def without_lines(lines: Sequence[str], removals: Iterable[RemoveLines]) -> list[str]:
    """The lines that no interval takes: linear in lines and intervals, however wide these are."""
    edges = [0] * (len(lines) + 1)
    for one in removals:
        first, end = max(one.first, 0), min(one.last + 1, len(lines))
        if first < end:
            edges[first] += 1
            edges[end] -= 1
    kept, depth = [], 0
    for line, edge in zip(lines, edges, strict=False):
        depth += edge
        if not depth:
            kept.append(line)
    return kept


def joined(programs: Iterable[Program]) -> Program:
    """The programs of a text's windows as one."""
    every = list(programs)
    return Program(
        tuple(operation for program in every for operation in program.operations), sum(one.errors for one in every)
    )


def written(program: Program) -> str:
    """The program as its calls, one a line, to be read again."""
    return "\n".join(_said(operation) for operation in program.operations)


def _said(operation: Operation) -> str:
    if isinstance(operation, RemoveLines):
        return f"remove_lines(line_start={operation.first}, line_end={operation.last})"
    if isinstance(operation, RemoveText):
        return f"remove_str(line={operation.line}, text={_quoted(operation.text)})"
    return f"normalize(source_str={_quoted(operation.source)}, target_str={_quoted(operation.target)})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def is_subsequence(short: str, long: str) -> bool:
    """Whether a text is another one with characters left out."""
    rest = iter(long)
    return all(character in rest for character in short)
