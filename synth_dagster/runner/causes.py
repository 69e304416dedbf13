"""Why a Dagster run failed, in sentences: what a step said, or the checks that did not hold, with their counts."""

from collections.abc import Iterable
from typing import Any


def causes_of(events: Iterable[Any]) -> list[str]:
    """One line for each cause of a run's failure, from its events. No record text stands in them."""
    said: list[str] = []
    failed: list[str] = []
    for event in events:
        if event.event_type_value == "STEP_FAILURE":
            said.append(_step_failure(event))
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            failed.extend(_check_failure(event.event_specific_data))
    return failed or said or ["the run failed; its log in the UI says why"]


def _step_failure(event: Any) -> str:
    data = event.event_specific_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    name = error.cls_name if error else "failed"
    return f"{event.step_key}: {name}, a bug of ours or of a method; the run in the UI has its trace"


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
