"""Workers of this machine: threads, which is enough for NumPy, Arrow and DuckDB, or processes for what is Python."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from synth_dagster.errors import SynthError
from synth_dagster.parts.threads import cores
from synth_dagster.scale.tasks import run_task
from synth_dagster.storage import S3Options

WAIT_SECONDS = 1.0
DEATHS = 3  # of processes that may die one after the other without a single task done between them


class WorkersLost(SynthError):
    """Workers died again and again over the same work."""


@dataclass(frozen=True, slots=True)
class Threads:
    """Threads of this process; 0 is one a core."""

    count: int = 0

    def run(self, tasks: Sequence[str], s3: S3Options | None, waiting: Callable[[], None]) -> Iterator[tuple[int, str]]:
        count = self.count or cores()
        with ThreadPoolExecutor(count) as pool:
            yield from _finished(pool, count, dict(enumerate(tasks)), s3, waiting)


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes of this machine, started afresh so that they share nothing; 0 is one a core."""

    count: int = 0

    def run(self, tasks: Sequence[str], s3: S3Options | None, waiting: Callable[[], None]) -> Iterator[tuple[int, str]]:
        import multiprocessing

        left = dict(enumerate(tasks))
        deaths = 0
        while left:
            count = min(self.count or cores(), len(left))
            pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))
            try:
                for place, result in _finished(pool, count, dict(left), s3, waiting):
                    del left[place]
                    deaths = 0
                    yield place, result
            except BrokenProcessPool:
                deaths += 1
                if deaths >= DEATHS:
                    raise _lost(deaths) from None
            finally:
                pool.shutdown(cancel_futures=True)


def _lost(deaths: int) -> WorkersLost:
    return WorkersLost(
        f"Worker processes died {deaths} times over the same tasks, most likely for want of memory. Give the machine "
        "more, or set fewer workers (SYNTH_WORKERS) or less memory for each (SYNTH_WORKER_MEMORY_MB)."
    )


def _finished(
    pool: Executor, count: int, tasks: dict[int, str], s3: S3Options | None, waiting: Callable[[], None]
) -> Iterator[tuple[int, str]]:
    """The results as they come; never many more tasks in hand than there are workers."""
    todo = iter(tasks.items())
    in_hand: dict[Future[str], int] = {}
    try:
        while True:
            for place, text in todo:
                in_hand[pool.submit(run_task, text, s3)] = place
                if len(in_hand) >= 2 * count:
                    break
            if not in_hand:
                return
            done, _ = wait(in_hand, WAIT_SECONDS, FIRST_COMPLETED)
            waiting()
            for future in done:
                yield in_hand.pop(future), future.result()
    finally:
        for future in in_hand:
            future.cancel()
