"""Where a teacher call's time goes: HTTP, JSON, the cache, or the rest of us.

A sample of the main thread's stack for each millisecond of the process's CPU time. A sample counts for the innermost
frame's package; the functions of ours count with all that they call in the standard library, until another of ours.
"""

import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.measured import options, parsed, tell
from benchmarks.teacher import a_second, ours, served

CALLS, IN_FLIGHT = 8_000, 256
INTERVAL_S = 0.001
MOST = 0.05  # of the time, in one function of ours that is neither HTTP nor the cache
HTTP = ("aiohttp/", "asyncio/", "yarl/", "multidict/", "selectors.py", "ssl.py", "socket.py", "teacher/channel.py")
CACHE = ("teacher/caches/", "teacher/cache.py", "sqlite3/")


class Samples:
    """What the process was found doing."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()

    def take(self, _signal: int, frame: FrameType | None) -> None:
        self.kinds[next((kind for one in _outward(frame) if (kind := kind_of(one))), "Python itself")] += 1
        for one in _outward(frame):
            _, ours_too, where = one.f_code.co_filename.partition("/synth_dagster/")
            if ours_too:
                self.functions[f"{where}:{one.f_code.co_name}"] += 1
                return
            if kind_of(one) == "HTTP":
                return

    @contextmanager
    def taking(self) -> Iterator[None]:
        signal.signal(signal.SIGPROF, self.take)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def kind_of(frame: FrameType) -> str | None:
    """What a frame is at; None where only its caller tells."""
    name = frame.f_code.co_filename
    if any(part in name for part in HTTP):
        return "HTTP"
    if any(part in name for part in CACHE):
        return "cache"
    if "/json/" in name:
        return "JSON"
    return "the rest of us" if "/synth_dagster/" in name or "/benchmarks/" in name else None


def _outward(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def main() -> int:
    """Measure, print, and fail when the limit is broken."""
    samples = Samples()
    with tempfile.TemporaryDirectory() as folder, served() as url:
        ours(url, IN_FLIGHT, IN_FLIGHT, Path(folder) / "first.sqlite")  # imports are no part of a call
        with samples.taking():
            a_call_s, _ = a_second(CALLS, lambda: ours(url, CALLS, IN_FLIGHT, Path(folder) / "answers.sqlite"))
    total = samples.kinds.total()
    kinds, functions = (_shares(counted, total) for counted in (samples.kinds, samples.functions))
    own = {name: share for name, share in functions.items() if not any(part in name for part in HTTP + CACHE)}
    found: dict[str, Any] = {
        "calls_a_second": a_call_s,
        "kinds": kinds,
        "functions": dict(list(functions.items())[:12]),
    }
    limits = {
        f"no function of ours beside HTTP and the cache takes {MOST:.0%}": max(own.values()) <= MOST,
        "most goes to HTTP, JSON and the cache": kinds["HTTP"] + kinds["JSON"] + kinds["cache"] >= 0.5,
    }
    return tell("teacher_profile", limits=limits, **found)


def _shares(counted: Counter[str], total: int) -> dict[str, float]:
    return {name: round(count / total, 3) for name, count in counted.most_common()}


if __name__ == "__main__":
    parsed(options(__doc__))
    sys.exit(main())
