"""Serves the embedded teacher over HTTP on loopback, in a thread with its own event loop.

with EmbeddedTeacher.serve() as server:
    client = OpenAI(base_url=server.base_url, api_key="none")
"""

import asyncio
import json
import logging
import signal
import threading
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from synth_dagster.errors import TeacherError
from synth_dagster.teacher.embedded import protocol

if TYPE_CHECKING:
    from aiohttp import web

_START_LIMIT = 10.0  # seconds; a start takes milliseconds, so more means that it hangs


class EmbeddedTeacher:
    """A running server. `stop` ends it, frees the port and may be called twice."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self.port = host, port
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="embedded-teacher", daemon=True)

    @classmethod
    def serve(cls, *, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Starts a server and waits until it accepts connections. Port 0 takes a free one."""
        server = cls(host, port)
        server._thread.start()
        if not server._ready.wait(_START_LIMIT):
            raise TeacherError(f"The embedded teacher did not start within {_START_LIMIT:.0f} seconds. Try again.")
        if server._problem:
            raise _cannot_listen(host, port, server._problem) from server._problem
        return server

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    def stop(self) -> None:
        """Ends the server after the requests in progress and waits for its thread."""
        if self._loop and self._ended and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as problem:  # noqa: BLE001  reported by serve(), in the thread that can act on it
            self._problem = problem
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with _Listening(self.host, self.port) as self.port:
            self._ready.set()
            await self._ended.wait()


def run(*, host: str = "127.0.0.1", port: int = 8765, announce: Callable[[str], None] = lambda base_url: None) -> None:
    """Serves until a signal ends it, for `synth teacher serve`. `announce` is given the base URL once it listens."""
    try:
        asyncio.run(_serve_until_cancelled(host, port, announce))
    except KeyboardInterrupt:
        return
    except OSError as problem:
        raise _cannot_listen(host, port, problem) from problem


async def _serve_until_cancelled(host: str, port: int, announce: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with _Listening(host, port) as actual:
        announce(f"http://{host}:{actual}/v1")
        await ended.wait()


class _Listening:
    """The application on a port, as a context: entering gives the port, leaving frees it."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    async def __aenter__(self) -> int:
        from aiohttp import web

        self._runner = web.AppRunner(application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port, backlog=1024).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        return self._runner.addresses[0][1]

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


def _cannot_listen(host: str, port: int, problem: BaseException) -> TeacherError:
    return TeacherError(f"The embedded teacher cannot listen on {host}:{port}: {problem}. Choose another port, or 0.")


def application() -> "web.Application":
    """The routes. Bodies over the limit are refused before they are read whole."""
    from aiohttp import web

    app = web.Application(middlewares=[_errors_in_openai_shape()], client_max_size=protocol.MAX_BYTES)
    app.router.add_post("/v1/chat/completions", _posted(protocol.chat))
    app.router.add_post("/v1/embeddings", _posted(protocol.embeddings))
    app.router.add_get("/v1/models", _models)
    app.router.add_get("/v1/models/{name}", _model)
    return app


Handler = Callable[["web.Request"], Awaitable["web.StreamResponse"]]


def _posted(answer: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Handler:
    async def handle(request: "web.Request") -> "web.StreamResponse":
        return _json(answer(protocol.parse(await request.read())))

    return handle


async def _models(request: "web.Request") -> "web.StreamResponse":
    return _json(protocol.models())


async def _model(request: "web.Request") -> "web.StreamResponse":
    return _json(protocol.model(request.match_info["name"]))


def _errors_in_openai_shape() -> Any:
    from aiohttp import web

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except protocol.Refused as refused:
            return _refusal(refused)
        except web.HTTPRequestEntityTooLarge:
            limit = protocol.MAX_BYTES // 2**20
            return _refusal(protocol.Refused(f"The body is larger than {limit} MiB. Send less text.", status=413))
        except web.HTTPMethodNotAllowed as wrong:
            allowed = ", ".join(sorted(wrong.allowed_methods))
            return _refusal(protocol.Refused(f"{request.method} is not allowed here. Use {allowed}.", status=405))
        except web.HTTPNotFound:
            served = "/v1/chat/completions, /v1/embeddings and /v1/models"
            return _refusal(protocol.Refused(f"There is nothing at {request.path[:80]}. Served: {served}.", status=404))
        except Exception as error:  # noqa: BLE001  a server answers, whatever happens
            # the kind of error and no more: its message may hold text of the request
            logging.getLogger(__name__).error("A request failed inside the embedded teacher: %s", type(error).__name__)
            message = f"The embedded teacher failed on this request ({type(error).__name__}). Please report it."
            return _refusal(protocol.Refused(message, status=500))

    return middleware


def _refusal(refused: protocol.Refused) -> "web.Response":
    return _json(refused.body(), status=refused.status)


def _json(body: dict[str, Any], *, status: int = 200) -> "web.Response":
    from aiohttp import web

    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")
