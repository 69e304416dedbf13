"""`synth ui`: Dagster on what was made, and beside it the explorer with the lake's pages, to which Dagster links."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from rich.markup import escape

from synth_dagster.cli.explore import explorer_at
from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal
from synth_dagster.governance.pages import Pages, is_here

PATIENCE_S = 30.0  # for Dagster's processes to end by themselves


def open_ui(given: Path | None, port: int) -> int:
    """Run until stopped. Returns Dagster's exit code."""
    project = open_project(given)
    console = Terminal()
    with _explorer(project, console):
        return _attended(_dagster(project.root, port))


@contextmanager
def _explorer(project: Project, console: Terminal) -> Iterator[None]:
    """The explorer at the address that the links of runs have, if that is on this machine."""
    pages = Pages.of(os.environ)
    if not is_here(pages.base):
        console.print(f"Previews and reports are shown by {escape(pages.base)}, as SYNTH_PAGES says.", highlight=False)
        yield
        return
    with explorer_at(project, None, urlsplit(pages.base).port or 80, console):
        yield


def _dagster(root: Path, port: int) -> "subprocess.Popen[bytes]":
    """Dagster's web server and daemon on the project."""
    # started with SIGINT ignored, as by `&` in a script, we would pass that on, and Dagster would ignore SIGTERM too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    env = {"DAGSTER_HOME": str(root), "DAGSTER_DISABLE_TELEMETRY": "1", **os.environ}
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.Popen(command, cwd=root, env=env)  # noqa: S603  # our own interpreter, and a checked number


def _attended(dagster: "subprocess.Popen[bytes]") -> int:
    """Wait for Dagster. Being asked to end is passed on; Ctrl-C reaches it by itself, being of the same terminal."""

    def end(number: int, frame: FrameType | None) -> None:
        dagster.terminate()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        return dagster.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
        _ended(dagster)


def _ended(dagster: "subprocess.Popen[bytes]") -> None:
    """Wait until it has gone, then ask, then insist."""
    for insist in (dagster.terminate, dagster.kill):
        try:
            dagster.wait(PATIENCE_S)
            return
        except subprocess.TimeoutExpired:
            insist()
    dagster.wait()
