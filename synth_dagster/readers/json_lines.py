"""JSON lines: one item a line, of any number of lines, without holding more than one.

A line's native key is its id, or the hash of its bytes where it has none: a line number would change for every line
below an insertion. The same bytes again are told apart by their count (`~2`); the same id again is refused. Both need
the lines before; a reader that starts in the middle of a file learns from one pass over it which lines are repeats.
"""

import hashlib
import json
import os
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, TypeAlias

from synth_dagster.parts.transcript import transcript
from synth_dagster.readers.base import (
    Delivery,
    DeliveryChanged,
    Flaw,
    Item,
    Unreadable,
    flaw,
    has_lone_surrogate,
    locator_of,
    storable,
    unreadable,
)
from synth_dagster.readers.chat import LACKS, TURNS, Wanted, recognised
from synth_dagster.readers.folder import Found
from synth_dagster.records import RAW_LIMIT

MAX_ID = 1_000  # characters; a longer one is a text that stands in the wrong field


class Fields(NamedTuple):
    """Where a line holds what, and how long it may be."""

    text: str
    title: str | None
    id: str | None
    url: str | None
    license: str | None
    lang: str | None
    limit: int
    form: Wanted = "auto"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file. Of one that is too long only the beginning is here, and the hash of all of it."""

    number: int
    offset: int
    data: bytes
    hash: str
    is_whole: bool


Occurrence: TypeAlias = Callable[[Line, str], int]
"""How often a key has stood in the file so far, this line included."""


def read_lines(file: Found, fields: Fields, start: Mapping[str, Any]) -> Delivery:
    """The items of a file, from a place on."""
    offset, number = start.get("byte", 0), start.get("line", 1)
    seen = _from_the_middle(file.path, fields) if offset else _from_the_top()
    empty = True
    with file.path.open("rb") as stream:
        _check_place(stream, offset, file)
        for line in lines_of(stream, offset, number, fields.limit):
            empty = False
            yield _read(file, line, fields, seen)
    if empty and not offset:
        yield unreadable(
            file.key, "empty_file", "It has blank lines only.", location=file.key, locator=locator_of(file=file.name)
        )


def lines_of(stream: BinaryIO, offset: int, number: int, limit: int) -> Iterator[Line]:
    """The lines that are not blank, never holding more than `limit` bytes of one."""
    while head := stream.readline(limit + 2):  # a line of exactly the limit, and its line end
        length, hasher = len(head), hashlib.blake2b(digest_size=8)
        bare = _bare(head, first=offset == 0)
        is_whole = head.endswith(b"\n") or length < limit + 2
        hasher.update(bare)
        if not is_whole:
            length += _skip(stream, limit, hasher)
        if bare.strip() or not is_whole:
            fits = is_whole and len(bare) <= limit
            yield Line(number, offset, bare if fits else bare[:RAW_LIMIT], hasher.hexdigest(), fits)
        offset, number = offset + length, number + 1


def _bare(line: bytes, *, first: bool) -> bytes:
    without_mark = line.removeprefix(b"\xef\xbb\xbf") if first else line
    return without_mark.rstrip(b"\r\n")


def _skip(stream: BinaryIO, limit: int, hasher: "hashlib.blake2b") -> int:
    """Pass over the rest of a line; its length."""
    length = 0
    while piece := stream.readline(limit):
        hasher.update(piece.rstrip(b"\r\n") if piece.endswith(b"\n") else piece)
        length += len(piece)
        if piece.endswith(b"\n"):
            break
    return length


def _check_place(stream: BinaryIO, offset: int, file: Found) -> None:
    """A place must be the beginning of a line; after an edit it may not be, and its batch is planned anew."""
    stream.seek(max(offset - 1, 0))
    if offset and stream.read(1) != b"\n":
        raise DeliveryChanged(f"{file.key!r} changed after it was planned. Run 'synth run' again: it plans it anew.")


# ------------------------------------------------------------------------------------------------------------- a line


def _read(file: Found, line: Line, fields: Fields, seen: Occurrence) -> Item | Unreadable:
    location = f"{file.key}:{line.number}"
    locator = locator_of(file=file.name, byte=line.offset, line=line.number)
    try:
        value = parsed(line, fields.limit)
        name = name_of(value, fields)
        times = seen(line, name or line.hash)
        if name and times > 1:
            raise Flaw("duplicate_key", f"The id {name!r} stands in this file before. Give every line its own.")
        return item_of(value, fields, f"{file.key}#{name or _numbered(line.hash, times)}", locator)
    except Flaw as error:
        times = seen(line, f"unreadable {line.hash}")
        key = f"{file.key}#{_numbered(line.hash, times)}"
        return unreadable(key, error.reason, error.detail, location=location, locator=locator, raw=line.data)


def _numbered(name: str, times: int) -> str:
    return name if times == 1 else f"{name}~{times}"


def parsed(line: Line, limit: int) -> dict[str, Any]:
    """The object that a line holds. Raises Flaw."""
    if not line.is_whole:
        raise Flaw("line_too_long", f"It has more than {limit} bytes. Split it, or raise max_line_bytes.")
    try:
        value = json.loads(line.data.decode("utf-8"), parse_constant=_no_number, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise Flaw("invalid_utf8", f"Byte {error.start} of the line is not UTF-8. Save the file as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Flaw("not_json", f"{error.msg} at character {error.pos + 1}.") from None
    except (ValueError, RecursionError):
        raise Flaw("not_json", "It nests too deeply, or holds a number that JSON does not have.") from None
    if not isinstance(value, dict):
        raise Flaw("wrong_type", f'A line must be an object and this is {_type(value)}. Write {{"text": ...}}.')
    if b"\\u" in line.data and has_lone_surrogate(json.dumps(value, ensure_ascii=False)):
        raise Flaw(
            "lone_surrogate", "It holds half of a surrogate pair, which no UTF-8 text can. Repair what wrote it."
        )
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("out of range")
    return number


def name_of(value: Mapping[str, Any], fields: Fields) -> str | None:
    """The id of a line in one spelling, or None. Raises Flaw."""
    found = value.get(fields.id) if fields.id else None
    if found is None or found == "":
        return None
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise Flaw("wrong_type", f"'{fields.id}' must be text or a whole number and is {_type(found)}.")
    name = unicodedata.normalize("NFC", storable(str(found)))
    if len(name) > MAX_ID:
        raise Flaw("wrong_type", f"'{fields.id}' has {len(name)} characters and may have {MAX_ID}. Set id_field: null.")
    return name


def item_of(value: dict[str, Any], fields: Fields, native_key: str, locator: str) -> Item:
    """A record as an item, a text or a conversation; what is no field of ours becomes an attribute. Raises Flaw."""
    text, form, used = _content(value, fields)
    wrong = flaw(text)
    if wrong:
        raise Flaw(*wrong)
    own = {*used, fields.title, fields.id, fields.url, fields.license, fields.lang}
    return Item(
        native_key=native_key,
        text=text,
        title=_string(value, fields.title),
        url=_string(value, fields.url),
        attributes={name: held for name, held in value.items() if name not in own},
        license=_string(value, fields.license),
        lang=_string(value, fields.lang),
        locator=locator,
        form=form,
    )


def _content(value: dict[str, Any], fields: Fields) -> tuple[str, str | None, Collection[str]]:
    """The text of a record, the form of its conversation if it is one, and the fields that held it. Raises Flaw.

    A text of its own goes before a conversation, unless the recipe says a form.
    """
    if fields.form == "text" or (fields.form == "auto" and value.get(fields.text) is not None):
        return _text(value, fields), None, {fields.text}
    found = recognised(value, fields.form)
    if found is not None:
        return transcript(found.conversation), found.form, found.fields
    if fields.form == "auto":
        return _text(value, fields), None, {fields.text}
    raise Flaw(
        "not_a_conversation",
        f"There is {LACKS[fields.form]}. The fields there are {_names(value)}: set form to what they hold.",
    )


def _text(value: dict[str, Any], fields: Fields) -> str:
    if value.get(fields.text) is None:
        also = f", and no conversation in {', '.join(TURNS[:2])}" if fields.form == "auto" else ""
        raise Flaw(
            "missing_field",
            f"There is no '{fields.text}'{also}. Set text_field to one of the fields there: {_names(value)}.",
        )
    return _string(value, fields.text) or ""


def _names(value: Mapping[str, Any]) -> str:
    return ", ".join(f"'{storable(name[:40])}'" for name in list(value)[:12]) or "none"


def _string(value: Mapping[str, Any], name: str | None) -> str | None:
    found = value.get(name) if name else None
    if found is not None and not isinstance(found, str):
        raise Flaw("wrong_type", f"'{name}' must be text and is {_type(found)}. Name another field in the recipe.")
    return found


def _type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


# ------------------------------------------------------------------------------------------------------------ repeats


def _from_the_top() -> Occurrence:
    """Counts as it goes. What it remembers is eight bytes a line, whatever the lines hold."""
    seen: set[int] = set()
    more: dict[int, int] = {}

    def times(line: Line, key: str) -> int:
        number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())
        if number not in seen:
            seen.add(number)
            return 1
        more[number] = more.get(number, 1) + 1
        return more[number]

    return times


def _from_the_middle(path: Path, fields: Fields) -> Occurrence:
    """Knows from one pass over the whole file which lines are repeats; usually none."""
    status = path.stat()
    known = _repeats(os.fspath(path), status.st_mtime_ns, status.st_size, status.st_ino, fields)
    return lambda line, key: known.get((line.offset, key), 1)


@lru_cache(maxsize=32)
def _repeats(path: str, changed: int, size: int, inode: int, fields: Fields) -> Mapping[tuple[int, str], int]:
    """Place and key -> count, of keys that stood before; `changed`, `size` and `inode` tell an edited file apart."""
    found: dict[tuple[int, str], int] = {}
    times = _from_the_top()

    def noted(line: Line, key: str) -> int:
        count = times(line, key)
        if count > 1:
            found[(line.offset, key)] = count
        return count

    file = Found(Path(path).name, Path(path))
    with Path(path).open("rb") as stream:
        for line in lines_of(stream, 0, 1, fields.limit):
            _read(file, line, fields, noted)
    return found
