"""What commands write to: lines for people, JSON for programs, and a reader that may have gone (`synth show | head`).

JSON goes out as it is: never wrapped, never coloured, and valid where a number is not finite (null) or the terminal
knows no Unicode (escapes).
"""

import json
import os
import sys
from typing import Any, TextIO

from rich.console import Console

from synth_dagster.records import plain


class Terminal(Console):
    """Standard output. Lines are not cut to its width; when nobody reads any more, the command goes on in silence.

    A terminal is written to by a descriptor of its own: while a step runs Dagster leads the standard one into the run's
    log, where progress would be drawn for nobody, and a terminal would seem to be none.
    """

    def __init__(self) -> None:
        super().__init__(soft_wrap=True, file=_terminal() if sys.stdout.isatty() else None)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        forget_stdout()


def _terminal() -> TextIO:
    return os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors="replace")


def forget_stdout() -> None:
    """Let what is still to be written vanish: else Python complains about it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def print_json(value: Any) -> None:
    """A value as one JSON text on standard output."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    try:
        print(json.dumps(plain(value), ensure_ascii=not unicode, indent=2, allow_nan=False), flush=True)  # noqa: T201  # terminal
    except BrokenPipeError:
        forget_stdout()
