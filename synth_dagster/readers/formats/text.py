"""Text and markdown: a file is one item."""

from collections.abc import Callable, Mapping
from typing import Any

from synth_dagster.readers.base import Delivery, Flaw, Item, Unreadable, flaw, locator_of
from synth_dagster.readers.formats.file import File, whole
from synth_dagster.readers.formats.markdown import Parsed, parse
from synth_dagster.readers.formats.rows import not_utf8
from synth_dagster.readers.formats.settings import FileReader


def read_text(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A text file as one item."""
    yield one_item(file, *_limit(settings), lambda data: Parsed(_decoded(data)))


def read_markdown(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A markdown file as one item: front matter as attributes, its title or the first heading as the title."""
    yield one_item(file, *_limit(settings), lambda data: parse(_decoded(data)))


def one_item(file: File, limit: int, setting: str, understood: Callable[[bytes], Parsed]) -> Item | Unreadable:
    """A file as one item; `understood` raises Flaw where it is none."""
    data = whole(file, limit, setting)
    try:
        parsed = understood(data)
        wrong = flaw(parsed.text)
        if wrong:
            raise Flaw(*wrong)
    except Flaw as found:
        return file.unreadable(found.reason, found.detail, data)
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


def _limit(settings: FileReader) -> tuple[int, str]:
    return settings.max_file_bytes, "max_file_bytes"


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(data, error, "file") from None
