"""A proxy in front of an S3 server that has bad days: told how, it refuses, breaks off, or ignores conditions."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>"
PASSED_ON = ("content-type", "etag", "last-modified", "content-range", "accept-ranges")


@dataclass
class Faults:
    """What goes wrong from now on."""

    address: str = ""
    refuse: int = 0  # so many requests are answered with 503
    only: str = ""  # of this method alone
    break_off: int = 0  # so many bodies end in the middle
    forget_conditions: bool = False  # If-None-Match is ignored
    deny: bool = False  # all is answered with 403
    deny_path: str = ""  # what is asked below this path is answered with 403
    asked: list[str] = field(default_factory=list)


@contextmanager
def faulty(server: str) -> Iterator[Faults]:
    """A proxy to the server's address."""
    faults = Faults()
    upstream = urlsplit(server).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faults.asked.append(f"{self.command} {self.path}")
            if faults.deny or (faults.deny_path and self.path.startswith(faults.deny_path)):
                return self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
            if faults.refuse and self.command.startswith(faults.only):
                faults.refuse -= 1
                return self.answer(503, SLOW_DOWN)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            if faults.forget_conditions:
                headers = {name: value for name, value in headers.items() if name.lower() != "if-none-match"}
            connection = HTTPConnection(upstream, timeout=30)
            connection.request(self.command, self.path, body, headers)
            found = connection.getresponse()
            data = found.read()
            kept = {name: value for name, value in found.getheaders() if name.lower() in PASSED_ON}
            length = found.headers.get("Content-Length") if self.command == "HEAD" else str(len(data))
            connection.close()
            self.answer(found.status, data, kept, length)
            return None

        def answer(self, status: int, data: bytes, headers: dict[str, str] | None = None, length: str | None = None):
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            if self.command == "HEAD":
                return
            if self.command == "GET" and status < 300 and faults.break_off and len(data) > 1:
                faults.break_off -= 1
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True
                return
            self.wfile.write(data)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = pass_on

        def log_message(self, *_: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    faults.address = f"http://127.0.0.1:{proxy.server_address[1]}"
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield faults
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
