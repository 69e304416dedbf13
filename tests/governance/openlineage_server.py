"""A receiver of OpenLineage on loopback: it takes what the published schemas allow, and has bad moods on request."""

import json
import threading
from collections import defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.governance.openlineage_check import published


class Server:
    """`moods` are for the next posts: a status, "hang up", or "stuck", which takes the event and answers if let go."""

    def __init__(self):
        self.moods, self.mistakes, self.paths = deque(), [], set()
        self.taken = defaultdict(list)  # (run, state) -> each time it came
        self.stuck, self.let_go = threading.Semaphore(0), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def came(self, body):
        """An event as a receiver takes it: checked, then kept. A status."""
        event = json.loads(body)
        wrong = published().mistakes(event)
        self.mistakes += wrong
        if wrong:
            return 422
        self.taken[event["run"]["runId"], event["eventType"]].append(event)
        return 201

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                server.paths.add(self.path)
                mood = server.moods.popleft() if server.moods else None
                if mood == "hang up":
                    self.close_connection = True
                    return
                status = mood if isinstance(mood, int) else server.came(body)
                if mood == "stuck":
                    server.stuck.release()
                    server.let_go.wait()
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
