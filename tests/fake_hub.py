"""A hub of datasets on loopback: the few routes that `datasets` asks for a small repository, and its bad days.

Statuses and error codes are those of huggingface.co. A program finds it by HF_ENDPOINT, which is read when
huggingface_hub is imported; so what reads from it is a process of its own.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

ABSENT = (401, "RepoNotFound", "Repository not found, or private: authenticate")
GATED = (403, "GatedRepo", "Access to this dataset is restricted and you are not in the authorized list")
NO_REVISION = (404, "RevisionNotFound", "Invalid rev id")
NO_FILE = (404, "EntryNotFound", "Entry not found")


@dataclass
class Repository:
    """Files by revision; a branch is another name of one. `gated`: its files are listed but not given."""

    commits: Mapping[str, Mapping[str, bytes]]
    branches: Mapping[str, str] = field(default_factory=dict)
    gated: bool = False


@dataclass
class Hub:
    """A hub that runs, and what it was asked."""

    repositories: dict[str, Repository]
    address: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body."""
        parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
        if parts[:2] == ["api", "datasets"]:
            name, kind, rest = "/".join(parts[2:4]), parts[4:5], parts[5:]
        elif parts[:1] == ["datasets"]:
            name, kind, rest = "/".join(parts[1:3]), parts[3:4], parts[4:]
        else:
            return _error(NO_FILE)
        repository = self.repositories.get(name)
        if repository is None:
            return _error(ABSENT)
        asked = rest[0] if rest else "main"
        commit = repository.branches.get(asked, asked)
        if commit not in repository.commits:
            return _error(NO_REVISION)
        files = repository.commits[commit]
        if kind == ["tree"]:
            folder = "".join(f"{part}/" for part in rest[1:])
            found = [_entry(path, data) for path, data in files.items() if path.startswith(folder)]
            return _json(found) if found else _error(NO_FILE)
        if kind == ["resolve"]:
            return _file(repository, commit, files.get("/".join(rest[1:])))
        siblings = [{"rfilename": path} for path in files]
        gated = "manual" if repository.gated else False
        return _json({"id": name, "sha": commit, "private": False, "gated": gated, "tags": [], "siblings": siblings})


def _file(repository: Repository, commit: str, data: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
    if data is None:
        return _error(NO_FILE)
    if repository.gated:
        return _error(GATED)
    return 200, {"ETag": f'"{hash(data):x}"', "X-Repo-Commit": commit}, data


def _entry(path: str, data: bytes) -> dict[str, object]:
    return {"type": "file", "oid": f"{hash(data):x}", "size": len(data), "path": path}


def _json(value: object) -> tuple[int, Mapping[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _error(error: tuple[int, str, str]) -> tuple[int, Mapping[str, str], bytes]:
    status, code, words = error
    return status, {"X-Error-Code": code, "X-Error-Message": words}, json.dumps({"error": words}).encode()


@contextmanager
def fake_hub(**repositories: Repository) -> Iterator[Hub]:
    """A hub with repositories of the owner `acme`."""
    hub = Hub({f"acme/{name}": one for name, one in repositories.items()})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.asked.append(f"{self.command} {urlsplit(self.path).path}")
            status, headers, body = hub.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
