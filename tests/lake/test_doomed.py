"""Which rows go with an erasure: of a table those that it names, of the rejects also those of a source or a call."""

import pyarrow as pa
import pytest

from synth_dagster.lake.doomed import Doomed
from synth_dagster.record_tables import REJECT
from synth_dagster.records import digest

ROWS = {
    "of the record": {"record_id": digest("gone")},
    "of the source": {"record_id": digest("other"), "source": "forum"},
    "of the call": {"call_id": digest("asked")},
    "of nothing that goes": {"record_id": digest("stays"), "source": "notes", "call_id": digest("another call")},
}


def going(table, **doomed):
    """The rows that go, by name."""
    rows = pa.Table.from_pylist([{"reason": name, **row} for name, row in ROWS.items()], schema=REJECT)
    gone = Doomed(pa.array([digest("gone")], pa.binary()), **doomed).rows("demo", table, rows)
    return [name for name, goes in zip(ROWS, gone.to_pylist(), strict=True) if goes]


@pytest.mark.parametrize(
    ("doomed", "also"),
    [
        pytest.param({}, [], id="a record"),
        pytest.param({"sources": frozenset({("demo", "forum")})}, ["of the source"], id="a source"),
        pytest.param({"sources": frozenset({("others", "forum")})}, [], id="a source of another dataset"),
        pytest.param({"calls": pa.array([digest("asked")], pa.binary())}, ["of the call"], id="a call"),
    ],
)
def test_a_reject_goes_with_its_record_its_source_or_its_call(doomed, also):
    assert going("rejects", **doomed) == ["of the record", *also]
    assert going("questions", **doomed) == ["of the record"]
