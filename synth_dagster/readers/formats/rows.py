"""Rows of a file: lines of JSON, elements of an array, lines of a table. Each becomes an item, or a reject.

A row's native key is its id, or the hash of its bytes where it has none: a number would change for every row below an
insertion. The same bytes again are told apart by their count (`~2`); the same id again is refused. Both need the rows
before. A reader that starts in the middle of a file is told the counts of the rows it will meet (`start_of`), or learns
them from one pass over the whole file.
"""

import hashlib
import json
import unicodedata
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, NoReturn, TypeAlias

from synth_dagster.parts.asking.transcript import transcript
from synth_dagster.readers.base import Delivery, Flaw, Item, Unreadable, flaw, has_lone_surrogate, locator_of, storable
from synth_dagster.readers.base import unreadable as unreadable_at
from synth_dagster.readers.chat import LACKS, TURNS, recognised
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.settings import FileReader, RowReader

MAX_ID = 1_000  # characters; a longer one is a text that stands in the wrong field

CONVERSING = {*TURNS, "instruction", "chosen"}  # a table with such a column may hold conversations

Format: TypeAlias = Callable[[File, FileReader, Mapping[str, Any]], Delivery]
"""Reads a file from a place on; {} is its beginning. Raises Flaw where all that follows cannot be read."""


class Row(NamedTuple):
    """A row of a file, or why it is none."""

    number: int  # as people count
    place: Mapping[str, int]  # what a later run needs to start here
    raw: bytes  # all of it, or the beginning
    value: dict[str, Any] | Flaw
    hash_of_all: str | None = None  # where only the beginning is here

    @property
    def hash(self) -> str:
        """What names the row where it has no id."""
        return self.hash_of_all or hash_of(self.raw)


RowsOf: TypeAlias = Callable[[File, Any, Mapping[str, Any]], Iterator[Row]]
Occurrence: TypeAlias = Callable[[Row, str], int]
"""How often a key has stood in the file so far, this row included."""


def read_rows(file: File, settings: RowReader, start: Mapping[str, Any], rows_of: RowsOf) -> Delivery:
    """The items of a file, from a place on."""
    times = _occurrences(file, settings, start, rows_of)
    empty = _is_top(start)
    for row in rows_of(file, settings, start):
        empty = False
        yield _read(file, row, settings, times)
    if empty:
        raise Flaw("empty_file", "There is no row in it. Deliver it again, or remove it.")


def _read(file: File, row: Row, settings: RowReader, times: Occurrence) -> Item | Unreadable:
    locator, file_key = locator_of(file=file.name, **row.place), file.key
    count = 0
    try:
        value = row.value
        if isinstance(value, Flaw):
            raise value
        name = name_of(value, settings.id_field)
        key = name or row.hash
        count = times(row, key)
        if name and count > 1:
            raise Flaw("duplicate_key", f"The id {name!r} stands in this file before. Give every row its own.")
        return item_of(value, settings, f"{file_key}#{key if name else _numbered(key, count)}", locator, count)
    except Flaw as wrong:
        count = count or times(row, f"unreadable {row.hash}")
        key, location = f"{file_key}#{_numbered(row.hash, count)}", f"{file_key}:{row.number}"
        return unreadable_at(
            key, wrong.reason, wrong.detail, location=location, locator=locator, raw=row.raw, repeat=count
        )


def _numbered(name: str, times: int) -> str:
    return name if times == 1 else f"{name}~{times}"


def hash_of(data: bytes) -> str:
    """What names a row that has no id."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


# --------------------------------------------------------------------------------------------------- a row as an item


def parsed(data: bytes) -> dict[str, Any]:
    """The object that some JSON holds. Raises Flaw."""
    try:
        value = DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise not_utf8(data, error) from None
    except json.JSONDecodeError as error:
        raise Flaw("not_json", f"{error.msg.removesuffix(' at')} at character {error.pos + 1}.") from None
    except (ValueError, RecursionError):
        raise too_much() from None
    return object_of(value, data)


def too_much() -> Flaw:
    """What to say of JSON that is none although its signs are right."""
    return Flaw("not_json", "It nests too deeply, or holds a number that JSON does not have.")


def object_of(value: Any, data: bytes) -> dict[str, Any]:
    """A value of JSON if it is an object that can be stored. Raises Flaw."""
    if not isinstance(value, dict):
        raise Flaw("wrong_type", f'A row must be an object and this is {type_of(value)}. Write {{"text": ...}}.')
    if b"\\u" in data and has_lone_surrogate(json.dumps(value, ensure_ascii=False)):
        raise Flaw(
            "lone_surrogate", "It holds half of a surrogate pair, which no UTF-8 text can. Repair what wrote it."
        )
    return value


def not_utf8(data: bytes, error: UnicodeDecodeError, what: str = "row") -> Flaw:
    """What to say of bytes that are no text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Flaw("invalid_utf8", "It begins like UTF-16. Save it as UTF-8, or set encoding: utf-16.")
    return Flaw(
        "invalid_utf8",
        f"Byte {error.start} of the {what} is not text. Save the file as UTF-8, or set encoding to the one it has.",
    )


def no_number(name: str) -> NoReturn:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)


def finite(digits: str) -> float:
    """A number of JSON. Raises ValueError where it is too large."""
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("out of range")
    return number


# one for all: `json.loads` would make one for every row
DECODER = json.JSONDecoder(parse_constant=no_number, parse_float=finite)


def name_of(value: Mapping[str, Any], field: str | None) -> str | None:
    """The id of a row in one spelling, or None. Raises Flaw."""
    found = value.get(field) if field else None
    if found is None or found == "":
        return None
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise Flaw("wrong_type", f"'{field}' must be text or a whole number and is {type_of(found)}.")
    name = str(found)
    if not (name.isascii() and name.isprintable()):
        name = unicodedata.normalize("NFC", storable(name))
    if len(name) > MAX_ID:
        raise Flaw("wrong_type", f"'{field}' has {len(name)} characters and may have {MAX_ID}. Set id_field: null.")
    return name


def item_of(value: dict[str, Any], settings: RowReader, native_key: str, locator: str, repeat: int = 1) -> Item:
    """A row as an item, a text or a conversation; what is no field of ours becomes an attribute. Raises Flaw."""
    text, form, used = _content(value, settings)
    wrong = flaw(text)
    if wrong:
        raise Flaw(*wrong)
    return Item(
        native_key=native_key,
        text=text,
        title=_string(value, settings.title_field),
        url=_string(value, settings.url_field),
        attributes=_attributes(value, used, settings),
        license=_string(value, settings.license_field),
        lang=_string(value, settings.lang_field),
        locator=locator,
        form=form,
        repeat=repeat,
    )


def _content(value: dict[str, Any], settings: RowReader) -> tuple[str, str | None, Collection[str]]:
    """The text of a row, the form of its conversation if it is one, and the fields that held it. Raises Flaw.

    A text of its own goes before a conversation, unless the recipe says a form.
    """
    if settings.form == "text" or (settings.form == "auto" and _has_text(value, settings)):
        return _text(value, settings), None, settings.text_fields
    found = recognised(value, settings.form)
    if found is not None:
        return transcript(found.conversation), found.form, found.fields
    if settings.form == "auto":
        return _text(value, settings), None, settings.text_fields
    raise Flaw(
        "not_a_conversation",
        f"There is {LACKS[settings.form]}. The fields there are {names_of(value)}: set form to what they hold.",
    )


def _has_text(value: Mapping[str, Any], settings: RowReader) -> bool:
    return all(value.get(name) is not None for name in settings.text_fields)


def _text(value: Mapping[str, Any], settings: RowReader) -> str:
    for name in settings.text_fields:
        if value.get(name) is None:
            raise missing(name, value, settings)
    if not settings.template:
        return _string(value, settings.text_field) or ""
    return "".join(words + (_words(value, name) if name else "") for words, name in settings.text_parts)


def missing(name: str, there: Iterable[str], settings: RowReader) -> Flaw:
    """What to say where a field of the text is not there."""
    there = list(there)
    if name in there:
        return Flaw("missing_field", f"'{name}' is null. Give the row a text, or leave it out of the delivery.")
    if len(there) == 1 and (between := next((mark for mark in ";\t|" if mark in there[0]), None)):
        return Flaw("missing_field", f"Its only column is {names_of(there)}. Set delimiter to {between!r}.")
    also = f", and no conversation in {', '.join(TURNS[:2])}" if settings.form == "auto" else ""
    setting = "template" if settings.template else "text_field"
    return Flaw(
        "missing_field", f"There is no '{name}'{also}. Set {setting} to one of the fields there: {names_of(there)}."
    )


def check_columns(names: Collection[str], settings: RowReader) -> None:
    """Raises Flaw where no row of a table can have a text: one cause for the file instead of one for each row."""
    if settings.form not in ("auto", "text") or (settings.form == "auto" and CONVERSING & set(names)):
        return
    lacking = next((name for name in settings.text_fields if name not in names), None)
    if lacking is not None:
        raise missing(lacking, names, settings)


def names_of(fields: Iterable[str]) -> str:
    """The first fields of a row, for a sentence."""
    return ", ".join(f"'{storable(name[:40])}'" for name in islice(fields, 12)) or "none"


def _attributes(value: Mapping[str, Any], used: Collection[str], settings: RowReader) -> dict[str, Any]:
    own, wanted = {*used, *settings.mapped_fields}, settings.attribute_fields
    return {name: held for name, held in value.items() if name not in own and (wanted is None or name in wanted)}


def _string(value: Mapping[str, Any], name: str | None) -> str | None:
    found = value.get(name) if name else None
    if found is not None and not isinstance(found, str):
        raise Flaw("wrong_type", f"'{name}' must be text and is {type_of(found)}. Name another field in the recipe.")
    return found


def _words(value: Mapping[str, Any], name: str) -> str:
    """A field inside a template: text, or a number."""
    found = value[name]
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise Flaw("wrong_type", f"'{name}' must be text or a number and is {type_of(found)}. Name another field.")
    return str(found)


def type_of(value: object) -> str:
    """The type of a value of JSON in words."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


# ------------------------------------------------------------------------------------------------------------ repeats


class Counts:
    """How often each of many numbers came, in 12 bytes a place where a dictionary needs a hundred."""

    def __init__(self, places: int = 1024) -> None:
        self._held = 0
        self._keys, self._times = array("Q", [0]) * places, array("I", [0]) * places

    def add(self, number: int) -> int:
        """Count a number of 64 bits; how often it came so far, this time included."""
        place = self._place(number or 1)  # zero marks an empty place
        self._times[place] += 1
        if self._times[place] > 1:
            return self._times[place]
        self._keys[place] = number or 1
        self._held += 1
        if 3 * self._held > 2 * len(self._keys):
            self._grow()
        return 1

    def _place(self, number: int) -> int:
        keys, mask = self._keys, len(self._keys) - 1
        place = number & mask
        while keys[place] not in (0, number):
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        keys, times = self._keys, self._times
        self._keys, self._times = array("Q", [0]) * (2 * len(keys)), array("I", [0]) * (2 * len(keys))
        for key, count in zip(keys, times, strict=True):
            if key:
                place = self._place(key)
                self._keys[place], self._times[place] = key, count


def _occurrences(file: File, settings: RowReader, start: Mapping[str, Any], rows_of: RowsOf) -> Occurrence:
    if _is_top(start):
        return _counted()
    told = start.get("repeats")
    return _learned(file, settings, rows_of) if told is None else _told(told)


def _is_top(start: Mapping[str, Any]) -> bool:
    return not any(start.get(name) for name in ("byte", "group", "row"))


def _counted() -> Occurrence:
    """Counts as it goes, from the top of a file on."""
    counts = Counts()
    return lambda row, key: counts.add(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()))


def _told(repeats: Mapping[str, int]) -> Occurrence:
    """Knows by their order which of the rows to come are repeats."""
    order = iter(range(2**63))
    return lambda row, key: repeats.get(str(next(order)), 1)


def _learned(file: File, settings: RowReader, rows_of: RowsOf) -> Occurrence:
    """Knows from one pass over the whole file which rows are repeats; usually none."""
    known = _repeats(file, file.version(), settings, rows_of)
    return lambda row, key: known.get(tuple(row.place.values()), 1)


@lru_cache(maxsize=32)
def _repeats(file: File, version: str, settings: RowReader, rows_of: RowsOf) -> Mapping[tuple[int, ...], int]:
    """Place -> count, of rows whose key stood before; `version` tells an edited file apart."""
    found: dict[tuple[int, ...], int] = {}
    counted = _counted()

    def noted(row: Row, key: str) -> int:
        count = counted(row, key)
        if count > 1:
            found[tuple(row.place.values())] = count
        return count

    try:
        for row in rows_of(file, settings, {}):
            _read(file, row, settings, noted)
    except Flaw:
        pass  # a file that breaks off is known up to there; who reads it meets the same end
    return found
