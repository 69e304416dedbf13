"""The rule of a stage whose pairs a judge looks at in both orders."""

from typing import TYPE_CHECKING

from synth_dagster.governance.judges import JUDGED_BY, of_judge
from synth_dagster.services import Finding

if TYPE_CHECKING:
    from expectations.rules import Gated

LEAST_JUDGED, LEAST_CONSISTENT = 20, 0.5


def the_judge_is_steady(gated: "Gated") -> Finding:
    """Of twenty pairs and more, a judge prefers the same answer in both orders for at least half. It informs.

    A judge that is swayed by the order costs pairs, and those that are left are the ones it was sure of.
    """
    counts = of_judge(gated.rows.select(list(JUDGED_BY)))
    sound = counts.get("pairs", 0) - counts.get("without_verdict", 0)
    return Finding(
        "judge",
        passed=sound < LEAST_JUDGED or counts["consistency"] >= LEAST_CONSISTENT,
        counts=counts,
        severity="warning",
    )
