"""Reads the files of a delivery one after the other, each by its format, and says what cannot be read.

What is wrong with a row costs the row; what is wrong with a file costs what follows in the file. A file that changes
while it is read ends the reading, because half of the old and half of the new is no delivery.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import PurePath
from typing import Any

from synth_dagster.readers.base import Delivery, DeliveryChanged, Flaw, Item, Unreadable, locator_of, place_of
from synth_dagster.readers.formats.compressed import COMPRESSIONS, decompressed
from synth_dagster.readers.formats.encoded import in_utf8
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.html import read_html
from synth_dagster.readers.formats.json_lines import read_json_lines
from synth_dagster.readers.formats.json_values import read_json
from synth_dagster.readers.formats.parquet import read_parquet
from synth_dagster.readers.formats.pdf import read_pdf
from synth_dagster.readers.formats.rows import Format
from synth_dagster.readers.formats.separated import read_csv, read_tsv
from synth_dagster.readers.formats.settings import FileReader
from synth_dagster.readers.formats.text import read_markdown, read_text

FORMATS: Mapping[str, Format] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".json": read_json,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".parquet": read_parquet,
}
NO_TEXT = (".pdf", ".parquet")  # these have no encoding


def format_problem(name: str) -> tuple[str, str] | None:
    """Reason and detail why a file of this name is not read, or None."""
    suffix, _ = suffixes_of(name)
    if suffix in FORMATS:
        return None
    allowed = f"Allowed are {', '.join(FORMATS)}, each also with {' or '.join(COMPRESSIONS)} after it."
    return "unknown_format", f"'{suffix}' is not read here. {allowed}"


def suffixes_of(name: str) -> tuple[str, str]:
    """The suffix that names the format, and that of a compression after it or nothing."""
    path = PurePath(name.lower())
    if path.suffix in COMPRESSIONS:
        return PurePath(path.stem).suffix, path.suffix
    return path.suffix, ""


def read_files(files: Sequence[File], settings: FileReader, start: str | None = None) -> Delivery:
    """What files hold, in their order, from a locator on. Raises DeliveryChanged."""
    place = place_of(start) if start else {}
    for file in _from(files, place.get("file")):
        yield from _read(file, settings, place if file.name == place.get("file") else {})


def _from(files: Sequence[File], first: str | None) -> Iterator[File]:
    names = [file.name for file in files]
    if first is not None and first not in names:
        raise DeliveryChanged(f"{first!r} is no longer delivered. Run 'synth run' again: it plans the batches anew.")
    yield from files[names.index(first) if first is not None else 0 :]


def _read(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A file's items, then what is wrong with it, if anything."""
    if file.problem:
        yield file.unreadable(*file.problem)
        return
    before, last, problem = _version(file), None, None
    try:
        # a place after an item is entered at the item
        for last in islice(_opened(file, settings, start), 1 if start.get("after") else 0, None):
            yield last
    except Flaw as flaw:
        problem = flaw.reason, flaw.detail
    except OSError as error:
        words = error.strerror or "The system does not give it"
        problem = "unreadable", f"{words}. Allow this user to read it, or repair the disk."
    if _version(file) != before:
        raise _changed(file)
    if problem:
        yield file.unreadable(*problem, locator=_after(file, last, start))


def _opened(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    suffix, compression = suffixes_of(file.name)
    if compression:
        file = file.through(partial(decompressed, file, compression, settings.max_expansion))
    if settings.encoding and suffix not in NO_TEXT:
        file = file.through(partial(in_utf8, file, settings.encoding))
    return FORMATS[suffix](file, settings, start)


def _after(file: File, last: Item | Unreadable | None, start: Mapping[str, Any]) -> str:
    """The place behind an item: where the item stands, and that it is not meant."""
    if last is not None:
        return locator_of(**{**place_of(last.locator), "after": 1})
    return locator_of(**{name: value for name, value in start.items() if name != "repeats"} | {"file": file.name})


def _version(file: File) -> str:
    try:
        return file.version()
    except OSError:
        raise _changed(file) from None


def _changed(file: File) -> DeliveryChanged:
    return DeliveryChanged(
        f"{file.key!r} changed while it was read. Wait until it is written, then run 'synth run' again. A name that "
        "ends in .part is passed over: write to such a name, and rename the file when it is whole."
    )
