"""Shows the lake's previews and reports to the browsers of this machine, while `synth ui` runs.

It only reads, on loopback, and only pages of two folders: no listing, no other file. A page of another site that has
got itself a name for this address is refused by that name.
"""

import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from synth_dagster.errors import SynthError
from synth_dagster.governance.page import POLICY
from synth_dagster.governance.pages import FOLDERS
from synth_dagster.governance.report_style import POLICY as REPORT_POLICY
from synth_dagster.storage import NotThere, Store

log = logging.getLogger(__name__)
HOSTS = ("127.0.0.1", "localhost")
TYPES = {".html": "text/html; charset=utf-8", ".md": "text/plain; charset=utf-8", ".json": "application/json"}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",  # what is erased is gone from the browser too
}


class PageServer:
    """A server of one lake's pages, from `with` to its end. Raises OSError when the port is taken."""

    def __init__(self, store: Store, port: int) -> None:
        self._server = _Server(store, port)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="pages")

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: Store, port: int) -> None:
        self.store = store
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds that a browser may be silent on a connection

    def do_GET(self) -> None:
        status, kind, body = self._answer()
        self.send_response(status)
        own = {"Content-Security-Policy": self._policy(), "Content-Type": kind, "Content-Length": str(len(body))}
        for name, value in {**HEADERS, **own}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  # named by http.server

    def _answer(self) -> tuple[HTTPStatus, str, bytes]:
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in HOSTS:
            return _said(HTTPStatus.FORBIDDEN, "Pages are shown under 127.0.0.1 only.")
        name = page_name(self.path)
        if name is None:
            return _said(HTTPStatus.NOT_FOUND, "Here stand previews and reports of a lake; Dagster links to them.")
        assert isinstance(self.server, _Server), "no other server has this handler"
        try:
            return HTTPStatus.OK, TYPES[name[name.rindex(".") :]], self.server.store.read(name)
        except NotThere:
            return _said(HTTPStatus.NOT_FOUND, "This lake has no such page: it is of another lake, or was erased.")
        except (SynthError, OSError) as error:
            log.warning("A page could not be read: %s", error)
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, "The lake cannot be read now. The terminal says why.")

    def _policy(self) -> str:
        """A report has a script of ours, named by its hash; a preview has none."""
        return REPORT_POLICY if (page_name(self.path) or "").startswith("reports/") else POLICY

    def version_string(self) -> str:
        return "synth"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the terminal is Dagster's."""


def page_name(path: str) -> str | None:
    """The name of the page in its store that a request asks for; None for everything that is no page."""
    parts = unquote(urlsplit(path).path).lstrip("/").split("/")
    is_page = parts[0] in FOLDERS and len(parts) > 1 and any(parts[-1].endswith(ending) for ending in TYPES)
    hidden = any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts)
    return "/".join(parts) if is_page and not hidden else None


def _said(status: HTTPStatus, words: str) -> tuple[HTTPStatus, str, bytes]:
    return status, "text/plain; charset=utf-8", f"{words}\n".encode()
