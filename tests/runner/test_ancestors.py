"""What stands behind the records of a version: every ancestor, with all that descend from it."""

from dataclasses import dataclass
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Parent
from synth_dagster.runner.ancestors import LakeAncestors

STAGES = ["seed_corpus", "middle", "last"]


def document(number, stage, parents):
    links = [Parent(bytes([parent]) * 16, of, "a:0", "source") for parent, of in parents]
    return Document(
        record_id=bytes([number]) * 16, body=f"text {number}", source="a", batch="a:0", parents=links, stage=stage
    )


@dataclass
class World:
    """A lake of one batch of three stages, from memory."""

    tables: dict

    def accepted(self, dataset, stage, batch):
        return SimpleNamespace(dataset=dataset, stage=stage, batch=batch) if stage in self.tables else None

    def candidate_table(self, version, columns=None):
        return self.tables[version.stage].select(columns or self.tables[version.stage].column_names)


def ancestors(records):
    """The walk from all records of the last stage."""
    tables = {stage: to_table([one for one in records if one.stage == stage], "document") for stage in STAGES}
    reads = {"seed_corpus": None, "middle": "seed_corpus", "last": "middle"}
    recipe = SimpleNamespace(
        mix=SimpleNamespace(name="mix", of="last"), stage=lambda name: SimpleNamespace(reads=reads[name])
    )
    version = SimpleNamespace(dataset="d", stage="last", batch="a:0")
    return LakeAncestors(World(tables), recipe, version, tables["last"])


def pairs(walk):
    return [(row["record_id"][0], heir[0]) for table in walk for row in table.to_pylist() for heir in row["heirs"]]


def test_a_record_is_told_with_all_that_descend_from_it():
    seed, middle = document(1, "seed_corpus", []), document(2, "middle", [(1, "seed_corpus")])
    old = document(3, "last", [(2, "middle"), (1, "seed_corpus")])
    new = document(4, "last", [(3, "last")])
    found = ancestors([seed, middle, old, new])
    assert sorted(pairs(found.generations())) == [(1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
    parents = {row["record_id"][0]: row["parents"] for table in found.generations() for row in table.to_pylist()}
    assert parents == {1: [], 2: [bytes([1]) * 16], 3: [bytes([2]) * 16, bytes([1]) * 16]}
    assert {row["text"] for table in found.generations() for row in table.to_pylist()} == {"text 1", "text 2", "text 3"}
    assert found.delivered().to_pylist() == [{"source": "a", "lang": "und", "synthetic_depth": 0}]


def test_a_parent_that_is_in_the_lake_no_longer_ends_the_walk():
    assert pairs(ancestors([document(4, "last", [(9, "middle"), (8, "gone")])]).generations()) == []


def brute(records, number):
    above = {one.record_id[0]: {parent.record_id[0] for parent in one.parents} for one in records}
    found, left = set(), list(above[number])
    while left:
        one = left.pop()
        if one in above and one not in found:
            found.add(one)
            left += above[one]
    return found


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_walk_is_the_closure_over_parents(data):
    stages = sorted(data.draw(st.lists(st.sampled_from(STAGES), min_size=1, max_size=12)), key=STAGES.index)
    records = []
    for number, stage in enumerate(stages):
        known = [(one.record_id[0], one.stage) for one in records]
        parents = data.draw(st.lists(st.sampled_from(known), max_size=3, unique=True)) if known else []
        records.append(document(number, stage, parents))
    expected = {(above, n) for n, stage in enumerate(stages) if stage == "last" for above in brute(records, n)}
    found = pairs(ancestors(records).generations())
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("column", ["record_id", "text", "source", "lang", "synthetic_depth", "heirs"])
def test_what_is_told_of_an_ancestor(column):
    records = [document(1, "seed_corpus", []), document(2, "last", [(1, "seed_corpus")])]
    (table,) = ancestors(records).generations()
    assert column in table.column_names and table["heirs"].type == pa.list_(pa.binary())
