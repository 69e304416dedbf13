"""How much of a release machines have translated, as far as anybody has said so.

A record says it among its attributes, as `translated: true` or `false`: a delivery has that beside its texts, or a step
writes it. What says nothing itself is taken as the recipe says of its source, else as the texts of its source say.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

TRANSLATED = "translated"  # the attribute of a record that is a translation
COLUMNS = ["source", "attributes"]


@dataclass(frozen=True, slots=True)
class Translated:
    """Of so many records as many are translations, and of so many of these sources nobody knows it."""

    records: int
    translations: float
    unknown: Mapping[str, float]

    def line(self) -> str:
        """As a sentence's end, with what to do where it is not known."""
        if self.unknown:
            lacking, names = sum(self.unknown.values()), ", ".join(sorted(self.unknown)[:3])
            cure = f"say it in publication.translated, or as '{TRANSLATED}' beside each text"
            return f"not known of {_some(lacking)} of {self.records:,} records ({names}): {cure}"
        share = self.translations / self.records if self.records else 0.0
        return f"{share:.1%} of {self.records:,} records, as texts and publication.translated say"


def said_in(attributes: Iterable[str | None]) -> list[bool | None]:
    """Whether each record says that it is a translation; None where it says nothing."""
    found = (json.loads(one).get(TRANSLATED) if one and f'"{TRANSLATED}"' in one else None for one in attributes)
    return [one if isinstance(one, bool) else None for one in found]


def translated(kept: pa.Table, texts: Iterable[pa.Table], stated: Mapping[str, float]) -> Translated:
    """Of the kept records, by what they say, by what the recipe says of a source, and by the texts of their source."""
    of_texts = Counter[tuple[str, bool | None]]()
    for table in texts:
        of_texts.update(_counted(table))
    translations, unknown = 0.0, defaultdict[str, float](float)
    for (source, said), count in _counted(kept).items():
        share, silent = _of_source(source, of_texts, stated) if said is None else (float(said), 0.0)
        translations += count * share
        unknown[source] += count * silent
    return Translated(kept.num_rows, translations, {name: lacking for name, lacking in unknown.items() if lacking})


def _of_source(
    source: str, of_texts: Mapping[tuple[str, bool | None], int], stated: Mapping[str, float]
) -> tuple[float, float]:
    """The share of a source that is translated, and the share of which nobody knows it."""
    if source in stated:
        return stated[source], 0.0
    counts = [of_texts.get((source, said), 0) for said in (True, False, None)]
    whole = sum(counts)
    return (counts[0] / whole, counts[2] / whole) if whole else (0.0, 1.0)


def _counted(rows: pa.Table) -> Counter[tuple[str, bool | None]]:
    """How many records of each source say that they are, that they are not, and nothing."""
    says = pc.fill_null(pc.match_substring(rows["attributes"], f'"{TRANSLATED}"'), False)
    silent = rows.filter(pc.invert(says))["source"].value_counts().to_pylist()
    found = Counter[tuple[str, bool | None]]({(one["values"], None): one["counts"] for one in silent})
    said = rows.filter(says)
    found.update(zip(said["source"].to_pylist(), said_in(said["attributes"].to_pylist()), strict=True))
    return found


def _some(count: float) -> str:
    return f"{count:,.0f}" if count >= 1 else "some"
