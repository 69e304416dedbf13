"""Files of the project: plain text, markdown, and JSON lines, by suffix.

A text or markdown file is one item, a line of JSON is one. A file or line that cannot be read is one `Unreadable`, and
the rest goes on.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from pydantic import Field

from synth_dagster.readers.base import (
    Delivery,
    DeliveryChanged,
    Item,
    Reader,
    Unreadable,
    flaw,
    locator_of,
    place_of,
    unreadable,
)
from synth_dagster.readers.chat import Wanted
from synth_dagster.readers.folder import Found, found_files
from synth_dagster.readers.json_lines import Fields, read_lines
from synth_dagster.readers.markdown import Parsed, parse
from synth_dagster.readers.places import Places

MIB = 1024 * 1024


class Files(Reader):
    """Reads a file, a folder with everything below it, or a pattern such as `inbox/**/*.md`, by name."""

    path: str = Field(min_length=1, description="A file, a folder or a pattern of the project.")
    text_field: str = Field("text", min_length=1, description="JSON lines: the field that holds the text.")
    title_field: str | None = Field("title", description="JSON lines: the field that holds the title; null for none.")
    id_field: str | None = Field("id", description="JSON lines: the field that names a line; null for none.")
    url_field: str | None = Field("url", description="JSON lines: the field with the address; null for none.")
    license_field: str | None = Field(
        "license", description="JSON lines: the field with an SPDX licence; null for none."
    )
    lang_field: str | None = Field("lang", description="JSON lines: the field with the language; null for none.")
    form: Wanted = Field(
        "auto",
        description="JSON lines: what a line holds, a text or a conversation; auto tells it by the fields of each.",
    )
    max_line_bytes: int = Field(16 * MIB, ge=1, description="JSON lines: a longer line is skipped and reported.")
    max_file_bytes: int = Field(64 * MIB, ge=1, description="Text and markdown: a larger file is skipped and reported.")

    def items(self, places: Places, *, start: str | None = None, optional: bool = False) -> Delivery:
        files = found_files(places, self.path, suffixes=READERS, optional=optional)
        return self._read(files, place_of(start) if start else {})

    def fields(self) -> Fields:
        """Where a line of JSON holds what."""
        return Fields(
            text=self.text_field,
            title=self.title_field,
            id=self.id_field,
            url=self.url_field,
            license=self.license_field,
            lang=self.lang_field,
            limit=self.max_line_bytes,
            form=self.form,
        )

    def _read(self, files: list[Found], start: dict[str, Any]) -> Delivery:
        for file in _from(files, start.get("file")):
            if file.problem:
                yield _problem(file, *file.problem)
                continue
            here = start if file.name == start.get("file") else {}
            try:
                yield from READERS[file.path.suffix.lower()](self, file, here)
            except OSError as error:
                yield _problem(file, "unreadable", f"{error.strerror}. Allow this user to read it, or repair the disk.")


def read_text(settings: Files, file: Found, start: dict[str, Any]) -> Delivery:
    """A text file as one item."""
    yield from _whole(settings, file, Parsed)


def read_markdown(settings: Files, file: Found, start: dict[str, Any]) -> Delivery:
    """A markdown file as one item: front matter as attributes, its title or the first heading as the title."""
    yield from _whole(settings, file, parse)


def read_json_lines(settings: Files, file: Found, start: dict[str, Any]) -> Delivery:
    """A file of JSON lines as one item for each line that is not blank."""
    yield from read_lines(file, settings.fields(), start)


ReadFile: TypeAlias = Callable[[Files, Found, dict[str, Any]], Delivery]
READERS: dict[str, ReadFile] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
}


def _from(files: list[Found], first: str | None) -> Iterator[Found]:
    names = [file.name for file in files]
    if first is not None and first not in names:
        raise DeliveryChanged(f"{first!r} is no longer delivered. Run 'synth run' again: it plans the batches anew.")
    yield from files[names.index(first) if first is not None else 0 :]


def _whole(settings: Files, file: Found, parsed: Callable[[str], Parsed]) -> Delivery:
    with file.path.open("rb") as stream:
        data = stream.read(settings.max_file_bytes + 1)
    if len(data) > settings.max_file_bytes:
        detail = f"It has more than {settings.max_file_bytes} bytes. Split it, or raise max_file_bytes."
        yield _problem(file, "file_too_large", detail, data)
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield _problem(file, "invalid_utf8", _not_utf8(data, error), data)
        return
    yield _item(file, parsed(text), data)


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "It begins like UTF-16. Save it as UTF-8."
    return f"Byte {error.start} of the file is not UTF-8. Save it as UTF-8."


def _item(file: Found, parsed: Parsed, data: bytes) -> Item | Unreadable:
    wrong = flaw(parsed.text)
    if wrong:
        return _problem(file, *wrong, data)
    return Item(
        native_key=file.key,
        text=parsed.text,
        title=parsed.title,
        url=parsed.url,
        attributes=parsed.attributes,
        license=parsed.license,
        lang=parsed.lang,
        locator=locator_of(file=file.name),
    )


def _problem(file: Found, reason: str, detail: str, raw: bytes = b"") -> Unreadable:
    return unreadable(file.key, reason, detail, location=file.key, locator=locator_of(file=file.name), raw=raw)
