"""Dagster's log of what a run prints, whose helpers overlook Ctrl-C.

For each run Dagster starts programs that copy its output to the terminal and watch over one another. Ctrl-C reaches
every program of a terminal, and theirs would each answer with a traceback above our one line. They end with the run.
"""

import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster._core.storage.compute_log_manager import CapturedLogContext
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager


class SteadyComputeLogs(LocalComputeLogManager):
    """Logs in the files of LocalComputeLogManager."""

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        with ExitStack() as stack:
            with _interrupts_later():
                context = stack.enter_context(super().capture_logs(log_key))
            yield context

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "SteadyComputeLogs":
        return cls(inst_data=inst_data, **config_value)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """A program inherits which signals are held back; this one gets its own when the block is left."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def steady(compute_logs: Any) -> Any:
    """A compute_logs block of dagster.yaml, with helpers that overlook Ctrl-C where it is Dagster's local one."""
    if not isinstance(compute_logs, dict) or compute_logs.get("class") != LocalComputeLogManager.__name__:
        return compute_logs
    return {**compute_logs, "module": __name__, "class": SteadyComputeLogs.__name__}
