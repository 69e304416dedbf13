"""What comes from what inside a release: what a record rests on, what is used, and what does not hold together.

A record may rest on several sources over any number of parents. Sources are numbered, and a record carries the numbers
of all that it rests on as bits, which are handed down level by level: a million records cost a handful of joins.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from synth_dagster.governance.release_rows import ReleaseRows

MOST_SOURCES = 60  # each with a bit of its own; the smaller ones beyond that share one
OTHERS = "other sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReach:
    """What rests on a source: what would have to go, or to be made again, if it were withdrawn."""

    source: str
    roots: int  # records that were read from it
    used: int  # of these, those that a kept record rests on
    by_stage: Mapping[str, int]  # records that rest on it, the first ones included
    kept: int
    only: int  # of the kept ones, those that rest on no other source
    other_releases: Mapping[str, int]  # release -> kept records that rest on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of the records of a row stage."""

    stage: str
    records: int
    used: int  # a kept record rests on it, or is it
    unused: int  # current, and nothing of the release rests on it
    replaced: int  # superseded by a refined version, or eliminated by a step, and nothing rests on it


@dataclass(frozen=True, slots=True)
class Defect:
    """A way in which lineage may not hold together, and how many records show it."""

    name: str
    meaning: str
    records: int
    examples: Sequence[str] = ()


def descend(rows: ReleaseRows) -> None:
    """Make the tables `rests_on` (record, bits of its sources), `used` and `knots` of what is open."""
    _number_sources(rows)
    _hand_down(rows)
    _climb(rows)


def _number_sources(rows: ReleaseRows) -> None:
    rows.connection.execute(
        f"""create table numbered as
            select source, least(row_number() over (order by count(*) desc, source) - 1, {MOST_SOURCES}) as bit
            from roots group by source"""
    )


def _hand_down(rows: ReleaseRows) -> None:
    """Level by level: a record is reached when all its parents that are there have been. A knot never is."""
    run = rows.connection.execute
    run("create table inner_edges as select child, parent from edges semi join records on (record_id = parent)")
    run(
        """create table rests_on as
           select record_id, if(is_root, 1::ubigint << bit::ubigint, 0::ubigint) as sources, 0 as level
           from (select distinct record_id, source, is_root from records) left join numbered using (source)
           anti join inner_edges on (child = record_id)"""
    )
    level = 0
    while True:
        found = run(
            f"""insert into rests_on
                select child, bit_or(above.sources), {level + 1} from inner_edges
                join (select child from inner_edges semi join
                        (select record_id from rests_on where level = {level}) on (record_id = parent)
                      group by child) as next using (child)
                left join rests_on as above on (above.record_id = parent)
                group by child having count(*) = count(above.record_id)"""
        ).fetchone()
        if not found or not found[0]:
            break
        level += 1
    run("create table knots as select record_id from records anti join rests_on using (record_id)")


def _climb(rows: ReleaseRows) -> None:
    """From what is kept up to all that it rests on."""
    run = rows.connection.execute
    run("create table used as select record_id, 0 as level from kept")
    level = 0
    while True:
        found = run(
            f"""insert into used select distinct parent, {level + 1} from inner_edges
                semi join (select record_id from used where level = {level}) as below on (below.record_id = child)
                anti join used on (used.record_id = parent)"""
        ).fetchone()
        if not found or not found[0]:
            return
        level += 1


# ---------------------------------------------------------------------------------------------------- withdrawn sources


def reach_of(rows: ReleaseRows, others: pa.RecordBatchReader) -> list[SourceReach]:
    """What rests on each source, largest first. `others` are `record_id` and `release` of what other releases kept."""
    stages = _by_sources(
        rows, "select sources, stage as name, count(*) as records from records join rests_on using (record_id)"
    )
    kept = _by_sources(
        rows, "select sources, 'kept' as name, count(*) as records from kept join rests_on using (record_id)"
    )
    used = _by_sources(
        rows,
        """select sources, 'used' as name, count(*) as records
           from roots semi join used using (record_id) join rests_on using (record_id)""",
    )
    rows.connection.register("others", others)
    elsewhere = _by_sources(
        rows, "select sources, release as name, count(*) as records from others join rests_on using (record_id)"
    )
    rows.connection.unregister("others")
    found = []
    for name, bit, roots in _bits(rows):
        by_stage, in_others = _resting(stages, bit), _resting(elsewhere, bit)
        found.append(
            SourceReach(
                source=name,
                roots=roots,
                used=_resting(used, bit)["used"],
                by_stage=dict(by_stage),
                kept=_resting(kept, bit)["kept"],
                only=kept.get((1 << bit, "kept"), 0),
                other_releases=dict(sorted(in_others.items())),
            )
        )
    return found


def _by_sources(rows: ReleaseRows, sql: str) -> dict[tuple[int, str], int]:
    """(sources as bits, name) -> records. There are few different sets of sources, however many records."""
    return {(row["sources"], row["name"]): row["records"] for row in rows.ask(f"{sql} group by 1, 2 order by 2, 1")}


def _resting(counts: Mapping[tuple[int, str], int], bit: int) -> Counter[str]:
    found = Counter[str]()
    for (sources, name), records in counts.items():
        if sources >> bit & 1:
            found[name] += records
    return found


def _bits(rows: ReleaseRows) -> Iterator[tuple[str, int, int]]:
    """Each source with its bit and how many records were read from it."""
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for row in rows.ask(
        """select coalesce(source, '') as source, bit, count(*) as roots from roots join numbered using (source)
           group by all order by bit, source"""
    ):
        found[row["bit"]].append((row["source"], row["roots"]))
    for bit, sources in found.items():
        yield sources[0][0] if len(sources) == 1 else OTHERS, bit, sum(roots for _, roots in sources)


# ------------------------------------------------------------------------------------------------------- what is unused


def fates(rows: ReleaseRows) -> list[Fate]:
    """What became of the records of each row stage, the first stage first."""
    found = rows.ask(
        """select stage, count(*) as records, count(u.record_id) as used,
               count(*) filter (u.record_id is null and status = 'current') as unused,
               count(*) filter (u.record_id is null and status <> 'current') as replaced
           from records left join (select distinct record_id from used) as u using (record_id)
           group by stage order by min(place), stage"""
    )
    return [Fate(**row) for row in found]


# ------------------------------------------------------------------------------------------------- what does not hold


_PARTS = "list_transform(string_split(coalesce({}, ''), ' AND '), lambda part: trim(part, '()'))"
_LOST = f"""select distinct child as record_id from inner_edges
    join records as below on (below.record_id = child) join records as above on (above.record_id = parent)
    where above.{{0}} <> '' and not list_has_all({_PARTS.format("below.{0}")}, {_PARTS.format("above.{0}")})"""
DEFECTS = {
    "parent_missing": (
        "a parent that is in none of the versions that the release rests on",
        "select child as record_id from edges anti join records on (record_id = parent)",
    ),
    "cycle": ("records that come from each other, or from such records", "select record_id from knots"),
    "made_by_nothing": (
        "no method is named",
        "select record_id from records where coalesce(method, '') = ''",
    ),
    "source_missing": ("no source is named", "select record_id from records where coalesce(source, '') = ''"),
    "licence_missing": ("no licence is named", "select record_id from records where coalesce(license, '') = ''"),
    "licence_lost": ("the licence lacks a part of a parent's", _LOST.format("license")),
    "consent_lost": ("the consent lacks a part of a parent's", _LOST.format("consent")),
    "depth_wrong": (
        "fewer models are said to stand before it than before a parent",
        """select child as record_id from inner_edges join records as below on (below.record_id = child)
           join records as above on (above.record_id = parent) where below.synthetic_depth < above.synthetic_depth""",
    ),
    "verdict_missing": (
        "a record of the mix's stage without a verdict",
        "select record_id from records anti join verdicts using (record_id) where stage = (select of from this)",
    ),
    "verdict_of_nothing": (
        "a verdict about a record that is not there",
        "select record_id from verdicts anti join (from records where stage = (select of from this)) using (record_id)",
    ),
    "verdict_twice": (
        "more than one verdict",
        "select record_id from verdicts group by record_id having count(*) > 1",
    ),
}


def defects(rows: ReleaseRows) -> list[Defect]:
    """Every check of the lineage with what it found; 0 records is a check that holds."""
    return [Defect(name, meaning, *_found(rows, sql)) for name, (meaning, sql) in DEFECTS.items()]


def _found(rows: ReleaseRows, sql: str) -> tuple[int, list[str]]:
    row = rows.one(
        f"""select count(distinct record_id) as records, list_sort(min(distinct record_id, 3)) as examples
            from ({sql})"""
    )
    return row["records"], [one.hex() for one in row["examples"] or ()]
