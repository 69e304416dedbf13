"""Removes what dead writers and decided candidates left behind."""

import time
from pathlib import PurePosixPath

from synth_dagster.lake import delta_log
from synth_dagster.lake.file_names import is_data, is_stray
from synth_dagster.lake.layout import Layout
from synth_dagster.lake.meta import Meta

DAY = 86_400.0


def sweep(layout: Layout, meta: Meta, *, older_than_s: float = DAY) -> list[str]:
    """The names of the files that were removed.

    A file that any version of a table has shown is not touched, nor is one of a candidate that awaits its gate.
    """
    before = time.time() - older_than_s
    removed = layout.store.remove_unfinished(before)
    for dataset in layout.datasets():
        for name in layout.table_names(dataset):
            removed += _sweep_table(layout, meta, dataset, name, before)
    return removed


def _sweep_table(layout: Layout, meta: Meta, dataset: str, name: str, before: float) -> list[str]:
    """The log, which is long, is read only when there are files that the metadata does not account for."""
    kept = _kept(meta, dataset)
    old = [entry.name for entry in layout.store.entries(f"{dataset}/{name}/") if entry.modified <= before]
    left = {file for file in old if is_data(file) and PurePosixPath(file).stem not in kept}
    shown = delta_log.ever_added(layout.table(dataset, name)) if left else set()
    removed = [file for file in old if is_stray(file) or (file in left and PurePosixPath(file).stem not in shown)]
    for file in removed:
        layout.store.remove(file)
    return removed


def _kept(meta: Meta, dataset: str) -> set[str]:
    """The candidates whose files somebody may still need."""
    rows = meta.database.rows(
        "select candidate_id from candidates where dataset = ? and state in ('awaiting', 'accepted')", (dataset,)
    )
    copies = meta.database.rows("select new from erased_versions where dataset = ?", (dataset,))
    return {row["candidate_id"] for row in rows} | {row["new"] for row in copies}
