"""Why a Dagster run failed, in sentences: what a step said, or the checks that did not hold, with their counts."""

import re
from collections.abc import Iterable
from typing import Any

CHECK_FAILED = "DagsterAssetCheckFailedError"  # of a step whose blocking check does not hold
NAMED = 3  # batches that a line on many of them names


def causes_of(events: Iterable[Any]) -> list[str]:
    """One line for each cause of a run's failure, from its events: checks first. No record text stands in them."""
    said: list[str] = []
    failed: list[str] = []
    for event in events:
        if event.event_type_value == "STEP_FAILURE":
            said.extend(_step_failure(event))
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            failed.extend(_check_failure(event.event_specific_data))
    return failed + said or ["the run failed; its log in the UI says why"]


def _step_failure(event: Any) -> list[str]:
    data = event.event_specific_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return [data.user_failure_data.description]
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    if error is not None and error.cls_name == CHECK_FAILED:
        return []  # the check says it itself
    name = error.cls_name if error else "failed"
    return [f"{event.step_key}: {name}, a bug of ours or of a method; the run in the UI has its trace"]


def _check_failure(evaluation: Any) -> list[str]:
    if evaluation.passed or evaluation.severity.value != "ERROR":
        return []
    return [f"check {evaluation.asset_key.path[-1]}/{evaluation.check_name} failed: {_counts(evaluation)}"]


def _counts(evaluation: Any) -> str:
    links = ("failures", "examples", "examples_file")
    values = {name: value.value for name, value in evaluation.metadata.items() if name not in links}
    listed = ", ".join(f"{name} {value}" for name, value in values.items())
    examples = evaluation.metadata.get("examples_file")
    return f"{listed}; examples: {examples.value}" if examples else listed


def grouped(causes: Iterable[str]) -> list[str]:
    """A line for each kind of cause: what many batches failed of is said once, with how many they are.

    Causes are alike when they differ in numbers only. One that is of no batch stands alone.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for cause in causes:
        place, why = _place_and_cause(cause)
        groups.setdefault(re.sub(r"\d+(?:[.,]\d+)*", "0", why) if place else cause, []).append((place, cause))
    return [_in_one_line(group) for group in groups.values()]


def _place_and_cause(cause: str) -> tuple[str, str]:
    found = re.fullmatch(r"(?P<what>(?:no release: )?batch )(?P<batch>\S+): (?P<why>.*)", cause, re.DOTALL)
    return (found["batch"], found["what"] + found["why"]) if found else ("", cause)


def _in_one_line(group: list[tuple[str, str]]) -> str:
    first, *others = group
    if not others:
        return first[1]
    named = ", ".join(place for place, _ in others[:NAMED]) + (", ..." if len(others) > NAMED else "")
    return f"{first[1]} (the same in {len(others)} more: {named})"
