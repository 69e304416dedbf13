"""A form in which others read what a dataset is: a file beside the data, written from the facts and nothing else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, cast

from synth_dagster.exports.facts import Facts
from synth_dagster.exports.manifest import Manifest
from synth_dagster.records import Json

Columns: TypeAlias = Mapping[str, str | Sequence[str]]
"""Name -> `Text`, `Integer`, `Float` or `Boolean`; of a list of objects, the names of their texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What stands in the export already: the manifest so far, the data files of each split, what a line holds."""

    manifest: Manifest
    data: Mapping[str, Sequence[str]]
    columns: Columns

    @property
    def encoding(self) -> str:
        """The media type of the data files."""
        return "application/x-parquet" if self.manifest.format == "parquet" else "application/jsonlines"

    @property
    def approvals(self) -> Sequence[Mapping[str, Any]]:
        """The approvals that stand: by whom, when and why."""
        return cast("Sequence[Mapping[str, Any]]", self.manifest.approval.get("approvals", ()))

    def size(self) -> int:
        """The bytes of all data files."""
        return sum(self.bytes(name) for files in self.data.values() for name in files)

    def bytes(self, name: str) -> int:
        found = self.manifest.files[name]["bytes"]
        assert isinstance(found, int)
        return found

    def sha256(self, name: str) -> str:
        return str(self.manifest.files[name]["sha256"])


class Standard:
    """Base of the standards. A subclass names its file and writes it."""

    file: ClassVar[str]
    title: ClassVar[str]

    def write(self, facts: Facts, shown: Shown) -> str:
        """The whole file."""
        raise NotImplementedError


def pretty(value: Json) -> str:
    """A JSON file that people can read, the same for the same value."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


COLUMN_TYPES: Mapping[type, str] = {str: "Text", bool: "Boolean", int: "Integer", float: "Float"}


def columns_of(line: Mapping[str, Json]) -> dict[str, str | Sequence[str]]:
    """What a line holds, as far as a flat description can say it."""
    found: dict[str, str | Sequence[str]] = {}
    for name, value in line.items():
        if type(value) in COLUMN_TYPES:
            found[name] = COLUMN_TYPES[type(value)]
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            shared = [key for key in value[0] if all(isinstance(one.get(key), str) for one in value)]
            found |= {name: shared} if shared else {}
    return found
