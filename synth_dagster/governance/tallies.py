"""What the records behind a release add up to, each sum one query: lengths, flows, what rules kept."""

from typing import Any

from synth_dagster.governance.release_rows import ReleaseRows, nested
from synth_dagster.governance.report_facts import Clusters, Flow, Lengths, Retained

BINS = 20
FLOW = {"source": 8, "license": 6, "ended": 9}  # so many are told apart
MOST_VALUES = 30
MOST_LANGUAGES = 300  # a rare one must not fall under the table
NOT_REPLACED = "status <> 'superseded'"  # what a filter of the stage itself has dropped counts, too
OTHERS = "others"


def lengths(rows: ReleaseRows) -> Lengths:
    """The tokens of the current records, up to their 99th percentile: one very long record must not hide the others."""
    sums = rows.one(
        """select coalesce(ceil(quantile_cont(tokens, 0.99)), 0)::bigint as top, median(tokens) as judged,
               median(tokens) filter (verdict = 'kept') as kept from judged where status = 'current'"""
    )
    bins = max(1, min(BINS, sums["top"]))
    width = max(1, -(-sums["top"] // bins))
    found = rows.ask(
        f"""select least(tokens // {width}, {bins - 1})::integer as bin, count(*) as judged,
                count(*) filter (verdict = 'kept') as kept from judged where status = 'current' group by 1"""
    )
    by_bin = {row["bin"]: row for row in found}
    none = {"judged": 0, "kept": 0}
    return Lengths(
        edges=[width * place for place in range(bins + 1)],
        judged=[by_bin.get(place, none)["judged"] for place in range(bins)],
        kept=[by_bin.get(place, none)["kept"] for place in range(bins)],
        median_judged=sums["judged"],
        median_kept=sums["kept"],
    )


def clusters(rows: ReleaseRows) -> Clusters:
    """The near-duplicate clusters: how many records stand for how many others."""
    found = rows.ask(
        """select size, count(*) as clusters from (select count(*) + 1 as size from verdicts
           where duplicate_of is not null group by duplicate_of) group by size order by size"""
    )
    sizes = {row["size"]: row["clusters"] for row in found}  # with the one that stands for them
    return Clusters(
        count=sum(sizes.values()), dropped=sum((size - 1) * count for size, count in sizes.items()), sizes=sizes
    )


def flows(rows: ReleaseRows) -> list[Flow]:
    """From sources over licences to what became of the records; of each the most frequent, the rest as one."""
    rows.connection.execute(
        """create or replace temp view flowing as select coalesce(nullif(source, ''), 'none') as source,
               coalesce(nullif(license, ''), 'none') as license,
               case when verdict = 'kept' then 'kept' else coalesce(why, 'dropped') end as ended from judged"""
    )
    named = {
        column: f"""(select {column} as own, if(row_number() over (order by count(*) desc, {column}) <= {most},
            {column}, '{OTHERS}') as shown from flowing group by {column}) as {column}s"""
        for column, most in FLOW.items()
    }
    joins = " ".join(f"join {sql} on ({column} = {column}s.own)" for column, sql in named.items())
    found = rows.ask(
        f"""select sources.shown as source, licenses.shown as license, endeds.shown as ended, count(*) as records
            from flowing {joins} group by 1, 2, 3 order by 4 desc, 1, 2, 3"""
    )
    return [Flow(row["source"], row["license"], row["ended"], row["records"]) for row in found]


def retained(rows: ReleaseRows, column: str) -> list[Retained]:
    """How many records have each value of a column, and how many of these were kept; of languages all.

    A record that declares no language is of the one that a filter of the mix tells.
    """
    own = "spoken" if column == "lang" else column
    found = rows.ask(
        f"""select coalesce(nullif({own}::varchar, ''), 'none') as value, count(*) as judged,
                count(*) filter (verdict = 'kept') as kept
            from judged where {NOT_REPLACED} group by 1 order by 2 desc, 1
            limit {MOST_LANGUAGES if column == "lang" else MOST_VALUES}"""
    )
    return [Retained(**row) for row in found]


def dropped_by_language(rows: ReleaseRows) -> list[dict[str, Any]]:
    """Which rule dropped how many records of which language, most first."""
    return rows.ask(
        f"""select spoken as lang, why as reason, count(*) as records
            from judged where {NOT_REPLACED} and verdict <> 'kept'
            group by 1, 2 order by 3 desc, 1, 2 limit {MOST_LANGUAGES * MOST_VALUES}"""
    )


def personal(rows: ReleaseRows) -> dict[str, dict[str, int]]:
    """What steps that look for personal data have replaced, as they wrote it down with the records."""
    return nested(
        rows.ask(
            """select stage as name, kind as value, sum(try_cast(pii ->> kind as bigint))::bigint as records from
               (select stage, place, pii, unnest(json_keys(pii)) as kind from records
                where status = 'current' and json_type(pii) = 'OBJECT')
               group by stage, place, kind order by place, kind"""
        )
    )
