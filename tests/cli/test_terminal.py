"""Standard output while Dagster leads it away: a terminal stays one, and nothing of it lands in the run's log."""

import os
import pty
import sys

from synth_dagster.cli.terminal import Terminal


def test_a_terminal_is_written_to_also_while_a_step_runs(tmp_path, monkeypatch):
    ours, theirs = pty.openpty()
    captured = os.open(tmp_path / "captured", os.O_RDWR | os.O_CREAT)
    with os.fdopen(theirs, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        console = Terminal()
        os.dup2(captured, theirs)  # so does Dagster when a step begins
        assert console.is_terminal and not stdout.isatty()
        console.print("half of it is done")
        assert b"half of it is done" in os.read(ours, 100)
        assert (tmp_path / "captured").read_bytes() == b""
        console.file.close()
    os.close(captured)
    os.close(ours)
