"""Where a record comes from and what was made of it: the answer of `synth trace ID`.

The derived lineage index says who comes from whom, made how, and under which licence. The tables say what releases
decided and what was measured; the metadata store says what a prompt was, and what is known of the version that a record
stands in. No text of a record is in the answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from synth_dagster.errors import LakeError, UnknownName
from synth_dagster.governance.scores import READ, scores_of
from synth_dagster.governance.taken import resolved
from synth_dagster.governance.verdicts import verdicts_of
from synth_dagster.lake.findings import about_record
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage, Moment
from synth_dagster.lake.rows import local_file, rows_at
from synth_dagster.runner.context import SIGNALS

Entry = Mapping[str, Any]

NOT_SIGNALS = frozenset({"record_id", "stage", "batch", "source", "run_id", "created_at"})


@dataclass(frozen=True, slots=True)
class Trace:
    """One record with everything above and below it, nearest first, its verdicts, scores and findings."""

    record: Entry
    ancestors: Sequence[Entry]
    descendants: Sequence[Entry]
    edges: Sequence[Mapping[str, str]]  # child, parent and what the parent was to the child
    derivation: Sequence[Mapping[str, Any]]  # licence and consent, step by step from the sources to the record
    prompts: Mapping[str, Mapping[str, str]]  # hash -> what the teacher was given, without the records' text
    versions: Sequence[Mapping[str, Any]]  # of the batches that the record and its ancestors stand in
    counts: Mapping[str, Sequence[Mapping[str, Any]]]  # of all ancestors and descendants, by stage and distance

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def trace(lake: Lake, prefix: str, *, now: Moment | None = None, most: int | None = None) -> Trace:
    """The trace of the record whose id starts so, with the nearest so many ancestors and descendants.

    Raises UnknownName for an unknown or ambiguous one.
    """
    now = now or Lineage(lake).now()
    record_id = resolved(lake, now, prefix)
    ancestors, descendants = now.ancestors([record_id]), now.descendants([record_id])
    own, above, below = (
        entries_of(table) for table in (now.entries([record_id]), ancestors[:most], descendants[:most])
    )
    record, *others = own  # the same record may stand in several files: the first is told, all are listed
    everyone = [record, *above, *below]
    verdicts = _verdicts(lake, everyone)
    edges = edges_of(now, everyone)
    record |= {
        "verdicts": verdicts.get(record["record_id"], []),
        "scores": scores_of(row_of(lake, record, READ)),
        "signals": _signals(lake, record),
        "findings": _findings(lake, record),
    }
    return Trace(
        record | ({"also": others} if others else {}),
        above,
        [entry | {"verdicts": verdicts.get(entry["record_id"], [])} for entry in below],
        edges,
        _whole(derivation([*reversed(above), record], edges), above, ancestors.num_rows),
        _prompts(lake, everyone),
        _versions(lake, [record, *above]),
        {"ancestors": _counts(ancestors), "descendants": _counts(descendants)},
    )


def _whole(steps: list[dict[str, Any]], above: Sequence[Entry], of: int) -> list[dict[str, Any]]:
    """The steps of which all parents are told: where ancestors are left out, not those of the farthest two levels."""
    if len(above) == of:
        return steps
    far = {entry["record_id"] for entry in above if entry["distance"] > above[-1]["distance"] - 2}
    return [step for step in steps if step["record_id"] not in far]


def _counts(relatives: pa.Table) -> list[dict[str, Any]]:
    """How many stand in which stage, over how many steps."""
    names = ["dataset", "stage", "distance"]
    counted = relatives.select(names).group_by(names).aggregate([([], "count_all")]).to_pylist()
    told = [{name: row[name] for name in names} | {"records": row["count_all"]} for row in counted]
    return sorted(told, key=lambda row: (row["distance"], row["dataset"] or "", row["stage"] or ""))


def entries_of(table: pa.Table) -> list[dict[str, Any]]:
    """Rows of the lineage index for people and programs: ids in hexadecimal."""
    return [row | {"record_id": row["record_id"].hex()} for row in table.to_pylist()]


def edges_of(now: Moment, entries: Sequence[Entry]) -> list[dict[str, str]]:
    """The edges that begin and end among these records."""
    ids = {entry["record_id"] for entry in entries}
    found = now.edges([bytes.fromhex(one) for one in sorted(ids)]).to_pylist()
    told = [edge | {"child": edge["child"].hex(), "parent": edge["parent"].hex()} for edge in found]
    return [edge for edge in told if edge["parent"] in ids]


def derivation(entries: Sequence[Entry], edges: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """How each record came to its licence and consent. Entries come farthest first, the record that is asked for last.

    `how` is declared for what came from outside, inherited from one parent or joined from several, terms where the
    provider of its model has added what stands in `added`, and differs where its parents say something else together.
    """
    known = {entry["record_id"]: entry for entry in entries}
    steps = []
    for entry in known.values():
        parents = [edge for edge in edges if edge["child"] == entry["record_id"] and edge["parent"] in known]
        of = [known[one] for one in dict.fromkeys(edge["parent"] for edge in parents)]
        given = {name: entry[name] for name in ("record_id", "stage", "source", "model_id", "license", "consent")}
        made_from = [{name: one[name] for name in ("record_id", "license", "consent")} for one in of]
        added = sorted(_parts([entry], "license") - _parts(of, "license")) if of else []
        steps.append(given | {"how": _how(entry, of, added), "added": added, "made_from": made_from})
    return steps


def _how(entry: Entry, parents: Sequence[Entry], added: Sequence[str]) -> str:
    if entry["status"] == "missing" or any(parent["status"] == "missing" for parent in parents):
        return "unknown"
    if not parents:
        return "declared"
    is_lost = bool(_parts(parents, "license") - _parts([entry], "license"))
    if is_lost or _parts(parents, "consent") != _parts([entry], "consent") or (added and not entry["model_id"]):
        return "differs"
    if added:
        return "terms"
    return "inherited" if len(parents) == 1 else "joined"


def _parts(entries: Iterable[Entry], name: str) -> set[str]:
    """What must hold together: the parts of expressions joined by AND, in any order."""
    return {part.strip("()") for entry in entries for part in (entry[name] or "").split(" AND ") if part}


def _verdicts(lake: Lake, entries: Iterable[Entry]) -> dict[str, list[dict[str, Any]]]:
    """Of all these records, by id."""
    found: dict[str, list[dict[str, Any]]] = {}
    ids: dict[str, list[bytes]] = {}
    for entry in entries:
        if entry["dataset"]:
            ids.setdefault(entry["dataset"], []).append(bytes.fromhex(entry["record_id"]))
    for dataset, wanted in ids.items():
        told = verdicts_of(lake, dataset, pa.array(wanted, pa.binary()))
        found |= {one.hex(): verdicts for one, verdicts in told.items()}
    return found


def row_of(lake: Lake, entry: Entry, columns: Sequence[str] | None = None) -> Entry:
    """A record as it stands in its table; empty where no table shows it any more."""
    if not entry["dataset"]:
        return {}
    file = local_file(lake, entry["dataset"], entry["stage"], entry["path"])
    rows = rows_at(file, pa.array([bytes.fromhex(entry["record_id"])]), columns).to_pylist()
    return rows[0] if rows else {}


def _signals(lake: Lake, record: Entry) -> dict[str, Any]:
    """What was measured about a record of the mix's stage."""
    dataset, batch = record["dataset"], record["batch"]
    if not dataset or SIGNALS not in lake.stages(dataset):
        return {}
    _, shown = lake.snapshot(dataset, SIGNALS)
    files = [local_file(lake, dataset, SIGNALS, file.path) for file in shown.files_of((batch,))]
    ids = pa.array([bytes.fromhex(record["record_id"])])
    rows = [row for file in files for row in rows_at(file, ids).to_pylist()]
    return {name: value for row in rows[:1] for name, value in row.items() if name not in NOT_SIGNALS}


def _findings(lake: Lake, record: Entry) -> list[dict[str, Any]]:
    """What guards found about the record, and what people decided about that."""
    if not record["dataset"] or not record["path"]:
        return []
    place = (record["dataset"], record["stage"], record["batch"])
    return about_record(lake, *place, bytes.fromhex(record["record_id"]))


def _prompts(lake: Lake, entries: Iterable[Entry]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for hashed in sorted({entry["prompt_hash"] for entry in entries if entry["prompt_hash"]}):
        try:
            system, user = lake.meta.prompt(hashed)
        except UnknownName:  # tables may be older than the metadata beside them
            continue
        found[hashed] = {"system": system, "user": user}
    return found


def _versions(lake: Lake, entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """What is known of the accepted version of each batch: who made it, from what, and what its gate said."""
    places = dict.fromkeys(
        (entry["dataset"], entry["stage"], entry["batch"], PurePosixPath(entry["path"]).stem)
        for entry in entries
        if entry["path"]
    )
    return [_version(lake, *place) for place in places]


def _version(lake: Lake, dataset: str, stage: str, batch: str, candidate_id: str) -> dict[str, Any]:
    place = {"dataset": dataset, "stage": stage, "batch": batch, "candidate": candidate_id}
    try:
        made = lake.meta.candidate(candidate_id)
    except LakeError:
        return place
    gate = lake.meta.gate(candidate_id)
    return place | {
        "run_id": made.run_id,
        "session_id": made.session_id,
        "recipe_hash": made.recipe_hash,
        "code_version": made.code_version,
        "inputs": dict(made.inputs),
        "version": made.version,
        "gate": None if gate is None else {"passed": gate.passed, "checks": len(gate.checks), "at": gate.checked_at},
    }
