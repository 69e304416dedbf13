"""Heads that tell topic and format of a page, learnt from what a judge said of a sample: a file of the project."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from synth_dagster.errors import SynthError
from synth_dagster.parts.models.learnt_heads import head_of
from synth_dagster.parts.models.linear_head import HeadSettings, TextHead
from synth_dagster.parts.pages.web_domains import CHOICES, SIDES, Side
from synth_dagster.services import Models, Vectors

_HOW = (
    "Each line has 'text' and 'topic' and 'format', or is a record that weborganizer_labels judged, as "
    "'synth show STAGE --json' writes it."
)


def heads(models: Models, path: str, settings: HeadSettings, known: Vectors | None = None) -> dict[Side, TextHead]:
    """The head of each side; `known` are the vectors of a model to go by.

    Raises SynthError where the labels are of another kind or too few.
    """
    rows = models.rows(path)
    given = {"target": "shares", **settings.training()}
    return {side: head_of(models, given, labelled(rows, side, path), known, path) for side in SIDES}


def labelled(rows: Sequence[Mapping[str, Any]], side: Side, path: str) -> pa.Table:
    """Columns text and label (JSON of label -> share) of the rows that say what they are."""
    found = [(row.get("text"), _shares(row, side)) for row in rows]
    found = [(text, shares) for text, shares in found if isinstance(text, str) and shares]
    strangers = sorted({label for _, shares in found for label in shares} - set(CHOICES[side]))
    if strangers:
        known = ", ".join(CHOICES[side])
        raise SynthError(f"'{path}' has the {side} '{strangers[0]}', which is none. There are {known}. {_HOW}")
    if len({label for _, shares in found for label in shares}) < 2:
        raise SynthError(f"'{path}' has no texts of two {side}s to learn from. {_HOW}")
    labels = [json.dumps(dict(sorted(shares.items()))) for _, shares in found]
    return pa.table({"text": [text for text, _ in found], "label": labels})


def _shares(row: Mapping[str, Any], side: Side) -> Mapping[str, float]:
    if isinstance(row.get(side), str):
        return {row[side]: 1.0}
    attributes = row.get("attributes")
    judged = attributes.get("weborganizer") if isinstance(attributes, Mapping) else None
    shares = judged.get(side) if isinstance(judged, Mapping) else None
    if not isinstance(shares, Mapping):
        return {}
    return {label: float(share) for label, share in shares.items() if isinstance(share, int | float) and share > 0}


def told(head: TextHead, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The label of each text and its share; nan is the share of a text that has no vector."""
    shares = head.shares(texts)
    if not len(texts):
        return np.zeros(0, object), np.zeros(0)
    best = shares.argmax(axis=1)
    return np.array(head.names, object)[best], shares[np.arange(len(texts)), best]


def agreement(head: TextHead) -> float:
    """How often a head that has not seen a text calls it what it was called most."""
    return float((head.targets.argmax(axis=1) == head.left_out.argmax(axis=1)).mean()) if len(head.targets) else 0.0
