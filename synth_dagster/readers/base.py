"""What a reader is: settings, and a stream of items in a stable order that can be entered at any item.

A native key is the name that the delivery itself gives an item; it must survive changes elsewhere in the delivery. A
locator says where the item stands now, and is what a later run starts at; it is not part of what the item is.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

from synth_dagster.errors import SynthError
from synth_dagster.readers.places import Places
from synth_dagster.record_tables import RAW_LIMIT
from synth_dagster.records import Json, Reject


class NotDelivered(SynthError):
    """The source is not where the recipe says. An optional source may be absent; a required one may not."""


class DeliveryChanged(SynthError):
    """The delivery is not as it was when its batches were planned; planning again is the cure."""


class Flaw(Exception):
    """A place of a delivery that gives no item: reason and detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Item:
    """One text of a delivery, with what the delivery says about it."""

    native_key: str
    text: str
    title: str | None = None
    url: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    license: str | None = None  # where the delivery names one for this item
    lang: str | None = None
    locator: str = ""
    form: str | None = None  # of a conversation, the form it came in; its text is then a transcript
    repeat: int = 1  # how often its key has stood in its file so far

    def identity(self) -> Json:
        form = [self.form] if self.form else []
        return ["item", self.text, self.title, self.url, self.attributes, self.license, self.lang, *form]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A place of a delivery that gives no item, and why."""

    native_key: str
    reject: Reject
    locator: str = ""
    repeat: int = 1

    def identity(self) -> Json:
        return ["unreadable", self.reject.reason, self.reject.raw]


Delivery: TypeAlias = Iterator[Item | Unreadable]


class Reader(BaseModel):
    """Base of all readers; the fields of a subclass are its settings in a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def items(self, places: Places, *, start: str | None = None, optional: bool = False) -> Delivery:
        """What is delivered, from the item at the locator `start` on; paths mean what `places` says.

        Memory does not grow with the delivery. Raises NotDelivered when nothing is there, unless `optional`.
        """
        raise NotImplementedError

    def facts(self, places: Places) -> str | None:
        """A hash of what can be known of the delivery without reading it: names, sizes, times. Another one, another
        delivery. None where only reading would tell, or where nothing is there.
        """
        return None


def unreadable(
    native_key: str,
    reason: str,
    detail: str,
    *,
    location: str,
    locator: str,
    raw: str | bytes = "",
    repeat: int = 1,
) -> Unreadable:
    """An Unreadable whose raw text fits into a table, whatever bytes it came from."""
    reject = Reject(reason=reason, detail=detail, raw=storable(raw), location=location)
    return Unreadable(native_key, reject, locator, repeat)


def storable(raw: str | bytes) -> str:
    """Text that every table and database takes: cut to the limit, broken bytes and NUL written as escapes."""
    head = raw[:RAW_LIMIT]
    text = head.decode("utf-8", "backslashreplace") if isinstance(head, bytes) else well_formed(head)
    return text.replace("\0", "\\x00")[:RAW_LIMIT]


def well_formed(text: str) -> str:
    """The text with lone surrogates written as escapes: file names hold them where they are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def flaw(text: str) -> tuple[str, str] | None:
    """Reason and detail why a string cannot be a record's text, or None."""
    if not text.strip():
        return "blank_text", "There is nothing but white space in it."
    if "\0" in text:
        return "nul_byte", "It holds a NUL character, as binary files and UTF-16 do. Save it as plain UTF-8 text."
    if has_lone_surrogate(text):
        return "lone_surrogate", "It holds half of a surrogate pair, which no UTF-8 text can. Repair what wrote it."
    return None


def has_lone_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def locator_of(**place: Json) -> str:
    """A place as JSON in ASCII, so that every database keeps it."""
    return _LOCATOR.encode(place)


_LOCATOR = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def start_of(locator: str, repeats: Mapping[int, int]) -> str:
    """Where a run of items starts, with the counts of those that are not the first of their key.

    A reader that starts there need not read what stands before only to learn them.
    """
    return locator_of(**place_of(locator), repeats={str(place): times for place, times in repeats.items()})


def place_of(locator: str) -> dict[str, Any]:
    """What `locator_of` wrote. Raises DeliveryChanged for anything else, such as a locator of another reader."""
    try:
        place = json.loads(locator)
    except ValueError:
        place = None
    if not isinstance(place, dict):
        raise DeliveryChanged(
            f"{locator!r} is no place of this source. Run 'synth run' again: it plans the batches anew."
        )
    return place
