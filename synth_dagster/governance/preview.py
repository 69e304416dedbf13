"""Pages that a check or an asset links to: records side by side, escaped, as files of the lake.

The event log must hold no record text, so what people want to look at stands here and is erased with the records.
"""

from html import escape

import pyarrow as pa

from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.recipe import Recipe
from synth_dagster.services import Finding

MOST_CHARACTERS = 2_000
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{white-space:pre-wrap;background:#f4f4f4;padding:1rem;border-radius:4px}"
    "dt{font-weight:600}dd{margin:0 0 .5rem}"
)


def save_examples(recipe: Recipe, lake: Lake, candidate: Candidate, finding: Finding) -> str:
    """Write a page with the examples of a finding: records or rejects by id. Returns its path."""
    wanted = set(finding.examples)
    records = _among(lake.candidate_table(candidate), "record_id", wanted)
    rejects = _among(lake.candidate_rejects(candidate), "reject_id", wanted)
    inputs = _inputs(recipe, lake, candidate, {reject["record_id"] for reject in rejects if reject["record_id"]})
    sections = [_record(record) for record in records]
    sections += [_reject(reject, inputs.get(reject["record_id"])) for reject in rejects]
    title = f"{candidate.dataset} / {candidate.stage} [{candidate.batch}]: {finding.rule}"
    counts = ", ".join(f"{name} {value}" for name, value in finding.counts.items())
    page = f"{candidate.dataset}-{candidate.stage}-{candidate.candidate_id}-{finding.rule}"
    return lake.save_preview(page, _page(title, counts, sections))


def _among(table: pa.Table, column: str, wanted: set[bytes]) -> list[dict[str, object]]:
    if column not in table.column_names:
        return []
    chosen = pa.array([value in wanted for value in table[column].to_pylist()], pa.bool_())
    return table.filter(chosen).to_pylist()


def _inputs(recipe: Recipe, lake: Lake, candidate: Candidate, ids: set[object]) -> dict[object, dict[str, object]]:
    """The records above that rejects name."""
    stage = recipe.stages.get(candidate.stage)
    above = stage.reads if stage else None
    tables = [lake.candidate_table(candidate)]
    version = lake.accepted(candidate.dataset, above, candidate.batch) if above else None
    if version is not None:
        tables.append(lake.candidate_table(version))
    return {row["record_id"]: row for table in tables for row in _among(table, "record_id", ids)}  # type: ignore[arg-type]  # ids are bytes


def _record(row: dict[str, object]) -> str:
    facts = {name: row.get(name) for name in ("status", "reason", "method", "model_id", "source")}
    return _section(_hex(row["record_id"]), facts, {name: row.get(name) for name in _TEXTS if row.get(name)})


def _reject(row: dict[str, object], given: dict[str, object] | None) -> str:
    facts = {name: row.get(name) for name in ("step", "reason", "detail", "location")}
    texts = {"what came": row.get("raw")}
    if given is not None:
        texts |= {f"input: {name}": given.get(name) for name in _TEXTS if given.get(name)}
    return _section(f"rejected {_hex(row['reject_id'])}", facts, texts)


_TEXTS = ("title", "text", "messages", "prompt", "chosen", "rejected")


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _section(title: str, facts: dict[str, object], texts: dict[str, object]) -> str:
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items() if value)
    shown = "".join(
        f"<h3>{escape(name)}</h3><pre>{escape(_spoken(value)[:MOST_CHARACTERS])}</pre>"
        for name, value in texts.items()
        if value
    )
    return f"<section><h2>{escape(title)}</h2><dl>{listed}</dl>{shown}</section>"


def _spoken(value: object) -> str:
    if isinstance(value, list):
        return "\n\n".join(f"{turn.get('role')}: {turn.get('content')}" for turn in value if isinstance(turn, dict))
    return str(value)


def _page(title: str, counts: str, sections: list[str]) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{escape(counts)}</p>{''.join(sections) or '<p>Nothing to show.</p>'}</html>\n"
    )
