"""The shape of an answer: a sentence, tables that carry it, and what about it is not known."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from synth_dagster.records import Json

State: TypeAlias = Literal["answered", "partly", "not known"]


@dataclass(frozen=True, slots=True)
class Code:
    """A hash, an id or a setting: shown as code."""

    text: str


Cell: TypeAlias = str | int | float | Code | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a caption; the last `numbers` columns are numbers."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: int = 1

    def as_json(self) -> list[dict[str, Json]]:
        return [
            {name: cell.text if isinstance(cell, Code) else cell for name, cell in zip(self.head, row, strict=True)}
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What there is to say to a question. Without a sentence nothing is known."""

    said: str = ""
    tables: Sequence[Table] = ()
    unknown: Sequence[str] = field(default=())

    @property
    def state(self) -> State:
        if not self.said:
            return "not known"
        return "partly" if self.unknown else "answered"

    def as_json(self) -> dict[str, Any]:
        tables = {table.caption: table.as_json() for table in self.tables}
        return {"state": self.state, "said": self.said, "tables": tables, "not_known": list(self.unknown)}


def settings(values: Mapping[str, Json]) -> Code:
    """Settings as one line, with spaces where it may be broken."""
    return Code(json.dumps(values, ensure_ascii=False, sort_keys=True) if values else "-")


def listed(names: Sequence[str], most: int = 3) -> str:
    """Some names, and how many more there are."""
    more = len(names) - most
    return (", ".join(names[:most]) or "-") + (f" and {more} more" if more > 0 else "")


def counted(counts: Mapping[str, int], none: str = "not stated", most: int = 4) -> str:
    """Counts in a phrase: `en 12, de 3`."""
    return listed([f"{name or none} {count:,}" for name, count in counts.items()], most)


def plural(count: int, thing: str) -> str:
    """`1 record`, `2 records`."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def share(part: float, whole: float) -> str:
    """A share in per cent; a dash where there is nothing to share."""
    return f"{part / whole:.1%}" if whole else "-"
