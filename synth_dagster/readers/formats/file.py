"""A file of a delivery, wherever it stands: a name, a way to open it at any byte, and a way to see that it changed."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO, TypeAlias

from synth_dagster.readers.base import Flaw, Unreadable, locator_of, unreadable, well_formed

Opener: TypeAlias = Callable[[int], BinaryIO]
"""Opens the file for reading from a byte on."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a delivery, and why it cannot be read, if so: reason and detail."""

    name: str  # as its source spells it; locators hold it
    open: Opener = field(compare=False)
    version: Callable[[], str] = field(compare=False)  # another one after every change of the file
    problem: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        """The name in one spelling: macOS and Linux write an accent differently. Native keys begin with it."""
        return unicodedata.normalize("NFC", well_formed(self.name))

    def through(self, opener: Opener) -> "File":
        """The same file, opened in another way."""
        return replace(self, open=opener)

    def unreadable(self, reason: str, detail: str, raw: bytes = b"", *, locator: str | None = None) -> Unreadable:
        """What stands for the whole file, or for all that follows a place in it."""
        place = locator or locator_of(file=self.name)
        return unreadable(self.key, reason, detail, location=self.key, locator=place, raw=raw)


def whole(file: File, limit: int, setting: str) -> bytes:
    """All bytes of a file. Raises Flaw if there are more than `limit`."""
    with file.open(0) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise Flaw("file_too_large", f"It has more than {limit} bytes. Split it, or raise {setting}.")
    return data
