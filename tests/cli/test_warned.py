"""Warnings in the terminal of a run: each kind at once and once, with a count of what came after it."""

import io
import logging

from rich.console import Console

from synth_dagster.cli.progress import TerminalProgress

log = logging.getLogger("synth_dagster.teacher")


def test_what_is_warned_of_again_and_again_is_two_lines():
    console = Console(file=io.StringIO(), width=200)
    with TerminalProgress(console):
        log.info("nothing to speak of")
        for number in range(5_000):
            log.warning("The endpoint at [::1]:8000 failed %d times in a row", number)
        log.warning("Another thing")
        shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        assert shown == ["The endpoint at [::1]:8000 failed 0 times in a row", "Another thing"]
    log.warning("after the run")
    (count,) = console.file.getvalue().splitlines()[2:]  # type: ignore[attr-defined]
    assert count == "The endpoint at [::1]:8000 failed 0 times in a row (4999 more of the kind)"
