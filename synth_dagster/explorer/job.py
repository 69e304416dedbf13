"""The erasure that a server carries out: one at a time, in a thread that does not keep the server from ending."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from synth_dagster.errors import SynthError

log = logging.getLogger(__name__)


class Busy(SynthError):
    """Something else has to end first; the same request may be made again."""


@dataclass(slots=True)
class Job:
    """An erasure that is carried out or was, until the server ends."""

    state: Literal["running", "done", "failed"] = "running"
    receipt: str = ""  # its id
    said: str = ""  # why it failed


class Erasures:
    """The erasures of one server."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self._one = threading.Lock()

    @property
    def is_running(self) -> bool:
        return self.job is not None and self.job.state == "running"

    def begin(self, work: Callable[[], str]) -> None:
        """Carry out an erasure that returns the id of its receipt. Raises Busy while another one goes on."""
        with self._one:
            if self.is_running:
                raise Busy("An erasure is being carried out. Wait for it to end.")
            self.job = job = Job()
            threading.Thread(target=_run, args=(job, work), daemon=True, name="erasure").start()


def _run(job: Job, work: Callable[[], str]) -> None:
    try:
        job.receipt = work()
        job.state = "done"
    except SynthError as error:
        job.said, job.state = str(error), "failed"
    except Exception as error:  # noqa: BLE001  # whatever it is, its words may quote a record
        log.error("An erasure ended with %s.", type(error).__name__)
        job.said = f"It ended with {type(error).__name__}. 'synth erase' and 'synth run' go on with what was begun."
        job.state = "failed"
