"""How often a filter that tells languages agrees with the language that a source declares."""

from dataclasses import dataclass

from synth_dagster.errors import LakeError
from synth_dagster.governance.release_rows import ReleaseRows
from synth_dagster.governance.versions import pinned_by
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.parts.sql import quoted

TOLD = "__lang"  # how the signal of such a filter ends: language__lang, fineweb2__lang


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Of the judged records that declare a language, how many a filter gives that name."""

    lang: str
    filter: str
    declared: int
    right: int
    mostly: str  # the name that most of the others get; empty where all are right
    others: int  # how many get that name


def named_languages(lake: Lake, release: Release, rows: ReleaseRows) -> list[Named]:
    """By language and filter. A language that was found out from the text itself is no witness and is left out."""
    rows.connection.execute("create table told (record_id blob, filter varchar, named varchar)")
    for version in pinned_by(lake, release.manifest, "signals"):
        try:
            table = lake.candidate_table(version)
        except LakeError:  # an older version of signals, which the lake holds no longer
            continue
        rows.connection.register("signals", table)
        for name in [column for column in table.column_names if column.endswith(TOLD)]:
            rows.connection.execute(
                f"insert into told select record_id, ?, {quoted(name)} from signals", [name.removesuffix(TOLD)]
            )
        rows.connection.unregister("signals")
    found = rows.ask(
        """with judging as (
               select lang, filter, coalesce(named, 'und') as named, count(*) as n
               from judged join told using (record_id)
               where declared and coalesce(lang, 'und') not in ('', 'und') group by 1, 2, 3)
           select lang, filter, sum(n)::bigint as declared,
               coalesce(sum(n) filter (named = lang), 0)::bigint as right,
               coalesce(max_by(named, n) filter (named <> lang), '') as mostly,
               coalesce(max(n) filter (named <> lang), 0)::bigint as others
           from judging group by 1, 2 order by 1, 2"""
    )
    return [Named(**row) for row in found]
