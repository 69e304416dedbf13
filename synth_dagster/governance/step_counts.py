"""What each step did to the records behind a release: how many came in, were dropped, replaced, made and went on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synth_dagster.governance.release_rows import ReleaseRows


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCount:
    """So many records of a step; `records_out` = in - dropped - replaced + made."""

    stage: str
    step: str
    records_in: int
    dropped: Mapping[str, int]  # reason -> records
    replaced: int
    made: int
    records_out: int


def step_counts(
    rows: ReleaseRows, steps: Sequence[tuple[str, str]], mix: str, deciding: Sequence[str]
) -> list[StepCount]:
    """Of the steps (stage, method) of the row stages in their order, then of those that decide in the mix.

    Two steps of one method in a stage are told as one, where the first of them stands: a record names its method.
    """
    found: list[StepCount] = []
    for stage in dict.fromkeys(stage for stage, _ in steps):
        found += _of_stage(rows, stage, list(dict.fromkeys(method for one, method in steps if one == stage)))
    return found + _of_mix(rows, mix, deciding)


def _of_stage(rows: ReleaseRows, stage: str, methods: Sequence[str]) -> list[StepCount]:
    tallies = rows.ask(
        """select method, status, coalesce(reason, '') as reason, count(*) as n
           from records where stage = ? group by 1, 2, 3""",
        stage,
    )
    made, replaced, dropped = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for row in tallies:
        step, _, why = row["reason"].partition(":")
        made[row["method"]] += row["n"]
        replaced[step] += row["n"] if row["status"] == "superseded" else 0
        dropped[step, why] += row["n"] if row["status"] == "eliminated" else 0
    left = sum(count for method, count in made.items() if method not in methods)
    return _told(stage, methods, left, dropped, replaced, made)


def _of_mix(rows: ReleaseRows, mix: str, deciding: Sequence[str]) -> list[StepCount]:
    tallies = rows.ask(
        "select coalesce(reason, '') as reason, verdict, count(*) as n from verdicts group by all order by all"
    )
    dropped, left = Counter[tuple[str, str]](), 0
    for row in tallies:
        step, _, why = row["reason"].partition(":")
        if row["verdict"] == "kept" or step in deciding:  # others were no longer current, and did not come to the mix
            left += row["n"]
        dropped[step, why] += row["n"] if row["verdict"] != "kept" else 0
    return _told(mix, deciding, left, dropped, Counter(), Counter())


def _told(
    stage: str,
    steps: Sequence[str],
    left: int,
    dropped: Mapping[tuple[str, str], int],
    replaced: Counter[str],
    made: Counter[str],
) -> list[StepCount]:
    told: list[StepCount] = []
    for step in steps:
        reasons = {why: count for (one, why), count in sorted(dropped.items()) if one == step and count}
        after = left - sum(reasons.values()) - replaced[step] + made[step]
        told.append(
            StepCount(
                stage=stage,
                step=step,
                records_in=left,
                dropped=reasons,
                replaced=replaced[step],
                made=made[step],
                records_out=after,
            )
        )
        left = after
    return told
