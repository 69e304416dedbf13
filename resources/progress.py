"""Progress as log lines: what a run without a terminal shows."""

import logging
import time
from collections.abc import Mapping

from synth_dagster.runner.context import UsageLike

log = logging.getLogger("synth_dagster.progress")
EVERY_SECONDS = 10.0


class LoggedProgress:
    """Says at most every ten seconds how far a step is."""

    def __init__(self) -> None:
        self._last = 0.0

    def update(self, stage: str, batch: str, *, done: int, total: int, usage: Mapping[str, UsageLike]) -> None:
        now = time.monotonic()
        if now - self._last < EVERY_SECONDS and done < total:
            return
        self._last = now
        calls = sum(role.calls for role in usage.values())
        cached = sum(role.cached for role in usage.values())
        log.info(
            "%s [%s]: %d of %d inputs, %d teacher calls, %d from the cache", stage, batch, done, total, calls, cached
        )
