"""How the topics of a release differ from those of what came in, and which step let how much of each through.

Topics are what the filters of the mix tell (`weborganizer`, the domain of `text_attributes`) and what the records
carry as an attribute; where there are none of these, the top-level domains of their addresses stand for them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from synth_dagster.governance.filter_labels import filter_labels
from synth_dagster.governance.release_rows import ReleaseRows
from synth_dagster.lake.lake import Lake

BY_ATTRIBUTE = "attribute"
BY_DOMAIN = "top-level domain"
_TELLING = re.compile(r".*__topic|text_attributes__domain")  # signals that are topics
_LEAST_OF_A_TOPIC = 2  # records of one, on the average: an attribute that differs from record to record is a title
_KEPT = ""  # in place of the step that dropped a record
_LONGEST = 100  # characters of a label; what is longer is a text
MOST_TOPICS = 2_000  # of a witness, the largest


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Of the judged records of a topic, how many were kept and how many each step dropped."""

    witness: str  # the filter that tells it, or where else it comes from
    topic: str
    judged: int
    kept: int
    dropped: Mapping[str, int]


def topics_of(rows: ReleaseRows, lake: Lake, manifest: Mapping[str, Any]) -> list[Topic]:
    """By witness, the largest topics first. One that tells all records the same says nothing, and is left out."""
    run = rows.connection
    run.register("telling", filter_labels(lake, manifest, lambda name: _TELLING.fullmatch(name) is not None))
    run.execute(
        f"""create or replace temp table topics as
            select record_id, filter as witness, named as topic from telling where coalesce(named, '') <> ''
            union all
            select record_id, '{BY_ATTRIBUTE}', topic from judged where length(topic) between 1 and {_LONGEST}"""
    )
    run.unregister("telling")
    return _counted(rows) or _by_domain(rows)


def _by_domain(rows: ReleaseRows) -> list[Topic]:
    rows.connection.execute(
        rf"""insert into topics select record_id, '{BY_DOMAIN}', regexp_extract(host, '\.([a-z][a-z0-9-]*)\.?$', 1)
             from judged where regexp_matches(host, '\.([a-z][a-z0-9-]*)\.?$')"""
    )
    return _counted(rows)


def _counted(rows: ReleaseRows) -> list[Topic]:
    counted = rows.ask(
        f"""with passing as (
                select witness, topics.topic, if(verdict = 'kept', '{_KEPT}', split_part(why, ':', 1)) as step
                from judged join topics using (record_id) where status <> 'superseded'),
            telling as (select witness from passing group by witness
                having count(distinct topic) between 2 and count(*) / {_LEAST_OF_A_TOPIC}),
            sizes as (select witness, topic, count(*) as judged from passing semi join telling using (witness)
                group by all),
            largest as (from sizes
                qualify row_number() over (partition by witness order by judged desc, topic) <= {MOST_TOPICS})
            select witness, topic, judged, step, count(*) as records
            from passing join largest using (witness, topic)
            group by all order by witness, judged desc, topic, step"""
    )
    found: list[Topic] = []
    for (witness, topic, judged), own in groupby(counted, itemgetter("witness", "topic", "judged")):
        ends = {row["step"]: row["records"] for row in own}
        found.append(Topic(witness=witness, topic=topic, judged=judged, kept=ends.pop(_KEPT, 0), dropped=ends))
    return found


@dataclass(frozen=True, slots=True)
class Shift:
    """A topic's shares of the judged and of the kept records that have a topic."""

    topic: Topic
    before: float
    after: float

    @property
    def points(self) -> float:
        """Percentage points that it has gained, or lost where below 0."""
        return round(100 * (self.after - self.before), 1)


def shifts_by_witness(topics: Sequence[Topic]) -> dict[str, list[Shift]]:
    """By what tells the topics: all of them, what has shifted most first."""
    found: dict[str, list[Shift]] = {}
    for witness, group in groupby(topics, attrgetter("witness")):
        own = list(group)
        judged, kept = sum(one.judged for one in own), sum(one.kept for one in own)
        shifts = [Shift(one, one.judged / judged, one.kept / kept if kept else 0.0) for one in own]
        found[witness] = sorted(shifts, key=lambda one: (-abs(one.after - one.before), one.topic.topic))
    return found
