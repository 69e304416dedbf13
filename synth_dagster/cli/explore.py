"""`synth explore`: the lake in a browser. Records, lineage, reach, releases, and what an erasure would take."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from rich.markup import escape

from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal
from synth_dagster.errors import SynthError
from synth_dagster.governance.pages import Pages, is_here


def explore(given: Path | None, host: str | None, port: int | None) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    project = open_project(given)
    project.lake  # noqa: B018  # a lake that cannot be opened is said before a port is taken
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with explorer_at(project, host, port, Terminal()):
            while not ended.wait(1.0):  # a wait without end would not see the signal everywhere
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


@contextmanager
def explorer_at(project: Project, host: str | None, port: int | None, console: Terminal) -> Iterator[None]:
    """The explorer of a project, where links lead to it if nothing else is named. Raises SynthError in one line."""
    from synth_dagster.cli.erase import surroundings
    from synth_dagster.explorer.guard import Guard
    from synth_dagster.explorer.question import Explorer
    from synth_dagster.explorer.server import Server
    from synth_dagster.signing import Signer

    pages = Pages.of(os.environ)
    host, port = host or "127.0.0.1", port if port is not None else own_port(pages)
    guard = Guard.of(os.environ, host, pages.explorer or "")
    explorer = Explorer(project.lake, guard, surroundings(project), lambda: Signer.of(os.environ))
    try:
        server = Server(explorer, host, port)
    except OSError as error:
        raise SynthError(
            f"The explorer cannot be opened at {host}:{port}: {error.strerror}. If 'synth ui' or a 'synth explore' "
            "runs there, it shows this already; else name another with --port, or with SYNTH_PAGES for links as well."
        ) from None
    with server:
        shown = f"http://{f'[{host}]' if ':' in host else host}:{server.port}"
        can_write = "reads, and erases for who signs in" if guard.token else "only reads"
        console.print(f"The explorer is at {escape(shown)} until Ctrl-C; it {can_write}.", highlight=False)
        yield
    if explorer.erasures.is_running:
        console.print("An erasure was being carried out: 'synth erase' and 'synth run' go on with what was begun.")


def own_port(pages: Pages) -> int:
    """The port of the links of runs, where they lead to this machine; else the usual one."""
    for address in (pages.explorer, pages.base):
        if address is not None and is_here(address):
            return urlsplit(address).port or 80
    return 3070
