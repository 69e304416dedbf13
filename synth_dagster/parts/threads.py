"""Work on the processor's cores at once: NumPy and Arrow let go of the interpreter while they compute."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

import numpy as np

T = TypeVar("T")
R = TypeVar("R")

_alone = ContextVar("_alone", default=False)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What the work gives for each item, in the order of the items; few more than one a core are ever in hand."""
    _keep_what_is_freed()
    threads = 1 if _alone.get() else cores()
    if threads == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


@contextmanager
def alone() -> Iterator[None]:
    """What is computed inside uses one core: it is one of several workers."""
    before = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(before)


@cache
def _keep_what_is_freed() -> None:
    """Have arrays of a few megabytes made of memory that was freed, not of pages that the system has to clear first.

    glibc gives freed memory back at once until a block as large was freed before (mallopt(3), M_MMAP_THRESHOLD, which
    ends at 32 MiB). Clearing pages took a fifth of the time, and threads of a process wait for each other in it.
    """
    np.empty((32 << 20) - (1 << 16), np.uint8)
