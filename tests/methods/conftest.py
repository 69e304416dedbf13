"""What tests of methods share: the verdict of a filter on one record, through the same engine that runs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Instruction, Record
from synth_dagster.runner.vectors import NoVectors
from synth_dagster.scale.signals import compute_signals, flatten, judge
from synth_dagster.services import Vectors, asked_of


@dataclass
class PlainReferences:
    """Reference texts by path, from memory."""

    # with `path:answers`, the answers to the texts of `path`
    found: Mapping[str, list[str]] = field(default_factory=dict)

    def texts(self, path):
        return self.found[path]

    def files(self, path):
        return {"items.jsonl": self.found[path]}

    def answers(self, path):
        return {"items.jsonl": self.found.get(f"{path}:answers", [""] * len(self.found[path]))}

    def rows(self, path):
        return self.found[path]


@pytest.fixture
def references():
    return PlainReferences


@pytest.fixture
def verdicts_of():
    """The reasons of a filter for several records or texts of one kind; None for one that is kept."""

    def reasons(method, items, services=None):
        records = [replace(as_record(method, item), parents=()) for item in items]  # a table holds references only
        flat = flatten(to_table(records, records[0].kind), records[0].kind)
        nobody = {name: NoVectors() for name, service in asked_of(method.measure).items() if service is Vectors}
        signals = compute_signals(method, flat, services=nobody | dict(services or {}))
        return judge(method, signals)["reason"].to_pylist()

    return reasons


@pytest.fixture
def verdict_of(verdicts_of):
    """The reason of a filter for one record or text; None when it is kept."""
    return lambda method, item, services=None: verdicts_of(method, [item], services)[0]


def as_record(method, item):
    """A text becomes a document for a filter that judges documents, else the answer to a question."""
    if isinstance(item, Record):
        return item
    return Document(body=item) if Document in method.judges else Instruction.single("What is there to say?", item)
