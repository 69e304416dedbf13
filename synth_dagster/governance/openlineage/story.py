"""What Dagster's log tells of a run, as the moments that OpenLineage knows: one start and one end for each job.

The run as a whole is a job, and each of its steps is one. A step that was under way when its run ended, as when the
process was killed, ends with the run.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from synth_dagster.runner.causes import causes_of

Kind: TypeAlias = Literal["START", "COMPLETE", "FAIL", "ABORT"]

RUN_ENDS: dict[str, Kind] = {"PIPELINE_SUCCESS": "COMPLETE", "PIPELINE_FAILURE": "FAIL", "PIPELINE_CANCELED": "ABORT"}
READ = (
    *("PIPELINE_START", "STEP_START", "STEP_SUCCESS", "STEP_FAILURE", *RUN_ENDS),
    *("ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED", "ASSET_CHECK_EVALUATION"),
)
INTERRUPTS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A start or an end. `step` is None where it is that of the whole run."""

    place: int  # of the record in the log of the run
    at: float
    kind: Kind
    step: str | None = None
    assets: tuple[Any, ...] = ()  # keys of the assets that the step is to make
    made: tuple[Any, ...] = ()  # its materializations
    checks: tuple[Any, ...] = ()  # its evaluations
    why: str = ""  # of an end that is no success, in words without record text


@dataclass
class _Step:
    """What a step has said so far."""

    is_open: bool = False
    assets: list[Any] = field(default_factory=list)
    made: list[Any] = field(default_factory=list)
    checks: list[Any] = field(default_factory=list)  # the events of its evaluations


class _Story:
    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._is_open = False

    def hear(self, record: Any) -> Iterator[Moment]:
        """The moments that a record of the log is."""
        event = record.event_log_entry.dagster_event
        place, at, kind = record.storage_id, record.event_log_entry.timestamp, event.event_type_value
        if kind == "PIPELINE_START" and not self._is_open:
            self._is_open = True
            yield Moment(place=place, at=at, kind="START")
        elif kind in RUN_ENDS and self._is_open:
            yield from self._run_ends(place, at, RUN_ENDS[kind], event)
        elif event.step_key is not None:
            yield from self._step(place, at, event)

    def _run_ends(self, place: int, at: float, kind: Kind, event: Any) -> Iterator[Moment]:
        self._is_open = False
        why = "" if kind == "COMPLETE" else _why(event)
        for key, step in self._steps.items():
            if step.is_open:
                yield self._end(key, place, at, "FAIL" if kind == "FAIL" else "ABORT", "its run ended before it")
        yield Moment(place=place, at=at, kind=kind, why=why)

    def _step(self, place: int, at: float, event: Any) -> Iterator[Moment]:
        key, data = event.step_key, event.event_specific_data
        step = self._steps.setdefault(key, _Step())
        match event.event_type_value:
            case "ASSET_MATERIALIZATION_PLANNED":
                step.assets.append(data.asset_key)
            case "ASSET_MATERIALIZATION":
                step.made.append(data.materialization)
            case "ASSET_CHECK_EVALUATION":
                step.checks.append(event)
            case "STEP_START" if not step.is_open:
                step.is_open = True
                yield Moment(place=place, at=at, kind="START", step=key, assets=tuple(step.assets))
            case "STEP_SUCCESS" if step.is_open:
                yield self._end(key, place, at, "COMPLETE", "")
            case "STEP_FAILURE" if step.is_open:
                yield self._end(key, place, at, _how(data), "; ".join(causes_of([*step.checks, event])))

    def _end(self, key: str, place: int, at: float, kind: Kind, why: str) -> Moment:
        step = self._steps[key]
        step.is_open = False
        checks = tuple(event.event_specific_data for event in step.checks)
        said = {"assets": tuple(step.assets), "made": tuple(step.made), "checks": checks}
        return Moment(place=place, at=at, kind=kind, step=key, why=why, **said)


def moments(records: Iterable[Any]) -> Iterator[Moment]:
    """The moments of one run, from the records of its log in their order."""
    story = _Story()
    for record in records:
        yield from story.hear(record)


def _how(data: Any) -> Kind:
    """Whether a step failed or was only broken off: by a signal, or because a provider is still answering."""
    failure = data.user_failure_data
    outcome = failure.metadata.get("outcome") if failure is not None else None
    stopped = data.error is not None and data.error.cls_name in INTERRUPTS
    return "ABORT" if stopped or (outcome is not None and outcome.value == "pending") else "FAIL"


def _why(event: Any) -> str:
    """Why a run ended; Dagster's message may hold the text of an error, and that one a record's."""
    reason = getattr(event.event_specific_data, "failure_reason", None)
    return f"the run ended: {reason.value}" if reason is not None else "the run ended before its steps"
