"""Workers of a Ray cluster: tasks of Ray's core, one CPU each, which read and write the lake's store themselves.

Nothing but a JSON text goes to a worker and comes back, so a node that dies takes nothing with it: what it had in hand
is given to another. Every machine needs this package, of the same version, and the lake's folder or bucket.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from synth_dagster.errors import SynthError
from synth_dagster.scale.tasks import run_task
from synth_dagster.scale.workers import WAIT_SECONDS, WorkersLost
from synth_dagster.storage import S3Options

TRIES = 5  # of one task whose workers or nodes die
AHEAD = 2  # tasks a CPU of the cluster that are handed over at once


@dataclass(frozen=True, slots=True)
class OnRay:
    """Connects to a cluster: `auto` for the one that this machine is part of, `host:port`, or `ray://host:port`."""

    address: str = "auto"
    memory: int = 1 << 30  # bytes that Ray sets aside for a task

    def run(self, tasks: Sequence[str], s3: S3Options | None, waiting: Callable[[], None]) -> Iterator[tuple[int, str]]:
        ray = connected(self.address)
        # each task is tried again here: Ray's own tries end when the node that owns a result is gone
        options = {"num_cpus": 1, "memory": self.memory, "max_retries": 0, "scheduling_strategy": "SPREAD"}
        remote = ray.remote(run_task).options(**options)
        todo = list(enumerate(tasks))[::-1]
        tries = [0] * len(tasks)
        in_hand: dict[Any, int] = {}
        while todo or in_hand:
            ahead = max(AHEAD, AHEAD * int(ray.cluster_resources().get("CPU", 1)))
            while todo and len(in_hand) < ahead:
                place, text = todo.pop()
                in_hand[remote.remote(text, s3)] = place
            done, _ = ray.wait(list(in_hand), num_returns=1, timeout=WAIT_SECONDS)
            waiting()
            for reference in done:
                place = in_hand.pop(reference)
                result = _result(ray, reference)
                if result is not None:
                    yield place, result
                    continue
                tries[place] += 1
                if tries[place] >= TRIES:
                    raise WorkersLost(
                        f"A task was given to {TRIES} workers of the Ray cluster and each died with it, most likely "
                        "for want of memory. Give workers more (SYNTH_WORKER_MEMORY_MB), or look at the cluster's log."
                    )
                todo.append((place, tasks[place]))


def _result(ray: Any, reference: Any) -> str | None:
    """What a task gave, or None where its worker or node died. Raises what the function raised."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, SynthError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError:  # a worker, a node or an object that is gone
        return None


def connected(address: str) -> Any:
    """Ray, connected to the cluster. Raises SynthError without the package or the cluster."""
    try:
        import ray
    except ImportError as error:
        raise SynthError("SYNTH_ENGINE is ray, and Ray is not installed. pip install 'synth-dagster[ray]'") from error
    if ray.is_initialized():
        return ray
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what runs here is nobody else's business
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise SynthError(
            f"No Ray cluster answers at '{address}' ({type(error).__name__}). Start one ('ray start --head'), or name "
            "another in SYNTH_RAY_ADDRESS; SYNTH_ENGINE=threads works without."
        ) from error
    return ray
