"""The lake's own pages in the explorer: it shows previews and reports to this machine, and nothing else to anybody."""

import http.client
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from synth_dagster.errors import SynthError
from synth_dagster.explorer.app import application
from synth_dagster.explorer.files import page_name
from synth_dagster.explorer.question import Explorer
from synth_dagster.explorer.server import Server
from synth_dagster.governance.page import POLICY
from synth_dagster.governance.report_style import POLICY as REPORT_POLICY
from synth_dagster.lake.lake import Lake
from synth_dagster.storage import FolderStore
from tests.explorer.conftest import HOME


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.open(tmp_path / "lake")
    for name in (
        "previews/p.html",
        "previews/a%3A1.html",
        "reports/notes/r0001.md",
        "notes/secret.html",
        "previews/.hidden.html",
    ):
        (tmp_path / "lake" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lake" / name).write_text(f"<p>{name} Ø</p>")
    (tmp_path / "lake/previews/data.parquet").write_bytes(b"PAR1")
    (tmp_path / "outside.html").write_text("outside")
    return lake


@pytest.fixture
def client(lake: Lake) -> TestClient:
    return TestClient(application(Explorer(lake)), base_url=HOME)


def test_a_preview_is_a_page_that_may_load_and_run_nothing(client):
    answer = client.get("/previews/p.html")
    assert (answer.status_code, answer.text) == (200, "<p>previews/p.html Ø</p>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_name_is_unquoted_once(lake):
    with Server(Explorer(lake), "127.0.0.1", 0) as server:  # the client of tests unquotes it itself
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("GET", "/previews/a%253A1.html")
        assert connection.getresponse().read().decode() == "<p>previews/a%3A1.html Ø</p>"
        connection.close()


def test_a_report_is_read_as_text(client):
    answer = client.get("/reports/notes/r0001.md?from=dagster")
    assert (answer.status_code, answer.text) == (200, "<p>reports/notes/r0001.md Ø</p>")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-security-policy"] == REPORT_POLICY  # names our own script


def test_a_head_request_gets_no_body(client):
    answer = client.head("/previews/p.html")
    assert (answer.status_code, answer.text) == (200, "") and int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(
    "path",
    [
        "/previews",
        "/previews/",
        "/notes/secret.html",
        "/previews/../notes/secret.html",
        "/previews/%2e%2e/notes/secret.html",
        "/previews/..%2f..%2foutside.html",
        "/previews//etc/passwd.html",
        "/previews/.hidden.html",
        "/previews/..\\..\\outside.html",
        "/previews/p.html%00.md",
        "/previews/data.parquet",
        "/previews/missing.html",
        "/previews/p.html/",
    ],
)
def test_nothing_else_is_shown(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text and "outside" not in answer.text and "PAR1" not in answer.text


def test_a_lake_that_cannot_be_read_is_said_without_a_trace(lake, tmp_path):
    class Away(FolderStore):
        def read(self, name: str) -> bytes:
            raise SynthError("The bucket is away.")

    lake.store = Away(tmp_path / "lake")
    answer = TestClient(application(Explorer(lake)), base_url=HOME).get("/previews/p.html")
    assert answer.status_code == 503 and "Traceback" not in answer.text


def test_a_page_is_named_by_its_folder_and_file():
    assert page_name("/reports/notes/r 0001.html") == "reports/notes/r 0001.html"
    assert page_name("/notes/secret.html") is None
