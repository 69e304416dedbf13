"""Great Expectations suites as files: one per stage kind, in `suites/*.json`, for people who do not read Python.

Great Expectations takes seconds and 260 MB to import, so it is imported inside `validate` only. It sees flat columns of
at most 50,000 rows; what must be exact over all rows is SQL (`rules.py`).
"""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from synth_dagster.records import Json, RecordKind
from synth_dagster.runner.stage import seldom_collected
from synth_dagster.scale.signals import flatten

SUITES = Path(__file__).parent / "suites"
MOST_ROWS = 50_000
PLAIN = ("source", "license", "consent", "lang", "synthetic_depth", "human_share", "status", "method", "copies")


@dataclass(frozen=True, slots=True)
class Expected:
    """One expectation and whether the rows met it."""

    name: str
    column: str
    severity: str
    passed: bool
    counts: dict[str, Json]


def suite_text(name: str) -> str:
    """The suite as its file has it."""
    return (SUITES / f"{name}.json").read_text(encoding="utf-8")


def suite_hash(name: str) -> str:
    """Names the suite's text, so that a gate's verdict says which rules it was given by."""
    return hashlib.sha256(suite_text(name).encode()).hexdigest()[:16]


def flat_rows(rows: pa.Table, kind: RecordKind | None) -> pa.Table:
    """The columns a suite reads: the flat texts of the kind, and the record's plain columns. At most 50,000 rows.

    Ids are hashes, so the first rows by id are a fair sample that is the same every time.
    """
    rows = rows.sort_by("record_id").slice(0, MOST_ROWS)
    plain = {name: rows[name] for name in PLAIN if name in rows.column_names}
    if kind is None:
        numbers = [f.name for f in rows.schema if f.name not in ("record_id", "created_at") and _is_plain(f.type)]
        return pa.table({name: rows[name] for name in numbers})
    flat = flatten(rows, kind)
    texts = {name: flat[name] for name in flat.column_names if name != "record_id"}
    return pa.table({**plain, **texts})


def _is_plain(type_: pa.DataType) -> bool:
    return pa.types.is_primitive(type_) or pa.types.is_string(type_)


def validate(name: str, rows: pa.Table) -> list[Expected]:
    """The suite's expectations over flat rows, in the suite's order."""
    # the import makes some hundred thousand lasting objects: a quarter of its time went into walking them
    with seldom_collected():
        import great_expectations as gx

    wanted = json.loads(suite_text(name))
    suite = gx.ExpectationSuite(name=wanted["name"], expectations=wanted["expectations"])
    batch = _context().data_sources.pandas_default.read_dataframe(rows.to_pandas())
    return [_expected(result.to_json_dict()) for result in batch.validate(suite).results]


@cache
def _context() -> Any:
    """One for the process: each would leave some of its memory behind."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]  # GX types it narrower than it reads it
    return context


def _expected(result: dict[str, Any]) -> Expected:
    config = result["expectation_config"]
    kwargs = config["kwargs"]
    return Expected(
        name=config["type"],
        column=kwargs.get("column") or kwargs.get("column_A") or "",
        severity=config.get("severity") or "critical",
        passed=bool(result["success"]),
        counts=_counts(result),
    )


def _counts(result: dict[str, Any]) -> dict[str, Json]:
    """Numbers only: an unexpected value would be record text."""
    names = ("element_count", "unexpected_count", "unexpected_percent", "observed_value")
    found = {name: result.get("result", {}).get(name) for name in names}
    counts: dict[str, Json] = {
        name: value for name, value in found.items() if isinstance(value, int | float) and math.isfinite(value)
    }
    return counts if counts or result["success"] else {"could_not_run": True}
