"""Work on the processor's cores at once: NumPy and Arrow let go of the interpreter while they compute."""

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_alone = ContextVar("_alone", default=False)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable() -> int:
    """How many cores what is computed here is to use: one inside of `alone`."""
    return 1 if _alone.get() else cores()


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What the work gives for each item, in the order of the items; few more than one a core are ever in hand."""
    _keep_what_is_freed()
    threads = usable()
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

    glibc gives memory back as soon as it can: large blocks when they are freed, and the heap of a thread, 64 MiB, when
    it is empty (mallopt(3)). Clearing pages took a fifth of the time on one core, and more on two: threads of a process
    wait for each other in it. What has another allocator has no `mallopt`, and stays as it is.
    """
    tell = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if tell is not None:
        tell(_MMAP_THRESHOLD, 32 << 20)
        tell(_TRIM_THRESHOLD, _HEAP)
        tell(_TOP_PAD, _HEAP)  # an empty heap goes only where what is free in the one before it would be less


_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # malloc.h of glibc
_HEAP = 64 << 20
