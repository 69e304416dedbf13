"""What erasures have taken, by the notes they leave: of a release counts, of an id that is asked for whether it went.

A withdrawn release stands in the lake as its erasures have left it, so whatever reads it counts too few.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synth_dagster.errors import UnknownName
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Moment
from synth_dagster.lake.meta_values import Release
from synth_dagster.lake.tombstones import erasure_of
from synth_dagster.runner.verdicts import VERDICTS

_NOTED = """select erased_versions.erasure, erasures.started_at,
    sum(case when candidates.stage = ? then candidates.rows - erased_versions.rows else 0 end) as kept,
    sum(case when candidates.stage = ? then candidates.rows - erased_versions.rows else 0 end) as judged
    from erased_versions join candidates on candidates.candidate_id = erased_versions.old
    join erasures on erasures.erasure = erased_versions.erasure
    where candidates.dataset = ? and candidates.batch = ? and candidates.partition = 'release'
    group by erased_versions.erasure, erasures.number, erasures.started_at order by erasures.number"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one erasure took out of a release: of the records that it kept, and of those that it had dropped."""

    erasure: str
    at: float  # when it began
    kept: int
    dropped: int


def taken_from(lake: Lake, release: Release) -> Sequence[Taken]:
    """What each erasure took out of a release, the first one first; nothing of what its successor lacks."""
    about = (release.manifest["table"], VERDICTS, release.dataset, release.release)
    rows = lake.meta.database.rows(_NOTED, about)
    noted = [
        Taken(row["erasure"], row["started_at"], int(row["kept"]), int(row["judged"]) - int(row["kept"]))
        for row in rows
    ]
    return [one for one in noted if one.kept or one.dropped]  # others took what a row named, and no row


def earlier_gate(manifest: Mapping[str, Any]) -> str:
    """A sentence on the checks of what an erasure has left of a release; nothing for others."""
    if not manifest.get("successor_of"):
        return ""
    return (
        f"The checks ran before erasure {manifest['erasure']} took records out of {manifest['successor_of']}: "
        "what they counted holds those too."
    )


def resolved(lake: Lake, now: Moment, prefix: str) -> bytes:
    """The id of the record that begins so. Raises UnknownName; of a whole id that was erased with when, and by what."""
    try:
        return now.resolve(prefix)
    except UnknownName:
        buried = erasure_of(lake.meta.database, prefix.strip().lower())
        if buried is None:
            raise
        day, receipt = day_of(buried["since"]), receipt_name(buried["erasure"])
        done = f"It was erased on {day}. The receipt is {receipt} in the lake."
        begun = (
            f"Its erasure began on {day} and is under way, or was cut short: the next 'synth erase' or 'synth run' "
            "goes on with it."
        )
        raise UnknownName("record", prefix, (), done if buried["state"] == "done" else begun) from None


def day_of(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def receipt_name(erasure: str) -> str:
    """Where an erasure has left its receipt."""
    return f"erasures/{erasure}.json"
