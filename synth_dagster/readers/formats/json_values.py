"""JSON: an array of objects, or objects one after the other, read element by element without holding more than one.

A mistake in the syntax hides where the next element begins, so it costs the rest of the file; in JSON lines it costs a
line. What is wrong with an element that can be passed over costs that element.
"""

import codecs
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from synth_dagster.readers.base import Delivery, Flaw
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.json_lines import too_long
from synth_dagster.readers.formats.rows import DECODER, Row, not_utf8, object_of, read_rows, too_much
from synth_dagster.readers.formats.settings import MIB, FileReader
from synth_dagster.record_tables import RAW_LIMIT

_SPACE = re.compile(r"[ \t\r\n]*+")
_IN_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_SIGN = re.compile(r'["{}\[\],]')
_TOKEN = 16  # characters; the longest word that can be cut: -Infinity


class Element(NamedTuple):
    """A value in the file: where it stands, the bytes it is written in, and what it is."""

    offset: int
    raw: bytes
    value: Any
    hash_of_all: str | None = None  # where only the beginning of the bytes is here


def read_json(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A file of JSON as one item for each element of its array, or for each object that it holds."""
    return read_rows(file, settings, start, _rows)


def _rows(file: File, settings: FileReader, start: Mapping[str, Any]) -> Iterator[Row]:
    with file.open(0) as stream:
        top = _Window(stream, 0)
        in_array = top.is_array()
        if in_array:
            top.pass_over(1)
    offset, first = start.get("byte") or top.offset, start.get("element", 1)
    with file.open(offset) as stream:
        elements = _elements(_Window(stream, offset), settings.max_line_bytes, in_array)
        for number, element in enumerate(elements, first):
            place = {"byte": element.offset, "element": number}
            yield Row(number, place, element.raw, _object(element), element.hash_of_all)


def _object(element: Element) -> dict[str, Any] | Flaw:
    if isinstance(element.value, Flaw):
        return element.value
    try:
        element.raw.decode("utf-8")
        return object_of(element.value, element.raw)
    except UnicodeDecodeError as error:
        return not_utf8(element.raw, error, "element")
    except Flaw as flaw:
        return flaw


def _elements(window: "_Window", limit: int, in_array: bool) -> Iterator[Element]:
    """The elements from where the window stands, which is before one. Raises Flaw at a mistake in the syntax."""
    sign = window.next_sign()
    while sign and not (in_array and sign == "]"):
        yield _element(window, limit)
        sign = window.next_sign()
        if in_array and sign == ",":
            window.pass_over(1)
            window.next_sign()
        elif in_array and sign and sign != "]":
            raise _lost(window, "A comma or ] is missing between elements")
    if in_array and not sign:
        raise _lost(window, "The array breaks off")
    if in_array:
        window.pass_over(1)
    if window.next_sign():
        raise _lost(window, "Something follows the array")


def _element(window: "_Window", limit: int) -> Element:
    while True:
        try:
            value, end = DECODER.raw_decode(window.text, window.at)
        except json.JSONDecodeError as error:
            if not window.may_be_cut(error):
                raise _lost(window, error.msg) from None
            if window.held > limit:
                return _passed_over(window, too_long("element", limit))
            window.grow()
        except (ValueError, RecursionError):
            return _passed_over(window, too_much())
        else:
            if end < len(window.text) or window.is_all:
                raw, offset = window.bytes_to(end), window.offset
                window.pass_over(end - window.at)
                return Element(offset, raw, value if len(raw) <= limit else too_long("element", limit))
            window.grow()  # a number may go on


def _passed_over(window: "_Window", flaw: Flaw) -> Element:
    """An element that is not held: its beginning, and the hash of all of it."""
    offset, beginning, hasher = window.offset, b"", hashlib.blake2b(digest_size=8)
    for piece in _pieces(window):
        hasher.update(piece)
        beginning += piece[: RAW_LIMIT - len(beginning)]
    return Element(offset, beginning, flaw, hasher.hexdigest())


def _pieces(window: "_Window") -> Iterator[bytes]:
    """The bytes of an element, by brackets and quotes alone; the window stands behind it then."""
    depth, in_string = 0, False
    while True:
        end, depth, in_string, is_over = _scanned(window.text, window.at, depth, in_string)
        piece = window.bytes_to(end)
        window.pass_over(end - window.at)
        yield piece
        if is_over or window.is_all:
            return
        window.grow()


def _scanned(text: str, at: int, depth: int, in_string: bool) -> tuple[int, int, bool, bool]:
    """How far an element goes in a text: its end there, the depth, whether inside a string, and whether it is over."""
    while at < len(text):
        if in_string:
            at = _end_of(_IN_STRING.match(text, at))
            if text[at : at + 1] != '"':
                return at, depth, True, False  # cut, perhaps behind a backslash
            at, in_string = at + 1, False
            continue
        found = _SIGN.search(text, at)
        if found is None:
            return len(text), depth, False, False
        sign, at = found.group(), found.start()
        if depth == 0 and sign in ",]}":
            return at, 0, False, True
        at, in_string = at + 1, sign == '"'
        depth += (sign in "{[") - (sign in "}]")
        if depth == 0 and sign in "}]":
            return at, 0, False, True
    return at, depth, in_string, False


def _end_of(match: re.Match[str] | None) -> int:
    assert match is not None  # the pattern matches nothing at all, too
    return match.end()


def _lost(window: "_Window", words: str) -> Flaw:
    return Flaw(
        "not_json",
        f"{words} at byte {window.offset}. Where the next element begins cannot be told: repair the file, or deliver "
        "JSON lines (.jsonl), where a bad line costs one line.",
    )


class _Window:
    """A stretch of a file as text, that grows to the right and forgets what was passed over.

    Bytes that are no UTF-8 stand in it as lone surrogates, so that offsets stay those of the file.
    """

    def __init__(self, stream: BinaryIO, offset: int) -> None:
        self.text, self.at, self.offset, self.is_all = "", 0, offset, False
        self._stream, self._decoder = stream, codecs.getincrementaldecoder("utf-8")("surrogateescape")

    @property
    def held(self) -> int:
        """The characters that wait."""
        return len(self.text) - self.at

    def grow(self) -> None:
        """Read on: as much again as is held, so that an element is tried few times however long it is."""
        read = self._stream.read(max(MIB, self.held))
        self.is_all = not read
        self.text, self.at = self.text[self.at :] + self._decoder.decode(read, self.is_all), 0

    def next_sign(self) -> str:
        """The next character that is no space, or nothing at the end; the window stands at it then."""
        while True:
            self.pass_over(_end_of(_SPACE.match(self.text, self.at)) - self.at)
            if self.held or self.is_all:
                return self.text[self.at : self.at + 1]
            self.grow()

    def is_array(self) -> bool:
        """Whether the file is an array; the window stands behind a byte order mark then."""
        self.grow()
        if self.text.startswith("\ufeff"):
            self.pass_over(1)
        return self.next_sign() == "["

    def bytes_to(self, end: int) -> bytes:
        """What stands up to a place of the text, as the file has it."""
        return self.text[self.at : end].encode("utf-8", "surrogateescape")

    def pass_over(self, count: int) -> None:
        """Stand so many characters further."""
        self.offset += len(self.bytes_to(self.at + count))
        self.at += count

    def may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether a mistake is only that the text ends here."""
        near_the_end = error.pos >= len(self.text) - _TOKEN
        return not self.is_all and (near_the_end or error.msg.startswith("Unterminated string"))
