"""Versions that an erasure left without records which the parents that stay may give again: a run makes them anew.

Such a version is read like any other. It only says among its inputs that something is missing, so it is current for
nobody: the next run, or the sensor that looks for unfinished batches, makes it again from what is above it now, with
the answers that are kept. What is made then says nothing of it, so it is made once.
"""

import json
from collections.abc import Iterable

from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Candidate
from synth_dagster.records import canonical_json

TO_REMAKE = "to remake"  # no stage can be called so


def mark_to_remake(lake: Lake, batches: Iterable[tuple[str, str, str]], erasure: str) -> None:
    """Have these batches (dataset, stage, batch) made anew by the next run; twice is once."""
    for dataset, stage, batch in batches:
        shown = lake.accepted(dataset, stage, batch)
        if shown is not None:
            with lake.meta.database.transaction() as transaction:
                where = "where candidate_id = ?"
                row = transaction.execute(f"select inputs from candidates {where}", (shown.candidate_id,)).fetchone()
                inputs = canonical_json(json.loads(row["inputs"]) | {TO_REMAKE: erasure}) if row else "{}"
                transaction.execute(f"update candidates set inputs = ? {where}", (inputs, shown.candidate_id))


def is_to_remake(version: Candidate) -> bool:
    """Whether it lost records that a run is to make again."""
    return TO_REMAKE in version.inputs
