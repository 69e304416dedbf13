"""How often a filter that tells languages agrees with the language that a source declares."""

from dataclasses import dataclass

from synth_dagster.governance.release_rows import ReleaseRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Of the judged records that declare a language, how many a filter gives that name."""

    lang: str
    filter: str
    declared: int
    right: int
    mostly: str  # the name that most of the others get; empty where all are right
    others: int  # how many get that name


def named_languages(rows: ReleaseRows) -> list[Named]:
    """By language and filter. A language that was found out from the text itself is no witness and is left out."""
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
