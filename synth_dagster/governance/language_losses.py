"""Which step all but deletes a language: one rule for the gate of a release, which warns, and for its report.

It looks at what the mix judged, and at what the stages above eliminated before: there a filter may stand as a step.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synth_dagster.governance.told_languages import CHOSEN, FEW, MOST_OF_IT, SPOKEN, TOLD_ONCE, UNKNOWN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Lost:
    """A language of which a step dropped nine records of ten and more; `records` came to the stage."""

    stage: str
    lang: str
    step: str
    records: int

    def told(self, of: str) -> str:
        """For people; the stage that the mix judges, `of`, is not named."""
        return f"{self.lang} by {self.step}" + (f" in {self.stage}" if self.stage != of else "")


def lost_languages(connection: "DuckDBPyConnection") -> tuple[int, list[Lost]]:
    """How many languages came to the stages, and those that are lost, of the tables `passing` and `told`."""
    counted = connection.sql(
        f"""select stage, {SPOKEN}, coalesce(reason, ''), count(*)
            from passing left join ({TOLD_ONCE}) using (record_id) group by 1, 2, 3"""
    ).fetchall()
    judged: dict[str, Counter[str]] = {}
    dropped: dict[str, dict[tuple[str, str], int]] = {}
    for stage, lang, reason, records in counted:
        judged.setdefault(stage, Counter())[lang] += records
        dropped.setdefault(stage, {})
        if reason:
            dropped[stage][lang, reason] = records
    lost = [
        Lost(stage, lang, step, judged[stage][lang])
        for stage in sorted(judged)
        for lang, step in emptied(judged[stage], dropped[stage])
    ]
    return len({lang for found in judged.values() for lang in found}), lost


def emptied(judged: Mapping[str, int], dropped: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """(language, step) of the languages that a step all but deletes, while it lets most of another one through.

    What was dropped counts by (language, reason). What a step says it drops for being in another language is meant.
    """
    found = Counter[tuple[str, str]]()
    for (lang, reason), records in dropped.items():
        step, _, why = reason.partition(":")
        found[lang, step] += 0 if why in CHOSEN else records
    enough = {lang for lang, records in judged.items() if records >= FEW}
    spared = {step for _, step in found if any(found[lang, step] <= judged[lang] / 2 for lang in enough)}
    return sorted(
        (lang, step)
        for (lang, step), records in found.items()
        if lang in enough - {*UNKNOWN} and step in spared and records >= MOST_OF_IT * judged[lang]
    )
