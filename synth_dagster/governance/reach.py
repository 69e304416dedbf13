"""How far something reaches: the records of a source, a prompt, a model or a run, and all that was made from them.

Sets may be millions of records. They stay columns of ids; only counts and the first few become rows of Python, and
whoever wants all gets them as a stream.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from synth_dagster.errors import UnknownName
from synth_dagster.governance.trace import entries_of
from synth_dagster.governance.verdicts import counted, kept, verdicts_of
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Moment

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
    stages: Sequence[Mapping[str, Any]]
    stages_below: Sequence[Mapping[str, Any]]
    releases: Sequence[Mapping[str, Any]]
    prompts: Mapping[str, Mapping[str, str]]

    def as_json(self) -> dict[str, Any]:
        """Everything but the records."""
        return {
            "asked": dict(self.asked),
            "records": len(self.found),
            "stages": list(self.stages),
            "made_of_them": {"records": len(self.made_of_them), "stages": list(self.stages_below)},
            "releases": list(self.releases),
            "prompts": dict(self.prompts),
        }


def reach(lake: Lake, asked: Asked, now: Moment) -> Reach:
    """What the records that are meant have become. Raises UnknownName for a name that nothing has."""
    where = _columns(now, asked)
    since, until = (None if moment is None else int(moment.timestamp()) for moment in (asked.since, asked.until))
    found = now.find(
        {column: [word] for column, word in where.items()}, dataset=asked.dataset, since=since, until=until
    )
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
        stages,
        stages_below,
        [release for dataset in datasets for release in counted(lake, dataset, everything)],
        {where["prompt_hash"]: _template(lake, where["prompt_hash"])} if asked.prompt else {},
    )


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


def _columns(now: Moment, asked: Asked) -> dict[str, str]:
    """Column -> the one word that is meant."""
    given = {
        "source": ("source", asked.source, False),
        "prompt_hash": ("prompt", asked.prompt, True),
        "model_id": ("model", asked.model, False),
        "run_id": ("run", asked.run, True),
    }
    return {
        column: _meant(what, word, now.words(column), by_beginning=by_beginning)
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
