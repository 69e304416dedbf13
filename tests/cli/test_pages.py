"""The server of the lake's pages: it shows previews and reports to this machine, and nothing else to anybody."""

import http.client
import socket
from pathlib import Path

import pytest

from synth_dagster.cli.pages import PageServer, page_name
from synth_dagster.errors import SynthError
from synth_dagster.governance.page import POLICY
from synth_dagster.storage import FolderStore, NotThere


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    for name in ("previews/p.html", "reports/notes/r0001.md", "notes/secret.html", "previews/.hidden.html"):
        (tmp_path / "lake" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lake" / name).write_text(f"<p>{name} Ø</p>")
    (tmp_path / "lake/previews/data.parquet").write_bytes(b"PAR1")
    (tmp_path / "outside.html").write_text("outside")
    return tmp_path / "lake"


@pytest.fixture
def server(lake: Path):
    with PageServer(FolderStore(lake), 0) as running:
        yield running


def asked(server: PageServer, path: str, method: str = "GET", host: str = "127.0.0.1"):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def test_a_preview_is_a_page_that_may_load_and_run_nothing(server):
    answer, body = asked(server, "/previews/p.html")
    assert (answer.status, body) == (200, "<p>previews/p.html Ø</p>")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_report_is_read_as_text(server):
    answer, body = asked(server, "/reports/notes/r0001.md?from=dagster")
    assert (answer.status, body) == (200, "<p>reports/notes/r0001.md Ø</p>")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_a_head_request_gets_no_body(server):
    answer, body = asked(server, "/previews/p.html", "HEAD")
    assert (answer.status, body) == (200, "") and int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/previews",
        "/previews/",
        "/notes/secret.html",
        "/previews/../notes/secret.html",
        "/previews/%2e%2e/notes/secret.html",
        "/previews/..%2f..%2foutside.html",
        "/previews//etc/passwd.html",
        "//previews/../../outside.html",
        "/previews/.hidden.html",
        "/previews/..\\..\\outside.html",
        "/previews/p.html%00.md",
        "/previews/data.parquet",
        "/previews/missing.html",
        "/previews/p.html/",
    ],
)
def test_nothing_else_is_shown(server, path):
    answer, body = asked(server, path)
    assert answer.status == 404
    assert "secret" not in body and "outside" not in body and "PAR1" not in body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3070", "", "127.0.0.1.evil.example"])
def test_a_site_that_names_itself_after_this_address_is_refused(server, host):
    answer, body = asked(server, "/previews/p.html", host=host)
    assert answer.status == 403 and "Ø" not in body


@pytest.mark.parametrize("host", ["127.0.0.1:3070", "localhost", "LOCALHOST:1"])
def test_the_names_of_this_machine_are_taken(server, host):
    assert asked(server, "/previews/p.html", host=host)[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_only_reads(server, method):
    assert asked(server, "/previews/p.html", method)[0].status == 501


def test_a_lake_that_cannot_be_read_is_said_without_a_trace(lake):
    class Away(FolderStore):
        def read(self, name: str) -> bytes:
            raise SynthError("The bucket is away.")

    with PageServer(Away(lake), 0) as server:
        answer, body = asked(server, "/previews/p.html")
    assert answer.status == 503 and "Traceback" not in body


def test_it_stops_and_gives_its_port_back(lake):
    with PageServer(FolderStore(lake), 0) as server:
        port = server.port
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_a_page_is_named_by_its_folder_and_file():
    assert page_name("/reports/notes/r%200001.html") == "reports/notes/r 0001.html"
    with pytest.raises(NotThere):
        FolderStore(Path("/nonexistent")).read("previews/p.html")
