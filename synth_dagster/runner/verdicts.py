"""The verdicts of a release: one for each record of its stage, and the rows that are kept."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.record_tables import schema_of
from synth_dagster.records import Json
from synth_dagster.runner.choosing import drop_duplicates, mix, select
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.pool import Pool, pool_of
from synth_dagster.runner.release_inputs import Inputs
from synth_dagster.runner.stamp import counted
from synth_dagster.runner.vectors import known_vectors

VERDICTS = "verdicts"

VERDICT = pa.schema(
    [
        ("record_id", pa.binary()),
        ("stage", pa.string()),
        ("batch", pa.string()),
        ("source", pa.string()),
        ("verdict", pa.string()),  # kept | dropped
        ("reason", pa.string()),  # method:rule, or superseded; null when kept
        ("duplicate_of", pa.binary()),
        ("cluster_size", pa.int64()),  # records that say the same, this one too; null where nobody looked
        ("score", pa.float64()),  # of the selection, where there is one
        ("rank", pa.int64()),
        ("copies", pa.int32()),  # how often the mixture asks for it; 0 when dropped
        ("tokens", pa.int64()),
        ("run_id", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("release", pa.string()),
    ]
)


def decided(context: RunContext, release: str, inputs: Inputs) -> tuple[pa.Table, pa.Table]:
    """The verdicts of a release and its rows."""
    pool = pool_of(context, inputs)
    with known_vectors(context, context.recipe.mix.of, [rows for rows, _ in inputs.batches.values()]) as vectors:
        drop_duplicates(context, pool, vectors)
    select(context, pool)
    mix(context, pool)
    return _verdict_table(context, release, pool), _kept_rows(context, release, inputs, pool)


def _verdict_table(context: RunContext, release: str, pool: Pool) -> pa.Table:
    rows = pool.table.num_rows
    kept = [reason is None for reason in pool.reason]
    columns: dict[str, Any] = {
        "record_id": pool.table["record_id"],
        "stage": pa.array([context.recipe.mix.of] * rows, pa.string()),
        "batch": pool.table["batch"],
        "source": pool.table["source"],
        "verdict": pa.array(["kept" if is_kept else "dropped" for is_kept in kept], pa.string()),
        "reason": pa.array(pool.reason, pa.string()),
        "duplicate_of": pa.array(pool.duplicate_of, pa.binary()),
        "cluster_size": pa.array(pool.cluster_size, pa.int64()),
        "score": pa.array(pool.score, pa.float64()),
        "rank": pa.array(pool.rank, pa.int64()),
        "copies": pa.array(
            [count if is_kept else 0 for count, is_kept in zip(pool.copies, kept, strict=True)], pa.int32()
        ),
        "tokens": pool.table["tokens"],
        "run_id": pa.array([context.run_id] * rows, pa.string()),
        "created_at": pa.array([datetime.now(UTC)] * rows, pa.timestamp("us", tz="UTC")),
        "release": pa.array([release] * rows, pa.string()),
    }
    return pa.table(columns).cast(VERDICT)


def _kept_rows(context: RunContext, release: str, inputs: Inputs, pool: Pool) -> pa.Table:
    """The kept records as they stand in their stage, with how often and why."""
    chosen = {
        record_id: (pool.copies[place], pool.score[place], pool.rank[place])
        for record_id, place in pool.places().items()
        if pool.reason[place] is None
    }
    kind = context.recipe.stage(context.recipe.mix.of).record_kind
    parts = [
        _taken(context.lake.candidate_table(rows).select(schema_of(kind).names), chosen)
        for rows, _ in inputs.batches.values()
    ]
    table = pa.concat_tables(parts).sort_by("record_id")
    return table.append_column("release", pa.array([release] * table.num_rows, pa.string()))


def _taken(table: pa.Table, chosen: Mapping[bytes, tuple[int, float | None, int | None]]) -> pa.Table:
    ids = table["record_id"].to_pylist()
    table = table.filter(pa.array([record_id in chosen for record_id in ids], pa.bool_()))
    picked = [chosen[record_id] for record_id in ids if record_id in chosen]
    return (
        table.append_column("copies", pa.array([copies for copies, _, _ in picked], pa.int32()))
        .append_column("score", pa.array([score for _, score, _ in picked], pa.float64()))
        .append_column("rank", pa.array([rank for _, _, rank in picked], pa.int64()))
    )


def details_of(verdicts: pa.Table) -> dict[str, Json]:
    reasons = verdicts["reason"].to_pylist()
    return {
        "verdicts": {"kept": reasons.count(None), "dropped": dict(counted(reasons))},
        "records": len(reasons),
        "tokens": sum(verdicts.filter(pc.field("verdict") == "kept")["tokens"].to_pylist()),
    }
