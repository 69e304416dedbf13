"""Preview pages: some records of a version side by side with what they were made from, as a file of the lake.

The event log must hold no record text, so what people want to look at stands here and is erased with the records. The
sample is the first records by id: ids are hashes, so it is fair, and the same each time.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.governance.page import Card, Section, Text, page
from synth_dagster.governance.plots import data_uri
from synth_dagster.lake.findings import QUARANTINE
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.remaking import TO_REMAKE
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import SIGNALS
from synth_dagster.runner.verdicts import VERDICTS
from synth_dagster.services import Finding

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

SAMPLE = 20
NOT_KEPT = 12
MOST_PARENTS = 3

Row: TypeAlias = Mapping[str, Any]


def save_preview(recipe: Recipe, lake: Lake, candidate: Candidate, *, picture: bytes | None = None) -> str:
    """Write the page of a version: a sample of its records, and of what was not kept. Returns where it stands."""
    with lake.telling(candidate.dataset):
        return _saved_preview(recipe, lake, candidate, picture)


def _saved_preview(recipe: Recipe, lake: Lake, candidate: Candidate, picture: bytes | None) -> str:
    shelf = _Shelf(lake, candidate)
    if candidate.stage == SIGNALS:
        sections = [_measured(recipe, shelf)]
    elif candidate.stage == recipe.mix.name:
        sections = [_kept(shelf), _dropped(recipe, shelf)]
    else:
        sections = [_kept(shelf), _not_kept(shelf)]
    facts = {
        "rows": f"{candidate.rows:,}",
        "rejected": f"{candidate.rejected:,}",
        "methods": _listed(candidate.details.get("methods")),
        "version": candidate.data_version,
        "run": candidate.run_id,
        "recipe": candidate.recipe_hash,
    }
    title = f"{candidate.dataset} / {candidate.stage} [{candidate.batch}]"
    html = page(title, facts, sections, picture=data_uri(picture) if picture else None)
    return lake.save_preview(f"{candidate.dataset}-{candidate.stage}-{candidate.candidate_id}", html)


def save_examples(lake: Lake, candidate: Candidate, finding: Finding) -> str:
    """Write a page with the examples of a finding: records or rejects by id. Returns where it stands."""
    with lake.telling(candidate.dataset):
        return _saved_examples(lake, candidate, finding)


def _saved_examples(lake: Lake, candidate: Candidate, finding: Finding) -> str:
    shelf = _Shelf(lake, candidate)
    wanted = list(finding.examples)
    records = _with_ids(shelf.own, "record_id", wanted).to_pylist()
    rejects = _with_ids(lake.candidate_rejects(candidate), "reject_id", wanted).to_pylist()
    cards = [*_records(shelf, records), *_rejects(shelf, rejects)]
    title = f"{candidate.dataset} / {candidate.stage} [{candidate.batch}]: {finding.rule}"
    facts = {"check": "passed" if finding.passed else "failed", **finding.counts, "run": candidate.run_id}
    html = page(title, facts, [Section("Examples", "Some of the records that the check found.", cards)])
    name = f"{candidate.dataset}-{candidate.stage}-{candidate.candidate_id}-{finding.rule}"
    return lake.save_preview(name, html)


class _Shelf:
    """The records of a version and of those that it was made from, found by where they stand."""

    def __init__(self, lake: Lake, candidate: Candidate) -> None:
        self.lake, self.candidate = lake, candidate
        self.own = lake.candidate_table(candidate)

    def find(self, references: Iterable[Row]) -> dict[bytes, Row]:
        """The rows that references name; what readers can no longer see is left out."""
        places: dict[tuple[str, str], list[bytes]] = {}
        for one in references:
            places.setdefault((one["stage"], one["batch"]), []).append(one["record_id"])
        return {
            row["record_id"]: row
            for (stage, batch), ids in places.items()
            for row in _with_ids(self._table(stage, batch), "record_id", ids).to_pylist()
        }

    def _table(self, stage: str, batch: str) -> pa.Table:
        if (stage, batch) == (self.candidate.stage, self.candidate.batch):
            return self.own
        version = self.lake.accepted(self.candidate.dataset, stage, batch)
        return self.lake.candidate_table(version) if version else self.own.slice(0, 0)


# -------------------------------------------------------------------------------------------------------- the sections


def _kept(shelf: _Shelf) -> Section:
    rows = shelf.own
    if "status" in rows.column_names:
        rows = rows.filter(pc.field("status") == "current")
    sample = rows.sort_by("record_id").slice(0, SAMPLE).to_pylist()
    note = f"{len(sample)} of {rows.num_rows:,}, the first by id. What each was made from stands before it."
    return Section("Records", note, _records(shelf, sample))


def _not_kept(shelf: _Shelf) -> Section:
    """Records that a step eliminated and inputs that gave none, one of each reason first."""
    eliminated = shelf.own.filter(pc.field("status") == "eliminated")
    rejects = shelf.lake.candidate_rejects(shelf.candidate)
    dropped = _one_of_each(eliminated, "record_id", NOT_KEPT // 2)
    rejected = _one_of_each(rejects, "reject_id", NOT_KEPT - len(dropped))
    cards = [*_records(shelf, dropped), *_rejects(shelf, rejected)]
    note = f"{len(cards)} of {eliminated.num_rows + rejects.num_rows:,}, one of each reason first."
    return Section("Not kept", note, cards)


def _measured(recipe: Recipe, shelf: _Shelf) -> Section:
    """Records on the left, their signals on the right."""
    sample = shelf.own.sort_by("record_id").slice(0, SAMPLE).to_pylist()
    found = shelf.find(sample)
    known = {"record_id", "stage", "source", "batch", "run_id", "created_at"}
    cards = []
    for row in sample:
        values = "\n".join(f"{name}: {_shown(value)}" for name, value in row.items() if name not in known)
        record = found.get(row["record_id"])
        columns = [*_columns(record, recipe.mix.of), ("signals", [Text("", values)])]
        cards.append(Card(_hex(row["record_id"]), {"source": row["source"]}, columns))
    return Section("Signals", f"{len(sample)} of {shelf.own.num_rows:,} records, the first by id.", cards)


def _dropped(recipe: Recipe, shelf: _Shelf) -> Section:
    """Records that the release left out, a duplicate beside the one that it duplicates."""
    lake, release = shelf.lake, shelf.candidate
    verdicts = lake.awaiting(release.dataset, VERDICTS, release.batch) or lake.accepted(
        release.dataset, VERDICTS, release.batch
    )
    if verdicts is None:
        return Section("Left out", "There are no verdicts.", [])
    every = lake.candidate_table(verdicts)
    rows = every.filter(pc.field("verdict") == "dropped")
    sample = _one_of_each(rows, "record_id", NOT_KEPT)
    originals = _with_ids(every, "record_id", [row["duplicate_of"] for row in sample if row["duplicate_of"]])
    found = shelf.find([*sample, *originals.to_pylist()])
    cards = []
    for row in sample:
        columns = _columns(found.get(row["record_id"]), recipe.mix.of)
        if row["duplicate_of"]:
            columns += _columns(found.get(row["duplicate_of"]), f"duplicate of {_hex(row['duplicate_of'])}")
        facts = {"reason": row["reason"], "score": _shown(row["score"]), "rank": row["rank"], "source": row["source"]}
        cards.append(Card(_hex(row["record_id"]), facts, columns))
    return Section("Left out", f"{len(sample)} of {rows.num_rows:,}, one of each reason first.", cards)


# ----------------------------------------------------------------------------------------------------------- the cards


def _records(shelf: _Shelf, rows: Sequence[Row]) -> list[Card]:
    parents = shelf.find(parent for row in rows for parent in _parents(row))
    return [_record(row, parents) for row in rows]


def _record(row: Row, known: Mapping[bytes, Row]) -> Card:
    names = ("status", "reason", "method", "model_id", "license", "lang", "source", "copies", "rank")
    facts = {name: row.get(name) for name in names if row.get(name) != "current"}
    facts["prompt"] = (row.get("prompt_hash") or "")[:12]
    facts["score"] = _shown(row.get("score"))
    above = []
    for parent in _parents(row):
        marks = _evidence(row, parent["record_id"])
        above += _columns(known.get(parent["record_id"]), f"{parent['stage']} {_hex(parent['record_id'])[:12]}", marks)
    return Card(_hex(row["record_id"]), facts, [*above, *_columns(row, "record")])


def _rejects(shelf: _Shelf, rows: Sequence[Row]) -> list[Card]:
    """What came and why it was no good, beside the input that it came from."""
    inputs = _inputs(shelf, [row["record_id"] for row in rows if row["record_id"]])
    cards = []
    for row in rows:
        facts = {name: row[name] for name in ("step", "reason", "detail", "location")}
        came = [("what came", [Text("", row["raw"])])] if row["raw"] else []
        given = inputs.get(row["record_id"])
        above = _columns(given, "input") if given else []
        cards.append(Card(f"rejected {_hex(row['reject_id'])}", facts, [*above, *came]))
    return cards


def _inputs(shelf: _Shelf, ids: Sequence[bytes]) -> dict[bytes, Row]:
    """The records that rejects name: of the stage itself, or of the version that it was made from."""
    batch = shelf.candidate.batch
    stages = [shelf.candidate.stage, *shelf.candidate.inputs]
    wanted = [{"stage": stage, "batch": batch, "record_id": one} for stage in stages for one in ids]
    return shelf.find(one for one in wanted if one["stage"] not in ("delivery", QUARANTINE, TO_REMAKE))


def _parents(row: Row) -> Sequence[Row]:
    return (row.get("parents") or [])[:MOST_PARENTS]


def _evidence(row: Row, parent: bytes) -> list[tuple[int, int]]:
    """The pieces of a parent's text that a record rests on."""
    return [(span["start"], span["end"]) for span in row.get("evidence") or [] if span["record_id"] == parent]


def _columns(row: Row | None, heading: str, marks: Sequence[tuple[int, int]] = ()) -> list[tuple[str, list[Text]]]:
    """The words of a record of any kind under a heading; a pair as its two answers side by side."""
    if not row:
        return [(heading, [])]
    if "chosen" not in row:
        return [(heading, [*_text_of(row, marks), *_turns(row.get("messages"))])]
    prompt = [Text("prompt", turn.words) if turn.label == "user" else turn for turn in _turns(row["prompt"])]
    why = [Text("rationale", row["rationale"])] if row.get("rationale") else []
    return [
        (f"{heading}, chosen: {_shown(row.get('chosen_score'))}", [*prompt, *_turns(row["chosen"])]),
        (f"rejected: {_shown(row.get('rejected_score'))}", [*_turns(row["rejected"]), *why]),
    ]


def _text_of(row: Row, marks: Sequence[tuple[int, int]]) -> list[Text]:
    return [Text(row.get("title") or "", row["text"], marks)] if row.get("text") else []


def _turns(turns: Sequence[Row] | None) -> list[Text]:
    return [Text(turn["role"], turn["content"] or "") for turn in turns or []]


# ------------------------------------------------------------------------------------------------------- the sums below


def _with_ids(table: pa.Table, column: str, wanted: Sequence[bytes]) -> pa.Table:
    if column not in table.column_names:
        return table.slice(0, 0)
    return table.filter(pc.is_in(table[column], value_set=pa.array(list(wanted), pa.binary()))).sort_by(column)


def _one_of_each(table: pa.Table, column: str, most: int) -> list[Row]:
    """Some rows, the first by id of each reason before the others."""
    table = table.sort_by(column)
    seen: dict[str | None, int] = {}
    turns = []
    for reason in table["reason"].to_pylist():
        turns.append(seen.get(reason, 0))
        seen[reason] = turns[-1] + 1
    order = sorted(range(len(turns)), key=turns.__getitem__)
    return table.take(pa.array(order[:most], pa.int64())).to_pylist()


def _listed(counts: object) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) if isinstance(counts, Mapping) else ""


def _shown(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else value


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
