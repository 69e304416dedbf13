"""Datasets of the Hugging Face hub, or saved from there into the project. Rows are streamed, never held together.

A dataset of the hub may change; a revision pins it. The hub's own variables apply: HF_TOKEN, HF_HUB_OFFLINE.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.readers.base import Delivery, Flaw, NotDelivered, place_of
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.parquet import as_json
from synth_dagster.readers.formats.rows import Row, check_columns, read_rows
from synth_dagster.readers.formats.settings import RowReader
from synth_dagster.readers.places import INBOX, Places
from synth_dagster.records import canonical_json

log = logging.getLogger(__name__)

CURE = "Check its name, split and revision, and that the hub can be reached; a private one needs HF_TOKEN."
CURES = {
    "GatedRepoError": "Ask for access on its page at the hub, then set HF_TOKEN to a token of that account.",
    "OfflineModeIsEnabled": "Unset HF_HUB_OFFLINE, or save the dataset in the project and name its folder as path.",
}
BINARY = ("Image", "Audio", "Video", "Pdf")  # features that no record holds


class HuggingFace(RowReader):
    """Reads one split of a dataset, row by row."""

    path: str = Field(
        min_length=1, description="The dataset's name at the hub, or a folder of the project that save_to_disk wrote."
    )
    config: str | None = Field(None, min_length=1, description="The dataset's configuration, where it has several.")
    split: str = Field("train", pattern=r"^[\w.-]+$", description="The split to read.")
    revision: str | None = Field(
        None, min_length=1, description="The commit or tag at the hub; without one the dataset may change at any time."
    )

    def items(self, places: Places, *, start: str | None = None, optional: bool = False) -> Delivery:
        place = place_of(start) if start else {}
        folder = _folder(places, self.path)
        if folder is None and self.path.startswith(f"{INBOX}/"):
            return _missing(self.path, optional=optional)
        rows = _saved(folder, self) if folder else _hub(self)
        if folder is None and self.revision is None:
            log.warning("The dataset '%s' has no revision in the recipe: it may change between runs.", self.path)
        return _read(rows, self, place)


def _folder(places: Places, path: str) -> Path | None:
    """The folder of the project that a path names, if there is one; it may not lead out of the project."""
    home, inside, _ = places.home_of(path)
    folder = home / inside
    if not folder.is_dir():
        return None
    if not folder.resolve().is_relative_to(home.resolve()):
        raise SynthError(f"'{path}' leaves the project. Copy the dataset into the project and name it there.")
    return folder


def _missing(path: str, *, optional: bool) -> Delivery:
    if not optional:
        raise NotDelivered(f"There is no folder '{path}'. Save a dataset there, or say 'optional: true'.")
    return iter(())


def _saved(folder: Path, settings: HuggingFace) -> Any:
    datasets = _datasets()
    with _in_words(settings, "opened"):
        found = datasets.load_from_disk(str(folder))
    if not isinstance(found, dict):
        return found
    if settings.split not in found:
        raise SynthError(f"'{settings.path}' has no split '{settings.split}'. It has: {', '.join(found)}.")
    return found[settings.split]


def _hub(settings: HuggingFace) -> Any:
    datasets = _datasets()
    with _in_words(settings, "opened"):
        return datasets.load_dataset(
            settings.path, settings.config, split=settings.split, revision=settings.revision, streaming=True
        )


def _datasets() -> Any:
    try:
        import datasets
    except ImportError:
        raise SynthError(
            "The reader 'huggingface' needs the package datasets. Install it: pip install 'synth-dagster[huggingface]'."
        ) from None
    return datasets


@contextmanager
def _in_words(settings: HuggingFace, what: str) -> Iterator[None]:
    """The library raises what its many back ends raise, when a dataset is opened and also at any row of it."""
    try:
        yield
    except Exception as error:
        first = str(error).strip().split("\n", 1)[0].rstrip(".")
        said = f"{type(error).__name__}: {first[:300]}"
        cure = next((cure for name, cure in CURES.items() if name in said), CURE)
        raise SynthError(
            f"The dataset '{settings.path}' (split '{settings.split}') cannot be {what}: {said}. {cure}"
        ) from error


def _read(dataset: Any, settings: HuggingFace, place: Mapping[str, Any]) -> Delivery:
    features = dict(dataset.features or {})
    binary = [name for name, feature in features.items() if type(feature).__name__ in BINARY]
    rows = dataset.remove_columns(binary) if binary else dataset
    file = File(settings.split, _never_opened, lambda: uuid4().hex)
    try:
        if features:
            check_columns(features, settings)
        yield from read_rows(
            file, settings, place, lambda _file, _settings, at: _rows(rows, settings, int(at.get("row", 0)))
        )
    except Flaw as flaw:
        yield file.unreadable(flaw.reason, flaw.detail)


def _never_opened(offset: int) -> Any:
    raise AssertionError("a dataset is no file")


def _rows(dataset: Any, settings: HuggingFace, first: int) -> Iterator[Row]:
    for number, row in enumerate(_streamed(dataset, settings, first), start=first):
        value = {name: as_json(held) for name, held in row.items() if not isinstance(held, bytes)}
        raw = canonical_json(value).encode("utf-8", "surrogatepass")
        yield Row(number + 1, {"row": number}, raw, value)


def _streamed(dataset: Any, settings: HuggingFace, first: int) -> Iterator[Mapping[str, Any]]:
    with _in_words(settings, "read"):
        yield from dataset.skip(first) if first else dataset
