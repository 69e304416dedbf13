"""What an erasure has to do is read back as it was written down."""

import pyarrow as pa
import pytest

from synth_dagster.governance.erase_journal import Journal
from synth_dagster.lake.doomed import Doomed, Stored
from synth_dagster.lake.shingles import Needles

IDS = pa.array([bytes(16), bytes(range(16))], pa.binary())


def pieces():
    found = Needles()
    found.add("The letter of Ana Lund that must not be read by anybody again.")
    return found


@pytest.mark.parametrize("needles", [None, pieces()], ids=["no text is looked for", "pieces of text"])
def test_a_journal_reads_back_as_it_was_written(needles):
    doomed = Doomed(IDS, frozenset({("demo", "notes")}), IDS[:1], needles)
    journal = Journal("e1", {"why": "asked"}, {"records": 2}, doomed, IDS[1:], IDS[:0])
    journal.rewrite.append(Stored("demo", "corpus", "a.parquet", "b"))
    journal.batches.append(("demo", "notes:1"))
    journal.remake.append(("demo", "corpus", "notes:1"))
    read = Journal.of_json(journal.to_json().encode())
    assert read.to_json() == journal.to_json()
    assert (read.doomed.ids, read.doomed.sources, read.doomed.calls) == (doomed.ids, doomed.sources, doomed.calls)
    assert (read.rewrite, read.batches, read.remake) == (journal.rewrite, journal.batches, journal.remake)
    assert read.wanted.needles.count() == (needles.count() if needles else 0)
