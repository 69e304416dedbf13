"""Runs the explorer in a thread of its own, from `with` to its end: for `synth explore`, `synth ui` and tests."""

import logging
import socket
import threading
import time
from types import TracebackType
from typing import Self

from synth_dagster.explorer.question import Explorer

MOST_CONNECTIONS = 128
SILENT_S = 15  # that a browser may keep a connection without asking
ENDING_S = 3  # for requests that are being answered when the server ends
STARTING_S = 30.0


class Server:
    """A server of one explorer. Raises OSError when the port is taken or the host is not of this machine."""

    def __init__(self, explorer: Explorer, host: str, port: int) -> None:
        import uvicorn

        from synth_dagster.explorer.app import application

        self._socket = _bound(host, port)
        config = uvicorn.Config(
            application(explorer),
            log_config=None,
            access_log=False,  # an address may hold words of a record
            lifespan="off",
            ws="none",
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=SILENT_S,
            timeout_graceful_shutdown=ENDING_S,
        )
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True, name="explorer"
        )

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        until = time.monotonic() + STARTING_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(2 * ENDING_S)
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(MOST_CONNECTIONS)
    except BaseException:
        found.close()
        raise
    return found
