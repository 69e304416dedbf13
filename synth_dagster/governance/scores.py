"""What judges gave a record: the scores of a pair's two answers, and the numbers that steps noted beside the record.

No text: of attributes only numbers, yes or no, and the few labels that say whose the numbers are. A step that
puts a number of the source's own there is told as well; what came from outside, and was not made by a step, has none.
"""

import json
from collections.abc import Mapping
from typing import Any

from synth_dagster.governance.judges import JUDGE

OF_A_PAIR = ("chosen_score", "rejected_score")
READ = (*OF_A_PAIR, "attributes", "parents")
# names of models, of principles and of a judge's verdicts: words of methods, never of a record
LABELS = frozenset({"models", "chosen_model", "rejected_model", "principles"})
OF_A_JUDGE = frozenset({"mode", "games", "winner", "judge"})

Scores = Mapping[str, Any]


def scores_of(row: Mapping[str, Any]) -> Scores:
    """Name -> figure of a row of a table, the parts of attributes nested as they are there."""
    own = {name: row[name] for name in OF_A_PAIR if row.get(name) is not None}
    noted = json.loads(row.get("attributes") or "{}") if row.get("parents") else {}
    return own | {name: kept for name, value in noted.items() if (kept := _figures(name, value)) is not None}


def flat(scores: Scores, above: str = "") -> dict[str, Any]:
    """The same in one level, names joined by dots."""
    found: dict[str, Any] = {}
    for name, value in scores.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {above + name: value}
    return found


def _figures(name: str, value: Any, within: str = "") -> Any:
    """The value without its texts; None where nothing is left."""
    if isinstance(value, bool | int | float) or name in (OF_A_JUDGE if within == JUDGE else LABELS):
        return value
    if isinstance(value, Mapping):
        parts = {key: kept for key, one in value.items() if (kept := _figures(key, one, name)) is not None}
        return parts or None
    if isinstance(value, list) and value and all(one is None or isinstance(one, bool | int | float) for one in value):
        return value
    return None
