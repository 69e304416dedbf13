"""Lines of a file about texts that are behind a set and texts that are not: what an attack is tried with.

A line that lacks something is refused, with its number: half a test would show less than it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from synth_dagster.errors import SynthError
from synth_dagster.parts.models.membership import Scored, scores_of
from synth_dagster.parts.privacy.benchmark_memory import Scores, scores_with_whole
from synth_dagster.parts.privacy.inference import Attack
from synth_dagster.parts.text.words import one_line
from synth_dagster.services import References

T = TypeVar("T")

GROUPS = ("benchmark", "control", "order")  # of probes
_IN_WORDS: Mapping[type, str] = {bool: "true or false", str: "a text", int: "a whole number"}


def facts_of(references: References, path: str) -> list[Attack]:
    """Raises SynthError for a line that lacks something."""
    return [
        Attack(
            _given(row, "text", str, path, number), _given(row, "value", str, path, number), _seen(row, path, number)
        )
        for number, row in enumerate(references.rows(path), start=1)
    ]


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says of a text: the scores of membership, and the log-probability of the whole."""

    text: str
    scores: dict[str, float]
    whole: float


def student_said(references: References, path: str) -> dict[bool, list[Said]]:
    """What a model of the user's says of texts that it saw (True) and of others. Raises SynthError for what is none."""
    found: dict[bool, list[Said]] = {True: [], False: []}
    for number, row in enumerate(references.rows(path), start=1):
        said, text = _said(row, path, number), _given(row, "text", str, path, number)
        found[_seen(row, path, number)].append(Said(text, scores_of(text, said), float(said.own.sum())))
    _of_both(found, path)
    return found


def student_wrote(references: References, path: str) -> dict[bool, list[bool]]:
    """Of texts that a model of the user's saw and of others, whether it wrote what is expected, but for white space."""
    found: dict[bool, list[bool]] = {True: [], False: []}
    for number, row in enumerate(references.rows(path), start=1):
        expected = _given(row, "expected", str, path, number)
        wrote = row.get("wrote")
        if not isinstance(wrote, str):
            raise _bad(path, number, "wrote is a text")
        found[_seen(row, path, number)].append(one_line(wrote) == one_line(expected))
    _of_both(found, path)
    return found


def probes_said(references: References, path: str) -> dict[str, Scores]:
    """Group -> (number, variant) -> what a model of the user's says of a probe. Raises SynthError for what is none."""
    found: dict[str, Scores] = {}
    for number, row in enumerate(references.rows(path), start=1):
        group = row.get("group")
        if group not in GROUPS:
            raise _bad(path, number, f"group is one of {', '.join(GROUPS)}")
        place = [_given(row, name, int, path, number) for name in ("number", "variant")]
        text = _given(row, "text", str, path, number)
        found.setdefault(str(group), {})[place[0], place[1]] = scores_with_whole(text, _said(row, path, number))
    return found


def _said(row: Mapping[str, object], path: str, number: int) -> Scored:
    own = _numbers(row, "log_probs", path, number)
    beside = [_numbers(row, name, path, number) if name in row else None for name in ("mean", "spread")]
    if own is None or not len(own) or any(one is not None and len(one) != len(own) for one in beside):
        raise _bad(path, number, "log_probs, and mean and spread where they are given, are equally many numbers")
    return Scored(own, *beside)


def _of_both(found: Mapping[bool, Sequence[object]], path: str) -> None:
    if not all(found.values()):
        raise SynthError(f"'{path}' needs texts that were seen and texts that were not, to tell them apart.")


def _numbers(row: Mapping[str, object], name: str, path: str, number: int) -> np.ndarray | None:
    try:
        found = np.array(row.get(name), float)
    except (TypeError, ValueError):
        found = np.array([np.nan])
    if found.ndim != 1 or not np.isfinite(found).all():
        raise _bad(path, number, f"{name} is a list of numbers")
    return found


def _seen(row: Mapping[str, object], path: str, number: int) -> bool:
    return _given(row, "seen", bool, path, number)


def _given(row: Mapping[str, object], name: str, kind: type[T], path: str, number: int) -> T:
    value = row.get(name)
    if not isinstance(value, kind) or value == "":
        raise _bad(path, number, f"{name} is {_IN_WORDS[kind]}")
    return value


def _bad(path: str, number: int, wanted: str) -> SynthError:
    return SynthError(f"Line {number} of '{path}' cannot be read: {wanted}. Correct the line.")
