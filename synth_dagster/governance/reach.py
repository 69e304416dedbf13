"""How far something reaches: the records of a source, a prompt, a model or a run, and all that was made from them.

Sets may be millions of records. They stay columns of ids; only counts and the first few become rows of Python, and
whoever wants all gets them as a stream. A pair names the model of its chosen answer; one that wrote the rejected answer
wrote in it too, and is found by what the pair notes about its answers.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import UnknownName
from synth_dagster.governance.trace import entries_of
from synth_dagster.governance.verdicts import counted, kept, verdicts_of
from synth_dagster.lake.ids import Ids, together
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Moment

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records are meant: all that fit every part that is given."""

    source: str | None = None
    prompt: str | None = None  # the beginning of its hash will do
    model: str | None = None
    run: str | None = None  # the beginning of its id will do
    since: datetime | None = None
    until: datetime | None = None
    kept: bool = False  # only those that a release has kept
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """The records that were meant, and those that were made from them."""

    asked: Mapping[str, Any]
    found: pa.Array = field(repr=False)
    made_of_them: pa.Array = field(repr=False)
    by_rejected_answer: int  # of the records found, the pairs of which the model wrote the rejected answer alone
    stages: Sequence[Mapping[str, Any]]
    stages_below: Sequence[Mapping[str, Any]]
    releases: Sequence[Mapping[str, Any]]
    prompts: Mapping[str, Mapping[str, str]]

    def as_json(self) -> dict[str, Any]:
        """Everything but the records."""
        return {
            "asked": dict(self.asked),
            "records": len(self.found),
            "by_rejected_answer": self.by_rejected_answer,
            "stages": list(self.stages),
            "made_of_them": {"records": len(self.made_of_them), "stages": list(self.stages_below)},
            "releases": list(self.releases),
            "prompts": dict(self.prompts),
        }


def reach(lake: Lake, asked: Asked, now: Moment) -> Reach:
    """What the records that are meant have become. Raises UnknownName for a name that nothing has."""
    rejected = Ids.none() if asked.model is None else _rejected_by(lake, asked, asked.model)
    where = _columns(now, asked, also=[asked.model] if asked.model and len(rejected) else [])
    chosen = _found(now, asked, where)
    others = {column: word for column, word in where.items() if column != "model_id"}
    if len(rejected) and (others or asked.since or asked.until):
        fitting = _found(now, asked, others)
        rejected = rejected.take(np.flatnonzero(rejected.places_in(fitting) >= 0))
    found = together([chosen, rejected]).unique().to_arrow()
    if asked.kept:
        found = _kept(lake, asked, found)
    below = now.reach(found)
    stages, stages_below = (_stages(now.tally(ids)) for ids in (found, below))
    datasets = sorted({stage["dataset"] for stage in (*stages, *stages_below)})
    everything = pa.concat_arrays([found, below])
    return Reach(
        _told(asked) | where,
        found,
        below,
        len(Ids.from_arrow(found).without(chosen)),
        stages,
        stages_below,
        [release for dataset in datasets for release in counted(lake, dataset, everything)],
        {where["prompt_hash"]: _template(lake, where["prompt_hash"])} if asked.prompt else {},
    )


def _found(now: Moment, asked: Asked, where: Mapping[str, str]) -> Ids:
    since, until = (None if moment is None else int(moment.timestamp()) for moment in (asked.since, asked.until))
    words = {column: [word] for column, word in where.items()}
    return Ids.from_arrow(now.find(words, dataset=asked.dataset, since=since, until=until))


def _rejected_by(lake: Lake, asked: Asked, model: str) -> Ids:
    """The pairs that name the model as the writer of their rejected answer."""
    named = json.dumps(model, ensure_ascii=False)
    found: list[Ids] = []
    for dataset in lake.datasets() if asked.dataset is None else [asked.dataset]:
        for stage in lake.stages(dataset):
            names = set(lake.snapshot(dataset, stage)[1].schema.names)
            if not {"rejected", "attributes"} <= names or "release" in names:  # which repeats the records of a stage
                continue
            for part in lake.stream(dataset, stage, columns=["record_id", "attributes"]):
                rows = part.filter(pc.fill_null(pc.match_substring(part["attributes"], named), False))
                is_theirs = [json.loads(one).get("rejected_model") == model for one in rows["attributes"].to_pylist()]
                found.append(Ids.from_arrow(rows["record_id"].filter(pa.array(is_theirs, pa.bool_()))))
    return together(found).unique()


def first(now: Moment, found: Reach, limit: int) -> list[dict[str, Any]]:
    """The first of the records, by id."""
    return entries_of(now.entries(found.found[:limit]))


def lines(lake: Lake, now: Moment, found: Reach) -> Iterator[dict[str, Any]]:
    """Every record with its verdicts, those that were meant first, then what was made from them."""
    for relation, ids in (("asked", found.found), ("made_of_them", found.made_of_them)):
        for start in range(0, len(ids), AT_ONCE):
            part = ids[start : start + AT_ONCE]
            rows = entries_of(now.entries(part))
            verdicts = _verdicts(lake, rows, part)
            for row in rows:
                yield row | {"reached": relation, "verdicts": verdicts.get(row["record_id"], [])}


def _verdicts(lake: Lake, rows: Sequence[Mapping[str, Any]], ids: pa.Array) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for dataset in sorted({row["dataset"] for row in rows if row["dataset"]}):
        found |= {one.hex(): told for one, told in verdicts_of(lake, dataset, ids).items()}
    return found


def _columns(now: Moment, asked: Asked, also: Sequence[str]) -> dict[str, str]:
    """Column -> the one word that is meant; `also` are names of models that no record has in its own column."""
    given = {
        "source": ("source", asked.source, False),
        "prompt_hash": ("prompt", asked.prompt, True),
        "model_id": ("model", asked.model, False),
        "run_id": ("run", asked.run, True),
    }
    return {
        column: _meant(what, word, [*now.words(column), *(also if what == "model" else ())], by_beginning=by_beginning)
        for column, (what, word, by_beginning) in given.items()
        if word is not None
    }


def _meant(what: str, word: str, known: Sequence[str], *, by_beginning: bool) -> str:
    if word in known:
        return word
    found = [one for one in known if by_beginning and word and one.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownName(f"single {what}", word, found, f"{len(found)} begin like that: give more of it.")
    raise UnknownName(what, word, known, "'synth trace' knows those that made records which are there now.")


def _kept(lake: Lake, asked: Asked, found: pa.Array) -> pa.Array:
    datasets = lake.datasets() if asked.dataset is None else [asked.dataset]
    return (
        Ids.from_arrow(pa.chunked_array([kept(lake, dataset, found) for dataset in datasets], pa.binary()))
        .unique()
        .to_arrow()
    )


def _stages(tally: pa.Table) -> list[dict[str, Any]]:
    """Batches added up: how many records of each status a stage has, and in how many batches."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in tally.to_pylist():
        empty = {"dataset": row["dataset"], "stage": row["stage"], "records": 0, "batches": set(), "status": {}}
        stage = found.setdefault((row["dataset"], row["stage"]), empty)
        stage["records"] += row["records"]
        stage["batches"].add(row["batch"])
        stage["status"][row["status"]] = stage["status"].get(row["status"], 0) + row["records"]
    return [stage | {"batches": len(stage["batches"])} for _, stage in sorted(found.items())]


def _template(lake: Lake, hashed: str) -> dict[str, str]:
    try:
        system, user = lake.meta.prompt(hashed)
    except UnknownName:
        return {}
    return {"system": system, "user": user}


def _told(asked: Asked) -> dict[str, Any]:
    """What was asked beside the names: times in ISO form."""
    return {
        "dataset": asked.dataset,
        "since": asked.since and asked.since.isoformat(),
        "until": asked.until and asked.until.isoformat(),
        "kept": asked.kept,
    }
