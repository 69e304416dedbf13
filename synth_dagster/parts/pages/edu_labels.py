"""What a judge said of a sample, as texts and numbers to learn from; and whether what was learnt can be relied on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from synth_dagster.errors import SynthError
from synth_dagster.parts.asking.rubrics import HIGHEST, LOWEST
from synth_dagster.parts.models.linear_head import TextHead, macro_f1

_HOW = (
    "Each line has 'text' and 'label', a number from 0 to 5, or is a record that edu_rubric judged, as "
    "'synth show STAGE --json' writes it."
)


def labelled(rows: Sequence[Mapping[str, Any]], path: str) -> pa.Table:
    """Columns text and label of the rows that have a score. Raises SynthError where there is nothing to learn."""
    found = [(row.get("text"), _score(row)) for row in rows]
    found = [(text, score) for text, score in found if isinstance(text, str) and score is not None]
    if len({score for _, score in found}) < 2:
        raise SynthError(f"'{path}' has no texts of two scores to learn from. {_HOW}")
    strangers = [score for _, score in found if not LOWEST <= score <= HIGHEST]
    if strangers:
        raise SynthError(f"'{path}' has the score {strangers[0]:g}, which is not from 0 to 5. {_HOW}")
    return pa.table({"text": [text for text, _ in found], "label": [f"{score:g}" for _, score in found]})


def _score(row: Mapping[str, Any]) -> float | None:
    """The label of a line; else the score that a judge gave a record. None for a record without one."""
    attributes = row.get("attributes")
    judged = attributes.get("edu_rubric") if isinstance(attributes, Mapping) else None
    value = row.get("label", judged.get("score") if isinstance(judged, Mapping) else None)
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def points(scores: np.ndarray) -> np.ndarray:
    """Scores as whole points from 0 to 5; a half goes to the even one, as in the official code."""
    return np.rint(np.clip(scores, LOWEST, HIGHEST)).astype(np.int64)


def f1_at(head: TextHead, cut: float) -> float:
    """Macro-F1 of 'at least the cut' on the labels, each told by a head that had not seen it."""
    return macro_f1(points(head.targets[:, 0]) >= cut, points(head.left_out[:, 0]) >= cut)


def relied_on(head: TextHead, cut: float, least: float, path: str) -> TextHead:
    """The head. Raises SynthError where it tells what is above the cut worse than asked for."""
    found = f1_at(head, cut)
    if found >= least:
        return head
    raise SynthError(
        f"What was learnt from the {len(head.targets)} texts of '{path}' tells scores of {cut:g} and more with a "
        f"macro-F1 of {found:.2f} on texts that it has not seen; {least:g} is asked for. Label more texts, more of "
        "them above the cut, or lower 'min_f1'."
    )
