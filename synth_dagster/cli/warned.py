"""Warnings of the library in the terminal of a run: the first of each kind at once, the others as a count at the end.

While a step runs Dagster takes what is logged into the run's own log, and nothing of it would be seen here.
"""

import logging
import re
from collections import Counter

from rich.console import Console
from rich.markup import escape

OURS = "synth_dagster"


class Warned(logging.Handler):
    """Prints what is warned of between `listen` and `end`. Messages are alike when they differ in numbers only."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console
        self._said: dict[str, str] = {}
        self._again: Counter[str] = Counter()

    def listen(self) -> None:
        logging.getLogger(OURS).addHandler(self)

    def end(self) -> None:
        """Says how often each came again."""
        logging.getLogger(OURS).removeHandler(self)
        for kind, times in self._again.items():
            self._print(f"{self._said[kind]} ({times} more of the kind)")

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        kind = re.sub(r"\d+(?:[.,]\d+)*", "0", message)
        if kind in self._said:
            self._again[kind] += 1
        else:
            self._said[kind] = message
            self._print(message)

    def _print(self, message: str) -> None:
        self._console.print(f"[yellow]{escape(message)}[/yellow]", highlight=False)
