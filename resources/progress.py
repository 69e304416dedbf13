"""Progress as log lines: what a run without a terminal shows. Dagster keeps them with the run (`python_logs`)."""

import logging
import time
from collections import defaultdict
from collections.abc import Mapping

from synth_dagster.runner.context import UsageLike
from synth_dagster.runner.told import Rate, counted, spent, under_way

log = logging.getLogger("synth_dagster.progress")
EVERY_SECONDS = 10.0


class LoggedProgress:
    """Says at most every ten seconds how far a step is, how fast it goes, how long it takes yet and what it costs."""

    def __init__(self) -> None:
        self._last = 0.0
        self._rates: dict[tuple[str, str], Rate] = defaultdict(Rate)

    def update(self, stage: str, batch: str, *, done: int, total: int, usage: Mapping[str, UsageLike]) -> None:
        now = time.monotonic()
        rate = self._rates[stage, batch]
        is_early = now - self._last < EVERY_SECONDS and (done < total or not total)
        if is_early and done > 1:
            return
        rate.note(done, now)
        if is_early:
            return  # the first input only begins the count
        self._last = now
        parts = [
            counted(done, total),
            *rate.in_words(done, total),
            spent(usage) or "no teacher calls",
            under_way(usage),
        ]
        log.info("%s [%s]: %s", stage, batch, ", ".join(filter(None, parts)))
