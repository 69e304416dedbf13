"""The language reference inside Python's own standard library: real text on every machine, without a download.

`pydoc_data.topics` is what `help("assert")` shows, under PSF-2.0. Its text differs by Python version.
"""

import re
import sys
from collections.abc import Mapping
from itertools import pairwise

from synth_dagster.readers.base import Delivery, DeliveryChanged, Item, Reader, locator_of, place_of
from synth_dagster.readers.places import Places

LICENSE = "PSF-2.0"
_UNDERLINE = re.compile(r"([*=\-~^\"#+.])\1{2,}")


class PythonReference(Reader):
    """Reads the topics in alphabetical order, each as one item."""

    def items(self, places: Places, *, start: str | None = None, optional: bool = False) -> Delivery:
        texts = topics()
        first = str(place_of(start).get("topic")) if start else min(texts)
        if first not in texts:
            raise DeliveryChanged(
                f"This Python's reference has no topic {first!r}. Run 'synth run' again: it plans the batches anew."
            )
        return (item_of(topic, texts[topic]) for topic in sorted(texts) if topic >= first)


def topics() -> Mapping[str, str]:
    """Topic -> text, as the running Python has them."""
    from pydoc_data.topics import topics as texts

    return texts


def item_of(topic: str, text: str) -> Item:
    """A topic as an item, its title the first heading."""
    title, body = title_of(text), without_underlines(text).strip("\n")
    # major and minor: a patch release that leaves a text alone leaves its batch alone
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Item(
        native_key=topic,
        text=body,
        title=title or topic,
        attributes={"python_version": version, "topic": topic},
        license=LICENSE,
        lang="en",
        locator=locator_of(topic=topic),
    )


def title_of(text: str) -> str | None:
    """The first line that is underlined."""
    lines = text.split("\n")
    return next((above.strip() for above, line in pairwise(lines) if _underlines(line, above)), None)


def without_underlines(text: str) -> str:
    """The text without the lines that only underline a heading; rows of such marks in tables and code stay."""
    lines = text.split("\n")
    return "\n".join(line for above, line in zip(["", *lines], lines, strict=False) if not _underlines(line, above))


def _underlines(line: str, above: str) -> bool:
    return bool(_UNDERLINE.fullmatch(line)) and len(line) == len(above) and not above[:1].isspace()
